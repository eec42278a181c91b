"""From an instance to a resolved instance: every reference followed, every contradiction reported at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gpufleet.errors import InputError
from gpufleet.library.check_engines import check_engines
from gpufleet.library.check_fleet import check_fleet
from gpufleet.library.check_measurements import check_measurements
from gpufleet.library.check_measures import check_measures
from gpufleet.library.check_names import check_names
from gpufleet.library.check_partitions import check_partitions, find_partitions
from gpufleet.library.check_time import check_time
from gpufleet.library.check_workloads import check_disaggregation, check_values, check_workloads
from gpufleet.library.demand_profile import with_demand_profile
from gpufleet.library.digest import digest
from gpufleet.library.document_edits import edited_document, placed_at_edits
from gpufleet.library.findings import Findings
from gpufleet.library.library import Library, given_or_usual
from gpufleet.library.measurements import read_profiles
from gpufleet.library.migration import check_migration, migration_from, plan_of_today
from gpufleet.library.overlay_rules import catalog_name, lay_over
from gpufleet.library.reader import read_document
from gpufleet.library.references import find_accelerators, find_models, find_node_types, find_offers
from gpufleet.library.services import check_services, merge_services, places_of_services
from gpufleet.library.shelf import Shelf
from gpufleet.library.sources.points import source_points
from gpufleet.library.unsupported import refuse_unsupported
from gpufleet.library.validation import Memory, validate
from gpufleet.schema.instance import Instance
from gpufleet.schema.resolved import ResolvedInstance

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from gpufleet.library.document_edits import Edit
    from gpufleet.library.fields import Loc
    from gpufleet.library.reader import Document
    from gpufleet.library.references import PlacedOffer
    from gpufleet.schema.measurements import PerformanceSource
    from gpufleet.schema.resolved import PriceFile


def load_instance(
    path: Path | str,
    library: Library | None = None,
    performance_source: PerformanceSource | None = None,
    edits: Sequence[Edit] = (),
    overlay: Path | str | None = None,
) -> ResolvedInstance:
    """Read an instance file (YAML or JSON, `.gz` behind the suffix or not) and resolve it against a library.

    Without a library, `Library.open()` counts. `performance_source` is taken instead of the instance's own. `edits`
    change what the file says before it is checked; shorthands (`prices`, `demand`, `stock`) are not among them, see
    `gpufleet.load_edited`. An `overlay` file lays your discounts and private prices over those of the library and the
    instance; without one, that of the library (`Library.open(overlay=...)`, GPUFLEET_OVERLAY) counts. Raises InputError
    with every problem found, each with its line, or with the edit that caused it; MissingExtraError where the
    performance source is not installed.
    """
    if overlay is not None:
        library = given_or_usual(library).with_overlay(overlay)
    return resolve_document(read_document(path), library, performance_source, edits)


def resolve_document(
    document: Document,
    library: Library | None = None,
    performance_source: PerformanceSource | None = None,
    edits: Sequence[Edit] = (),
) -> ResolvedInstance:
    """As `load_instance`, from a document that was read before, which stays as it is."""
    value, places = edited_document(document.value, edits, document.path) if edits else (document.value, [])
    try:
        instance = validate(Instance, value, document)
        if performance_source is not None:
            instance = instance.model_copy(update={"performance_source": performance_source})
        return resolve(instance, library, path=document.path, locate=document.line_of)
    except InputError as error:
        raise placed_at_edits(error, places) from None


def resolve(
    instance: Instance,
    library: Library | None = None,
    path: str = "<memory>",
    locate: Callable[[Loc], int] | None = None,
) -> ResolvedInstance:
    """Follow every reference of an instance, and make one workload of those that share a service.

    A demand profile, and the plan of today's fleet, are read relative to `path` and written out in the instance.

    `path` and `locate` (field to line) place the problems.

    Raises InputError with everything that is unknown, contradictory, unpriced or not supported.
    """
    filled = with_demand_profile(instance, path)
    made = bool(filled.periods) and not instance.periods
    lines = _placed_at_the_profile(locate) if made else locate
    findings = Findings(path, lines)
    try:
        resolved = _resolve(filled, library or Library.open(), path, findings)
    except InputError as error:
        raise InputError([*findings.problems, *error.problems]) from None
    findings.stop()
    return replace(resolved, locate=lines)


def make_instance(fields: Mapping[str, Any]) -> Instance:
    """An instance from plain data: what a file would hold, as dicts, lists and values.

    Raises InputError with everything that is wrong, each with its field (`<memory>: workloads[0].slo: ...`);
    the constructor `Instance(...)` checks the same, and raises pydantic's ValidationError.
    """
    return validate(Instance, dict(fields), Memory())


def _placed_at_the_profile(locate: Callable[[Loc], int] | None) -> Callable[[Loc], int] | None:
    """Lines of fields, where periods come from the file that `demand_profile` names."""
    if locate is None:
        return None
    return lambda loc: locate(("demand_profile",) if loc[:1] == ("periods",) else loc)


def _resolve(instance: Instance, library: Library, path: str, findings: Findings) -> ResolvedInstance:
    shelf = Shelf(instance, library)
    refuse_unsupported(instance, findings)
    check_names(instance, findings)
    listed = find_offers(instance, shelf, findings)
    placed, overlay = lay_over(listed, instance, shelf, findings)
    node_types = find_node_types(placed, shelf, findings)
    partitions = find_partitions(instance, node_types, shelf, findings)
    check_partitions(instance, placed, partitions, shelf, findings)
    node_types |= partitions
    accelerators = find_accelerators(instance, node_types, shelf, findings)
    models = find_models(instance, shelf, findings)
    check_fleet(instance, placed, node_types, shelf, findings)
    check_time(instance, placed, shelf, findings)
    check_measures(instance, models, shelf, findings)
    check_workloads(instance, models, shelf, findings)
    check_values(instance, findings)
    check_disaggregation(instance, node_types, findings)
    check_services(instance, findings)
    check_migration(instance, findings)
    profiles = read_profiles(instance, path, findings)
    check_engines(instance, shelf.library.calibration, profiles, findings)
    check_measurements(instance, profiles, models, node_types, shelf, path, findings)
    if not findings.problems:
        points, gaps = source_points(instance, models, node_types, profiles)
        profiles = replace(profiles, modelled=(*profiles.modelled, *points), gaps=gaps)
    places: dict[Loc, Loc] = {("offers", offer.name): loc for loc, offer in placed}
    if not findings.problems:
        places |= places_of_services(instance)
    instance, services = (instance, {}) if findings.problems else merge_services(instance)
    today = None if findings.problems else plan_of_today(instance, path)
    if today is not None and instance.migration is not None:
        prices = (instance.migration.usd_per_node, instance.migration.usd_per_accelerator)
        found = migration_from(today, instance, {offer.name: offer for _, offer in placed}, *prices)
        instance = instance.model_copy(update={"migration": found})
    offers, calibration = {offer.name: offer for _, offer in placed}, library.calibration
    return ResolvedInstance(
        instance=instance,
        sites=shelf.sites,
        accelerators=accelerators,
        node_types=node_types,
        offers=offers,
        models=models,
        calibration=calibration,
        digest=digest(instance, accelerators, node_types, offers, models, calibration=calibration, profiles=profiles),
        path=path,
        services=services,
        profiles=profiles,
        price_files=_price_files(listed, library),
        overlay=overlay,
        places=places,
    )


def _price_files(listed: Sequence[PlacedOffer], library: Library) -> dict[str, PriceFile]:
    """The files of the prices that were taken from the catalogue, by the names of the offers."""
    names = {offer.name: catalog_name(loc, offer) for loc, offer in listed}
    return {offer: library.price_file(name) for offer, name in names.items() if name is not None}
