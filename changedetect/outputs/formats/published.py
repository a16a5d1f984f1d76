"""The folder of a run, read back: all that the formats are made from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import geopandas as gpd
from shapely import GEOSException
from shapely.geometry import shape

from changedetect.errors import ConfigError, OutputError, SiteListError
from changedetect.model import Site, Window
from changedetect.outputs.rereading import changes_of, record_of
from changedetect.outputs.vectors import conform
from changedetect.types import SiteStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedSite:
    """One site of a run, as its files say."""

    site: Site
    """The place."""
    status: SiteStatus
    """How it ended."""
    reason: str
    """Why it is poor or failed; empty when it is neither."""
    summary: Mapping[str, Any]
    """The numbers of `summary.csv`."""
    provenance: Mapping[str, Any]
    """Scenes, decisions and statistics; empty when it failed."""
    changes: gpd.GeoDataFrame
    """Its changes, lon/lat, in the form that is published."""
    folder: Path
    """Where its files are."""
    windows: tuple[Window, Window] | None
    """The compared dates; None where two rasters were compared, which tell none."""


class Published:
    """The outputs of a run; sites are read one at a time, when they are asked for."""

    def __init__(self, out: Path) -> None:
        self.out = out
        """Folder of the run."""
        self.run: Mapping[str, Any] = record_of(_content(out / "run.json"), str(out / "run.json"))
        """What `run.json` says."""

    @cached_property
    def changes(self) -> gpd.GeoDataFrame:
        """Changes of all sites, in the form that is published: what `changes.geojson` says."""
        path = self.out / "changes.geojson"
        return conform(changes_of(_content(path), str(path)))

    @cached_property
    def _rows(self) -> Mapping[str, Sequence[int]]:
        """Site → its rows in `changes`."""
        rows: Mapping[str, Sequence[int]] = self.changes.groupby("site_id").indices
        return rows

    @property
    def finished(self) -> datetime:
        """When the run ended, UTC: files that carry a time of writing carry this one.

        Raises
        ------
        OutputError
            `run.json` does not say it.
        """
        told = self.run.get("finished")
        try:
            return datetime.fromisoformat(str(told)).astimezone(UTC)
        except ValueError as error:
            msg = f"{self.out / 'run.json'} says finished {told!r}, which is no time: run again"
            raise OutputError(msg) from error

    @property
    def version(self) -> str:
        """The version of this package that made it; `0` where it does not say."""
        return str((self.run.get("versions") or {}).get("changedetect", "0"))

    def sites(self) -> Iterator[PublishedSite]:
        """Sites in the order of `run.json`, which is that of their ids.

        Raises
        ------
        OutputError
            A site's `provenance.json` is gone or is not what a run writes.
        """
        for site_id in self.run.get("sites") or {}:
            folder = self.out / "sites" / site_id
            path = folder / "provenance.json"
            record = record_of(_content(path), str(path))
            mine = self.changes.iloc[self._rows.get(site_id, [])].reset_index(drop=True)
            try:
                yield _site(record, folder, mine)
            except (KeyError, TypeError, AttributeError, ValueError, GEOSException, SiteListError) as error:
                msg = f"{path} is not what a run writes ({type(error).__name__}: {error}): run again"
                raise OutputError(msg) from error


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        msg = f"{path} can't be read ({error.strerror or error}): give the folder of a run that has ended"
        raise OutputError(msg) from error


def _site(record: Mapping[str, Any], folder: Path, changes: gpd.GeoDataFrame) -> PublishedSite:
    told, summary = record["site"], record["summary"]
    site = Site(
        site_id=told["site_id"],
        name=told["name"],
        geometry=shape(told["geometry"]),
        properties=told["properties"],
    )
    return PublishedSite(
        site=site,
        status=record["status"],
        reason=record["reason"],
        summary=summary,
        provenance=record["provenance"],
        changes=changes,
        folder=folder,
        windows=_windows(summary.get("before"), summary.get("after")),
    )


def _windows(before: object, after: object) -> tuple[Window, Window] | None:
    try:
        return Window.parse(str(before)), Window.parse(str(after))
    except ConfigError:  # rasters have names, not dates
        return None
