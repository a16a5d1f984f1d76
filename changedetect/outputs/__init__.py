"""Everything a run leaves behind: files that other programs open, and pictures that people look at."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
from shapely.geometry import mapping

from changedetect.changes import empty_changes
from changedetect.model import SiteResult
from changedetect.outputs.chips import write_chips
from changedetect.outputs.files import remove, write_json
from changedetect.outputs.rasters import write_change_map, write_decisions, write_preview
from changedetect.outputs.tables import write_summary
from changedetect.outputs.vectors import conform, gather, write_geojson, write_geoparquet

__all__ = ["SITE_FILES", "write_run", "write_site"]

SITE_FILES = (
    "provenance.json",
    "changes.geojson",
    "change_map.tif",
    "decisions.tif",
    "preview.tif",
    "before.png",
    "after.png",
)


def write_site(result: SiteResult, out: Path) -> None:
    """Write one site's files to `out/sites/<site_id>/`.

    `provenance.json` goes first and comes last: where it lies, the other files belong to it. A failed site has it
    alone, with the reason; nothing of an earlier run stays.

    Raises
    ------
    OutputError
        The folder can't be written.
    """
    folder = out / "sites" / result.site.site_id
    for name in SITE_FILES:
        remove(folder / name)
    if result.status != "failed":
        changes = conform(result.changes)
        write_geojson(folder / "changes.geojson", changes)
        if result.change_map is not None:
            write_change_map(folder / "change_map.tif", result.change_map)
            write_decisions(folder / "decisions.tif", result.change_map)
        if result.preview is not None:
            write_chips(folder, result.preview, changes, _dates(result))
            write_preview(folder / "preview.tif", result.preview)
    record = {
        "site": {
            "site_id": result.site.site_id,
            "name": result.site.name,
            "geometry": mapping(result.site.geometry),
            "properties": result.site.properties,
        },
        "status": result.status,
        "reason": result.reason,
        "summary": result.summary,
        "provenance": result.provenance,
    }
    write_json(folder / "provenance.json", record)


def write_run(results: Iterable[SiteResult], out: Path, run: Mapping[str, Any]) -> None:
    """Write what is said of all sites together; `run.json` comes last.

    Only `site`, `status`, `reason`, `changes` and `summary` of the results are read: a batch over many sites keeps
    `dataclasses.replace(result, preview=None, change_map=None)` of each.

    Raises
    ------
    OutputError
        The folder can't be written, or `run` holds what JSON can't.
    """
    kept: list[SiteResult] = []
    frames: list[gpd.GeoDataFrame] = []
    nothing = empty_changes()
    for result in results:  # read from disk one by one, maybe: thousands of frames at once are dear
        if result.status != "failed" and len(result.changes):
            frames.append(result.changes)
        kept.append(replace(result, changes=nothing, provenance={}))
    remove(out / "run.json")
    changes = gather(frames)
    write_geojson(out / "changes.geojson", changes)
    write_geoparquet(out / "changes.parquet", changes)
    write_summary(out / "summary.csv", kept)
    write_json(out / "run.json", run)


def _dates(result: SiteResult) -> tuple[str, str]:
    """The compared dates as text: from the summary, else from a change; empty where neither says."""
    first = result.changes.iloc[0] if len(result.changes) else {}
    before, after = (result.summary.get(name) or first.get(name) for name in ("before", "after"))
    return (before if isinstance(before, str) else "", after if isinstance(after, str) else "")
