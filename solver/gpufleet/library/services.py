"""Shared services: workloads that share replicas become one workload when an instance is resolved.

The workload of service s has the class `w/c` for every class c of every member w. SLOs, accuracy floors and demand
factors of a member go with its own classes; everything else must be the same for all members.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gpufleet.library.fields import format_path
from gpufleet.library.wording import show
from gpufleet.schema.workloads import Profiled, Training

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpufleet.library.fields import Loc
    from gpufleet.library.findings import Findings
    from gpufleet.schema.instance import Instance
    from gpufleet.schema.workloads import (
        SLO,
        AccuracyFloor,
        LLMServing,
        ProfiledOption,
        RequestClass,
        RequestServing,
        Workload,
    )

    Member = LLMServing | RequestServing | Profiled
    Numbered = tuple[int, Member]

OWN: Final = frozenset({"name", "note", "service", "classes", "slo", "accuracy", "demand_factors", "options"})
"""Fields in which members may differ; options are compared one by one."""
OWN_OF_OPTION: Final = frozenset({"rates", "source"})
LONGEST_NAME: Final = 120
LONGEST_NOTE: Final = 4000


def check_services(instance: Instance, findings: Findings) -> None:
    """Note services that clash with a workload's name, and members that differ where they must not."""
    places = {workload.name: number for number, workload in enumerate(instance.workloads)}
    for service, members in _services(instance).items():
        for number, _ in members if service in places else []:
            taken = format_path(("workloads", places[service]))
            message = f"{show(service)} is the name of a workload ({taken}) already; give the service another name"
            findings.add(("workloads", number, "service"), message)
        for member in members[1:]:
            _check_equal(service, members[0], member, findings)
        _check_classes(members, findings)


def merge_services(instance: Instance) -> tuple[Instance, dict[str, tuple[str, ...]]]:
    """The instance with one workload per service, in the place of its first member; and who the members are."""
    services = _services(instance)
    if not services:
        return instance, {}
    workloads: dict[str, Workload] = {}
    for workload in instance.workloads:
        service = None if isinstance(workload, Training) else workload.service
        if service is None:
            workloads[workload.name] = workload
        elif service not in workloads:
            workloads[service] = _merged(service, [member for _, member in services[service]])
    merged = instance.model_copy(update={"workloads": tuple(workloads.values())})
    return merged, {name: tuple(member.name for _, member in members) for name, members in services.items()}


def places_of_services(instance: Instance) -> dict[Loc, Loc]:
    """Fields of the merged workloads to the fields of the file that they come from.

    What members share is found at the first of them, what is a member's own (SLOs, classes, floors) at that member.
    """
    services = _services(instance)
    names = names_from_resolve_on(instance)
    order = dict.fromkeys(names[workload.name] for workload in instance.workloads)
    numbers = {workload.name: number for number, workload in enumerate(instance.workloads)}
    places: dict[Loc, Loc] = {}
    for position, name in enumerate(order if services else ()):
        members, bounds, classes = services.get(name), 0, 0
        places["workloads", position] = ("workloads", members[0][0] if members else numbers[name])
        for number, member in members or ():
            places |= _places_of_member(("workloads", position), number, member, bounds, classes)
            bounds += 0 if isinstance(member, Profiled) else len(member.slo)
            classes += len(member.classes)
    return places


def _places_of_member(merged: Loc, number: int, member: Member, bounds: int, classes: int) -> dict[Loc, Loc]:
    """The SLOs and classes of one member, which follow so many of the members before it."""
    found: dict[Loc, Loc] = {}
    for place in range(0 if isinstance(member, Profiled) else len(member.slo)):
        found[(*merged, "slo", bounds + place)] = ("workloads", number, "slo", place)
    for place, group in enumerate(member.classes):
        here = (*merged, "classes", classes + place)
        found[here] = ("workloads", number, "classes", place)
        for rank, floor in enumerate(_floors(member.accuracy, group.accuracy)):
            found[(*here, "accuracy", rank)] = _place_of_floor(number, member, place, floor)
    return found


def _place_of_floor(number: int, member: Member, place: int, floor: AccuracyFloor) -> Loc:
    """Where a member says a floor of one of its classes: at the class, or at the workload."""
    own = member.classes[place].accuracy
    if floor in own:
        return ("workloads", number, "classes", place, "accuracy", own.index(floor))
    return ("workloads", number, "accuracy", member.accuracy.index(floor))


def names_from_resolve_on(instance: Instance) -> dict[str, str]:
    """What every workload is called once services are merged, by its name in the file; services by their own."""
    names = {workload.name: workload.name for workload in instance.workloads}
    for service, members in _services(instance).items():
        names |= {member.name: service for _, member in members}
        names[service] = service
    return names


def note_unknown_workload(loc: Loc, name: str, instance: Instance, findings: Findings) -> None:
    """Note a name that is no workload's, or that of a member of a service, which has no replicas of its own."""
    names = names_from_resolve_on(instance)
    if name not in names:
        findings.unknown(loc, "workload", name, sorted(set(names.values())))
    elif names[name] != name:
        findings.add(loc, f"{show(name)} shares the replicas of service {show(names[name])}; name the service")


