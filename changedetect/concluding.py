"""What is said of all sites of a run together, once each has its files."""

import logging
import platform
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from changedetect import outputs
from changedetect.completion import read_back
from changedetect.config import RunConfig
from changedetect.model import SiteResult, Window
from changedetect.outputs.formats import export, present
from changedetect.outputs.stores import Folder, open_store
from changedetect.report import write_report
from changedetect.wall import unite

logger = logging.getLogger(__name__)


def conclude(results: Sequence[SiteResult], out: str | Path, config: RunConfig, started: datetime) -> None:
    """Write what is said of all sites together, from the files of each: `changes`, `summary.csv`, `run.json`.

    Parameters
    ----------
    results
        As `work_off` gives them, in the order of the list.
    out
        Where the sites' files are.
    config
        The options.
    started
        When the run began.

    Raises
    ------
    OutputError
        A file can't be read or written.
    """
    store = open_store(out)
    told = unite(read_back(store, results, provenance=False))
    record = run_record(config, results, started)
    if isinstance(store, Folder):
        write_together(told, store.path, record, config)
        return
    if config.formats:
        logger.warning("%s is no folder: copy it to one, then changedetect export FOLDER", store.where)
    with tempfile.TemporaryDirectory(prefix="changedetect-") as scratch:
        outputs.write_run(told, Path(scratch), record)
        names = sorted((path.name for path in Path(scratch).iterdir()), key=lambda name: (name == "run.json", name))
        store.remove(["run.json"])
        for name in names:
            store.put(name, (Path(scratch) / name).read_bytes())


def write_together(results: Iterable[SiteResult], folder: Path, record: Mapping[str, Any], config: RunConfig) -> None:
    """Write all that a folder of sites has beside them: tables, `run.json`, report, and the other forms of them.

    Forms that an earlier run left are made anew, so that none tells of another run.

    Raises
    ------
    OutputError
        A file can't be read or written.
    """
    outputs.write_run(results, folder, record)
    write_report(folder)
    export(folder, [*config.formats, *present(folder)])


def run_record(config: RunConfig, results: Iterable[SiteResult], started: datetime) -> Mapping[str, Any]:
    """What `run.json` says: versions, options, scenes and decisions, timings."""
    packages = ("changedetect", "numpy", "scipy", "scikit-image", "rasterio", "shapely", "geopandas")
    return {
        "started": started.isoformat(timespec="seconds"),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
        "options": _plain(asdict(config)),
        "sites": {
            result.site.site_id: {
                "status": result.status,
                "reason": result.reason,
                "seconds": result.summary.get("seconds"),
                "worked_around": result.summary.get("worked_around", ""),
                **{date: result.provenance.get(date) for date in ("before", "after")},
            }
            for result in results
        },
    }


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as JSON: windows as the text they are written in."""
    plain: dict[str, Any] = {}
    for name, value in options.items():
        is_window = isinstance(value, Mapping) and set(value) == {"start", "end"}
        if is_window:
            plain[name] = str(Window(**value))
        else:
            plain[name] = _plain(value) if isinstance(value, Mapping) else value
    return plain
