"""Back ends by name; each is imported only when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from gpufleet.errors import MissingBackendError

if TYPE_CHECKING:
    from gpufleet.optimize.backends.interface import Backend

BackendName = Literal["cpsat", "pulp", "highs", "scip"]


def backend(name: str) -> Backend:
    """The back end of that name.

    Raises MissingBackendError for an unknown name.
    """
    if name == "cpsat":
        from gpufleet.optimize.backends.cpsat import CpSat

        return CpSat()
    if name == "pulp":
        from gpufleet.optimize.backends.pulp_cbc import PulpCbc

        return PulpCbc()
    if name == "highs":
        from gpufleet.optimize.backends.mathopt_highs import MathOptHighs

        return MathOptHighs()
    if name == "scip":
        from gpufleet.optimize.backends.mathopt_scip import MathOptScip

        return MathOptScip()
    raise MissingBackendError(f"no back end is called {name}; choose one of {', '.join(get_args(BackendName))}")
