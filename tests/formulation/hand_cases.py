"""Instances that can be solved on paper, two or more per constraint family."""

from __future__ import annotations

from hand_cases_fleet import FLEET_CASES
from hand_cases_service import SERVICE_CASES

HAND_CASES = (*FLEET_CASES, *SERVICE_CASES)
