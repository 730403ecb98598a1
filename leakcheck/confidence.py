"""How sure a finding is. Alone here, for settings speak of it in every run and findings are rare."""

from __future__ import annotations

from typing import Literal

Confidence = Literal["high", "medium", "low"]

CONFIDENCES: tuple[Confidence, ...] = ("low", "medium", "high")


def lowest(*confidences: Confidence) -> Confidence:
    """The one that is least sure."""
    return min(confidences, key=CONFIDENCES.index)
