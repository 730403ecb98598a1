"""Which form sends many rows at a time, by the library that a module uses."""

from __future__ import annotations

from leakcheck.catalogue import Catalogue
from leakcheck.models import Driver
from leakcheck.project.module import Module


def faster(module: Module, catalogue: Catalogue, verb: str = "") -> str:
    """The form to recommend, to begin a sentence. What only adds rows serves for no other verb."""
    names = {module.name, *module.imports.values()}
    drivers = [driver for driver in catalogue.drivers if driver.bulk]
    named = (
        _form(driver, verb) for knows in (_is_imported, _is_alluded_to) for driver in drivers if knows(driver, names)
    )
    return next(named, "`executemany`")


def _form(driver: Driver, verb: str) -> str:
    return (driver.bulk_insert if verb == "INSERT" else "") or driver.bulk


def _is_imported(driver: Driver, names: set[str]) -> bool:
    return any(name == module or name.startswith(module + ".") for module in driver.imports for name in names)


def _is_alluded_to(driver: Driver, names: set[str]) -> bool:
    """The project's own modules for a library tend to have its name: `vectors.cassandra.index`."""
    return any(module.partition(".")[0] in name.split(".") for module in driver.imports for name in names)
