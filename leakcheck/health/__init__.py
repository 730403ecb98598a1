"""The health of a whole service: the checklist of `rules/health.toml`, answered. `examine` gives a typed `Health`."""

from leakcheck.health.census import Census
from leakcheck.health.checkup import examine
from leakcheck.health.model import Answer, Health, Place, Work

__all__ = ["Answer", "Census", "Health", "Place", "Work", "examine"]
