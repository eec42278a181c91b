"""gpufleet: decide which accelerators to buy or rent.

>>> from gpufleet import load_instance, solve, verify
>>> resolved = load_instance("instances/reference/bank-assistant.yaml")
>>> plan = solve(resolved)
>>> verify(resolved, plan).ok
True
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from gpufleet.confirming import Confirmation as Confirmation
    from gpufleet.confirming import confirm as confirm
    from gpufleet.errors import ClusterError as ClusterError
    from gpufleet.errors import GpufleetError as GpufleetError
    from gpufleet.errors import InputError as InputError
    from gpufleet.errors import InputProblem as InputProblem
    from gpufleet.errors import Int64OverflowError as Int64OverflowError
    from gpufleet.errors import MissingBackendError as MissingBackendError
    from gpufleet.errors import MissingExtraError as MissingExtraError
    from gpufleet.errors import VerificationError as VerificationError
    from gpufleet.estimating.options import estimate_options as estimate_options
    from gpufleet.explain.explanation import Explanation as Explanation
    from gpufleet.explain.explanation import explanation as explanation
    from gpufleet.library import Library as Library
    from gpufleet.library import load_instance as load_instance
    from gpufleet.library import load_plan as load_plan
    from gpufleet.library import resolve as resolve
    from gpufleet.library import write_plan as write_plan
    from gpufleet.optimize.progress import ProgressEvent as ProgressEvent
    from gpufleet.schema.estimate import EstimateResult as EstimateResult
    from gpufleet.schema.instance import Instance as Instance
    from gpufleet.schema.plan import Plan as Plan
    from gpufleet.schema.resolved import ResolvedInstance as ResolvedInstance
    from gpufleet.solving import solve as solve
    from gpufleet.verification import Report as Report
    from gpufleet.verification import verify as verify

_HOMES = {
    "ClusterError": "gpufleet.errors",
    "Confirmation": "gpufleet.confirming",
    "EstimateResult": "gpufleet.schema.estimate",
    "Explanation": "gpufleet.explain.explanation",
    "GpufleetError": "gpufleet.errors",
    "InputError": "gpufleet.errors",
    "InputProblem": "gpufleet.errors",
    "Instance": "gpufleet.schema.instance",
    "Int64OverflowError": "gpufleet.errors",
    "Library": "gpufleet.library",
    "MissingBackendError": "gpufleet.errors",
    "MissingExtraError": "gpufleet.errors",
    "Plan": "gpufleet.schema.plan",
    "ProgressEvent": "gpufleet.optimize.progress",
    "Report": "gpufleet.verification.violation",
    "ResolvedInstance": "gpufleet.schema.resolved",
    "VerificationError": "gpufleet.errors",
    "confirm": "gpufleet.confirming",
    "estimate_options": "gpufleet.estimating.options",
    "explanation": "gpufleet.explain.explanation",
    "load_instance": "gpufleet.library",
    "load_plan": "gpufleet.library",
    "resolve": "gpufleet.library",
    "solve": "gpufleet.solving",
    "verify": "gpufleet.verification.run",
    "write_plan": "gpufleet.library",
}
"""Public name to the module that holds it; imported on first use, so that `import gpufleet` stays fast."""

__all__ = sorted([*_HOMES, "__version__"])


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'gpufleet' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
