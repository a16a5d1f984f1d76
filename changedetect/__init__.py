"""What was newly built at a list of places, between two dates, from free satellite imagery."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from changedetect.batch import RunResult, compare, run, search
    from changedetect.catalog import open_catalog
    from changedetect.config import RunConfig, load_config
    from changedetect.crew import Execution
    from changedetect.errors import ChangeDetectError
    from changedetect.evaluation import evaluate
    from changedetect.model import Site, SiteResult, Window
    from changedetect.sites import read_sites

__all__ = [
    "ChangeDetectError",
    "Execution",
    "RunConfig",
    "RunResult",
    "Site",
    "SiteResult",
    "Window",
    "compare",
    "evaluate",
    "load_config",
    "open_catalog",
    "read_sites",
    "run",
    "search",
]

_HOMES = {
    "ChangeDetectError": "errors",
    "Execution": "crew",
    "RunConfig": "config",
    "RunResult": "batch",
    "Site": "model",
    "SiteResult": "model",
    "Window": "model",
    "compare": "batch",
    "evaluate": "evaluation",
    "load_config": "config",
    "open_catalog": "catalog",
    "read_sites": "sites",
    "run": "batch",
    "search": "batch",
}


def __getattr__(name: str) -> object:
    # Imported on first use (PEP 562): `import changedetect` and `changedetect --help` stay instant.
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