def _services(instance: Instance) -> dict[str, list[Numbered]]:
    found: dict[str, list[Numbered]] = {}
    for number, workload in enumerate(instance.workloads):
        if not isinstance(workload, Training) and workload.service is not None:
            found.setdefault(workload.service, []).append((number, workload))
    return found


# ------------------------------------------------------------------------------------------------- checks


def _check_equal(service: str, first: Numbered, second: Numbered, findings: Findings) -> None:
    """Two members have the same kind, and then the same rules."""
    for field, ours, theirs in _differences(first[1], second[1]):
        shown = "" if _is_compound(ours) or _is_compound(theirs) else f": {show(theirs)} there, {show(ours)} here"
        message = (
            f"differs from {format_path(('workloads', first[0], *field))}{shown}; {first[1].name} and {second[1].name} "
            f"share the service {service} and need the same"
        )
        findings.add(("workloads", second[0], *field), message)


def _differences(first: Member, second: Member) -> Iterator[tuple[tuple[str | int, ...], Any, Any]]:
    """(field, value of the second, value of the first)."""
    if first.kind != second.kind:
        yield ("kind",), second.kind, first.kind
        return
    for name in type(first).model_fields:
        ours, theirs = getattr(second, name), getattr(first, name)
        if name not in OWN and _plain(ours) != _plain(theirs):
            yield (name,), ours, theirs
    if isinstance(first, Profiled) and isinstance(second, Profiled) and _forms(first) != _forms(second):
        yield ("options",), second.options, first.options


def _forms(workload: Profiled) -> dict[str, dict[str, Any]]:
    """What the options are, but for their rates."""
    return {option.name: option.model_dump(exclude=set(OWN_OF_OPTION)) for option in workload.options}


def _plain(value: Any) -> Any:
    """Lists of names say the same in any order."""
    return sorted(value) if isinstance(value, tuple) else value


def _is_compound(value: Any) -> bool:
    return not (value is None or isinstance(value, str | int | float))


def _check_classes(members: Sequence[Numbered], findings: Findings) -> None:
    """Names of the service's classes are unique, and not too long for a name."""
    seen: set[str] = set()
    for number, member in members:
        for place, group in enumerate(member.classes):
            name = class_name(member, group)
            message = "is too long" if len(name) > LONGEST_NAME else "stands for two classes" if name in seen else None
            if message is not None:
                here = ("workloads", number, "classes", place, "name")
                findings.add(here, f"the class is called {show(name)} in its service, which {message}; rename it")
            seen.add(name)


# ------------------------------------------------------------------------------------------------ merging


def class_name(member: Member, group: RequestClass) -> str:
    """What a member's class is called in the service."""
    return f"{member.name}/{group.name}"


def _merged(service: str, members: Sequence[Member]) -> Workload:
    """One workload with the classes of all members."""
    notes = "\n".join(f"{member.name}: {member.note}" for member in members if member.note)
    changes: dict[str, Any] = {
        "name": service,
        "note": notes[:LONGEST_NOTE] or None,
        "service": None,
        "classes": tuple(_class(member, group) for member in members for group in member.classes),
        "accuracy": (),
        "demand_factors": {},
    }
    if isinstance(members[0], Profiled):
        profiled = [member for member in members if isinstance(member, Profiled)]
        changes["options"] = tuple(_option(option.name, profiled) for option in members[0].options)
    else:
        changes["slo"] = tuple(
            _slo(member, bound) for member in members if not isinstance(member, Profiled) for bound in member.slo
        )
    return members[0].model_copy(update=changes)


def _class(member: Member, group: RequestClass) -> RequestClass:
    """The class under its new name, with what its workload asked for all of its classes."""
    changes = {
        "name": class_name(member, group),
        "accuracy": _floors(member.accuracy, group.accuracy),
        "demand_factors": {**member.demand_factors, **group.demand_factors},
    }
    return group.model_copy(update=changes)


def _floors(*groups: Sequence[AccuracyFloor]) -> tuple[AccuracyFloor, ...]:
    """All floors, of one metric the highest, relaxed no further than any of them allows."""
    floors: dict[str, list[AccuracyFloor]] = {}
    for floor in (floor for group in groups for floor in group):
        floors.setdefault(floor.metric, []).append(floor)
    return tuple(_highest(same) for same in floors.values())


def _highest(floors: Sequence[AccuracyFloor]) -> AccuracyFloor:
    highest = max(floors, key=lambda floor: floor.at_least)
    relaxed = max(floor.at_least if floor.relaxed_at_least is None else floor.relaxed_at_least for floor in floors)
    return highest.model_copy(update={"relaxed_at_least": relaxed if relaxed < highest.at_least else None})


def _slo(member: Member, bound: SLO) -> SLO:
    """The bound, for the member's own classes."""
    names = tuple(class_name(member, group) for group in member.classes if bound.holds_for(group.name))
    return bound.model_copy(update={"classes": names})


def _option(name: str, members: Sequence[Profiled]) -> ProfiledOption:
    """The option of that name with the rates of all members' classes."""
    rates: dict[str, float] = {}
    found: ProfiledOption | None = None
    for member in members:
        own = next(option for option in member.options if option.name == name)
        found = found or own
        rates |= {f"{member.name}/{group}": rate for group, rate in own.rates.items()}
    assert found is not None
    return found.model_copy(update={"rates": rates})
