"""The optional package aiconfigurator-core: what is used of it, imported only when it is asked for.

NVIDIA, github.com/ai-dynamo/aiconfigurator (Apache-2.0): run times of single operators, measured by engine and system,
and a model of continuous batching on top of them (arXiv 2601.06288). It needs no network and no accelerator.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import logging
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gpufleet.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator

DISTRIBUTION: Final = "aiconfigurator-core"
INSTALL: Final = "pip install 'gpufleet[aiconfigurator]'"
_HOMES: Final = {
    "get_model": "models",
    "resolve_context_fmha_by_data": "models.helpers",
    "get_backend": "backends.factory",
    "get_database_view": "perf_database",
    "get_latest_database_version": "perf_database",
    "get_model_config_from_model_path": "utils",
    "DefaultHFModels": "common",
    "RuntimeConfig": "config",
    "build_model_config": "config_builders",
}


@dataclass(frozen=True)
class Package:
    """What is used of it, under the package's own names."""

    version: str
    used: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        """Something by its name."""
        try:
            return self.used[name]
        except KeyError:
            raise AttributeError(name) from None


def load_package() -> Package:
    """The package. Raises MissingExtraError when it is not installed, or in a version that lacks what is used."""
    try:
        with quiet():
            modules = {home: importlib.import_module(f"aiconfigurator_core.sdk.{home}") for home in _HOMES.values()}
        version = importlib.metadata.version(DISTRIBUTION)
        return Package(version, {name: getattr(modules[home], name) for name, home in _HOMES.items()})
    except (ImportError, AttributeError, importlib.metadata.PackageNotFoundError) as error:
        message = f"performance source aiconfigurator needs {DISTRIBUTION} ({error}); install it with: {INSTALL}"
        raise MissingExtraError(message) from None


@contextmanager
def quiet() -> Iterator[None]:
    """Without the log messages and warnings of the package, which are about its own tables."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
