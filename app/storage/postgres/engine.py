"""SQLAlchemy's engine for asyncio, without its ORM.

`sqlalchemy.ext.asyncio` imports the ORM for its sessions, 60 ms and 7 MiB of each process, and
Waybill uses neither (decision 0002). So its engine is imported without its `__init__`.
"""

import sys
from importlib import import_module, util
from types import ModuleType

_PACKAGE = "sqlalchemy.ext.asyncio"


def _import_engine() -> None:
    """Import the package's engine alone. A later import of the package finds that engine."""
    if _PACKAGE in sys.modules:
        return
    spec = util.find_spec(_PACKAGE)
    if spec is None:
        return
    package = sys.modules[_PACKAGE] = ModuleType(_PACKAGE)
    package.__spec__, package.__path__ = spec, spec.submodule_search_locations or []
    try:
        import_module(f"{_PACKAGE}.engine")
    finally:
        del sys.modules[_PACKAGE]


_import_engine()

from sqlalchemy.ext.asyncio.engine import (  # noqa: E402
    AsyncConnection,
    AsyncEngine,
    create_async_engine,
)

__all__ = ["AsyncConnection", "AsyncEngine", "create_async_engine"]
