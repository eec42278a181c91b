"""Words that messages share."""

from __future__ import annotations

from typing import Final

BY_HAND: Final = "write the model card by hand (ModelCard in docs/instance-format.md)"
"""What can always be done."""
