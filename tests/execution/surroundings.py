"""Fakes of what services call beside their database: HTTP, parsing, clocks, logs, and modules of their own project."""

from __future__ import annotations

from typing import Any

from tests.execution.drivers import FILL, Modules


class HTTPError(Exception):
    """`requests.RequestException`."""


class _Response:
    ok = True
    status_code = 200
    text = "{}"

    def __init__(self, modules: Modules) -> None:
        self._modules = modules

    def raise_for_status(self) -> None:
        self._modules.world.call("external", "response.raise_for_status", HTTP)

    def json(self) -> dict[str, object]:
        self._modules.world.call("external", "response.json", HTTP)
        return {}


HTTP: dict[str, type[Exception]] = {"operational": HTTPError, "integrity": HTTPError}
PARSING: dict[str, type[Exception]] = {"operational": ValueError, "integrity": ValueError}


def _requests(modules: Modules, module: Any) -> None:
    def send(*_: object, **__: object) -> _Response:
        modules.world.call("external", "requests", HTTP)
        return _Response(modules)

    module.get = module.post = send
    module.RequestException = HTTPError


def _json(modules: Modules, module: Any) -> None:
    def loads(text: object) -> dict[str, object]:
        modules.world.call("external", "json.loads", PARSING)
        return {}

    module.loads = loads
    module.dumps = repr


def _nothing(*_: object, **__: object) -> None:
    return None


async def _no_wait(*_: object, **__: object) -> None:
    return None


def _time(modules: Modules, module: Any) -> None:
    module.sleep, module.monotonic, module.time = _nothing, float, float


def _asyncio(modules: Modules, module: Any) -> None:
    module.sleep = _no_wait


class _Logger:
    debug = info = warning = error = exception = staticmethod(_nothing)


def _logging(modules: Modules, module: Any) -> None:
    module.getLogger = lambda *_: _Logger()
    vars(module).update(dict.fromkeys(("debug", "info", "warning", "error", "exception"), _nothing))


def _tasks(modules: Modules, module: Any) -> None:
    """Project functions that leakcheck cannot see: they may raise, and keep whatever they are given."""

    def unknown(*arguments: object, **__: object) -> Any:
        modules.world.kept.extend(arguments)
        modules.world.call("unknown", "project function")
        return arguments[0] if arguments else None

    module.normalise = module.register = module.notify = unknown


def _settings(modules: Modules, module: Any) -> None:
    module.DEBUG, module.ARCHIVE, module.archive, module.Archive = False, True, None, object


FILL.update(
    {
        "requests": _requests,
        "json": _json,
        "time": _time,
        "asyncio": _asyncio,
        "logging": _logging,
        "app": _nothing,
        "settings": _settings,
        "app.tasks": _tasks,
    }
)
