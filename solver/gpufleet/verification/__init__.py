"""Independent verification: feasibility and cost recomputed from the instance and the plan alone.

Shares nothing with the optimiser but the schema and the performance model: it has its own arithmetic for money,
packing, routing and limits, so that a mistake there cannot hide here.
"""

from gpufleet.verification.run import verify as verify
from gpufleet.verification.violation import Report as Report
from gpufleet.verification.violation import Violation as Violation
