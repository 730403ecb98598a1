"""All that checking needs, imported, once and for good: what a process forked from this one need not do again."""

import gc
import sys

_collects = gc.isenabled()
gc.disable()  # what is imported stays
if "libcst" not in sys.modules:
    from leakcheck.lean import import_libcst

    import_libcst()

from leakcheck.batches import check  # noqa: E402

__all__ = ["check"]

gc.freeze()
if _collects:
    gc.enable()
