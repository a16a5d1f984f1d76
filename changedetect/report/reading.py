"""A run as its folder tells it: sites one at a time, nothing but what was written."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.errors import OutputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change, as `changes.geojson` tells it."""

    change_id: str
    """Its name; also the feature's id."""
    geometry: BaseGeometry
    """Polygon or MultiPolygon, lon/lat degrees."""
    told: Mapping[str, Any]
    """Its properties: `changes.CHANGE_COLUMNS` without the geometry; None where not known."""

    @property
    def confidence(self) -> float:
        """0-1; 0 where not known."""
        return float(self.told.get("confidence") or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFiles:
    """What lies in the folder of one site."""

    site_id: str
    """Name of the folder."""
    folder: Path
    """Where it is."""
    name: str
    """What the site list called it: any text, never markup."""
    geometry: BaseGeometry
    """What the list drew, lon/lat degrees."""
    properties: Mapping[str, Any]
    """Whatever else the list said."""
    status: str
    """`ok`, `poor` or `failed`."""
    reason: str
    """Why it is poor or failed."""
    summary: Mapping[str, Any]
    """Its row of `summary.csv`."""
    provenance: Mapping[str, Any]
    """Scenes, decisions and statistics."""
    changes: tuple[Change, ...]
    """Surest first."""

    @property
    def preview(self) -> Path | None:
        """The compared pixels; None where a run did not leave them."""
        path = self.folder / "preview.tif"
        return path if path.is_file() else None

    def dated(self, change_id: str) -> Mapping[str, Any] | None:
        """What the timeline says of a change; None where it has none."""
        told = (self.provenance.get("timeline") or {}).get("changes") or {}
        return told.get(change_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The output folder of a run."""

    out: Path
    """Where it is."""
    record: Mapping[str, Any]
    """`run.json`; empty where there is none yet."""
    site_ids: tuple[str, ...]
    """Sites of the run, in order of name."""

    def sites(self) -> Iterator[SiteFiles]:
        """Every site, read when its turn comes."""
        for site_id in self.site_ids:
            yield read_site(self.out, site_id)


def read_run(out: Path) -> Run:
    """Look into an output folder.

    Raises
    ------
    OutputError
        It is not one.
    """
    record = _json(out / "run.json") if (out / "run.json").is_file() else {}
    there = sorted(path.parent.name for path in out.glob("sites/*/provenance.json"))
    # What an earlier run over other sites left lies beside, and is not of this one.
    meant = [name for name in sorted(record.get("sites") or there) if name in set(there)]
    if not meant:
        msg = f"{out} holds no sites/*/provenance.json: give the folder that `run` or `compare` wrote (-o)"
        raise OutputError(msg)
    return Run(out=out, record=record, site_ids=tuple(meant))


def read_site(out: Path, site_id: str) -> SiteFiles:
    """Read what is told of one site.

    Raises
    ------
    OutputError
        Its files can't be read.
    """
    folder = out / "sites" / site_id
    record = _json(folder / "provenance.json")
    path = folder / "changes.geojson"
    found = _json(path) if path.is_file() else {"features": []}
    try:
        site = record["site"]
        changes = [
            Change(
                change_id=one["properties"]["change_id"],
                geometry=shapely.geometry.shape(one["geometry"]),
                told=one["properties"],
            )
            for one in found["features"]
        ]
        return SiteFiles(
            site_id=site_id,
            folder=folder,
            name=str(site["name"]),
            geometry=shapely.geometry.shape(site["geometry"]),
            properties=site.get("properties") or {},
            status=record["status"],
            reason=record["reason"],
            summary=record["summary"],
            provenance=record["provenance"],
            changes=tuple(changes),
        )
    except (KeyError, TypeError, ValueError) as error:
        msg = f"{folder} is not as a run leaves it ({type(error).__name__}: {error}): run again"
        raise OutputError(msg) from error


def find_change(out: Path, change_id: str) -> tuple[SiteFiles, Change]:
    """Look for a change among all sites.

    Raises
    ------
    OutputError
        There is none of that name.
    """
    run = read_run(out)
    # Ids begin with their site's: its own folder is opened first, and mostly last.
    for site_id in sorted(run.site_ids, key=lambda name: not change_id.startswith(f"{name}-")):
        site = read_site(out, site_id)
        for change in site.changes:
            if change.change_id == change_id:
                return site, change
    msg = f"no change {change_id!r} among the {len(run.site_ids)} sites in {out}: see `change_id` in changes.geojson"
    raise OutputError(msg)


def _json(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(told, dict):
            msg = "no JSON object"
            raise TypeError(msg)
    except (OSError, ValueError, TypeError) as error:
        msg = f"{path} can't be read ({type(error).__name__}: {error}): run again"
        raise OutputError(msg) from error
    return told
