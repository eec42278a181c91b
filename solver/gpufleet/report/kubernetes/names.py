"""Names that Kubernetes takes (DNS-1123 and DNS-1035 labels), unique and the same every time."""

from __future__ import annotations

import hashlib
import re

MOST = 50
"""Characters; Kubernetes allows 63 and appends up to 12 of its own to names of pods."""
MOST_LABEL = 63


def slug(text: str, most: int = MOST) -> str:
    """A DNS label: lower-case letters, digits and hyphens, starting with a letter; what is cut off leaves a hash."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"
    plain = plain if plain[0].isalpha() else f"x-{plain}"
    if len(plain) <= most:
        return plain
    return f"{plain[: most - 7].rstrip('-')}-{_hash(text)}"


def label_value(text: str) -> str:
    """A label's value: letters, digits, `-`, `_` and `.`, at most 63 characters."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._-")
    return plain if len(plain) <= MOST_LABEL else f"{plain[: MOST_LABEL - 7].rstrip('._-')}-{_hash(text)}"


def hashed(text: str, whole: str) -> str:
    """A slug of a text with a hash of the whole that it stands for: the same in every plan, and no other's."""
    return f"{slug(text, MOST - 7)}-{_hash(whole)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]
