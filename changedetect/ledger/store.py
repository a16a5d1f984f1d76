"""`ledger.gpkg`: opened by one program at a time, changed by transactions, never overwritten when it is damaged."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from shapely.geometry.base import BaseGeometry

from changedetect.errors import ConfigError, OutputError
from changedetect.ledger import geopackage
from changedetect.ledger.alerts import Alert, Event
from changedetect.model import Site
from changedetect.outputs.files import whole

NAME, FOLDER = "ledger.gpkg", ".watch"
"""The ledger in OUT, and the folder of its cache, its lock and its copy."""
_COPY = "ledger-copy.gpkg"
_WAIT_S = 30.0
"""A program such as QGIS that reads the ledger is waited for this long."""
_COLUMNS = tuple(field.name for field in fields(Alert) if field.name != "geometry")


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRow:
    """What the ledger says of a site."""

    site_id: str
    """Its id."""
    name: str
    """What people call it."""
    geometry: BaseGeometry
    """Its outline, lon/lat."""
    seen_until: str
    """Last week that is accounted for, ISO date of its Sunday; the baseline's end where none is."""
    compared_on: str | None
    """Last week with a comparison."""
    reason: str
    """Why the last week gave no comparison, empty where it did or had no new look."""
    summary: Mapping[str, Any]
    """Numbers of the last comparison, for `summary.csv`."""


class Ledger:
    """An open ledger."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.path = path
        self._connection = connection

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Change the ledger wholly or, whatever happens in the block, not at all.

        Raises
        ------
        OutputError
            The disk is full, or refuses.
        """
        with _told(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def value(self, name: str) -> str | None:
        """What was put under a name."""
        with _told(self.path):
            row = self._connection.execute("SELECT value FROM watch WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def put_value(self, name: str, value: str) -> None:
        """Put something under a name."""
        geopackage.put(self._connection, "watch", (name,), {"name": name, "value": value})

    def site(self, site_id: str) -> SiteRow | None:
        """A site, None where it was never looked at."""
        return next(iter(self._sites("WHERE site_id = ?", (site_id,))), None)

    def sites(self) -> tuple[SiteRow, ...]:
        """All sites, by id."""
        return self._sites("", ())

    def _sites(self, where: str, given: tuple[str, ...]) -> tuple[SiteRow, ...]:
        names = tuple(field.name for field in fields(SiteRow) if field.name != "geometry")
        sql = f"SELECT geom, {', '.join(names)} FROM sites {where} ORDER BY site_id"  # noqa: S608 - names of our own
        with _told(self.path):
            rows = self._connection.execute(sql, given).fetchall()
        told = [dict(zip(names, row[1:], strict=True)) | {"geometry": geopackage.from_blob(row[0])} for row in rows]
        return tuple(SiteRow(**(one | {"summary": json.loads(one["summary"])})) for one in told)

    def put_site(self, site: Site, row: Mapping[str, Any]) -> None:
        """Write what is known of a site: the fields of `SiteRow` that change."""
        values = {
            "geom": geopackage.to_blob(site.geometry),
            "site_id": site.site_id,
            "name": site.name,
            **row,
            "summary": json.dumps(row["summary"], sort_keys=True),
        }
        geopackage.put(self._connection, "sites", (site.site_id,), values)
        geopackage.touch(self._connection, str(row["seen_until"]))

    def alerts(self, site_id: str | None = None) -> tuple[Alert, ...]:
        """Alerts of a site, or all; by id."""
        where, given = ("", ()) if site_id is None else ("WHERE site_id = ?", (site_id,))
        sql = f"SELECT geom, {', '.join(_COLUMNS)} FROM alerts {where} ORDER BY change_id"  # noqa: S608 - names of our own
        with _told(self.path):
            rows = self._connection.execute(sql, given).fetchall()
        return tuple(
            Alert(geometry=geopackage.from_blob(row[0]), **dict(zip(_COLUMNS, row[1:], strict=True))) for row in rows
        )

    def put_alerts(self, alerts: Iterable[Alert], events: Iterable[Event]) -> None:
        """Write alerts, and add to their history."""
        for alert in alerts:
            values = {name: getattr(alert, name) for name in _COLUMNS}
            geometry = {"geom": geopackage.to_blob(alert.geometry)}
            geopackage.put(self._connection, "alerts", (alert.change_id,), geometry | values)
        for event in events:
            values = {field.name: getattr(event, field.name) for field in fields(Event)}
            asked = "SELECT COUNT(*) FROM history WHERE change_id = ?"
            number = int(self._connection.execute(asked, (event.change_id,)).fetchone()[0])
            key = (event.change_id, str(number))
            geopackage.put(self._connection, "history", key, {**values, "number": number})

    def history(self) -> tuple[Event, ...]:
        """What happened to all alerts; oldest first."""
        names = [field.name for field in fields(Event)]
        sql = f"SELECT {', '.join(names)} FROM history ORDER BY happened_on, change_id, number"  # noqa: S608 - names of our own
        with _told(self.path):
            rows = self._connection.execute(sql).fetchall()
        return tuple(Event(**dict(zip(names, row, strict=True))) for row in rows)

    def timeline(self, change_id: str) -> Mapping[str, Any] | None:
        """By which looks an alert was dated; None where it was not."""
        with _told(self.path):
            row = self._connection.execute("SELECT told FROM timelines WHERE change_id = ?", (change_id,)).fetchone()
        return None if row is None else dict(json.loads(row[0]))

    def put_timeline(self, change_id: str, told: str) -> None:
        """Write by which looks an alert was dated, as JSON."""
        geopackage.put(self._connection, "timelines", (change_id,), {"change_id": change_id, "told": told})

    def keep_copy(self) -> None:
        """Copy the ledger, whole, to where it is found when the ledger is damaged."""
        home = self.path.parent / FOLDER / _COPY
        with whole(home) as beside, _told(home), closing(sqlite3.connect(beside)) as copy:
            self._connection.backup(copy)


@contextmanager
def open_ledger(out: Path, baseline: str | None = None) -> Iterator[Ledger]:
    """Open the ledger of an output folder, alone; begin it where there is none and a baseline is given.

    Raises
    ------
    ConfigError
        There is no ledger and no baseline, or another baseline.
    OutputError
        Another program works on it, it is damaged (and now set aside), or the folder can't be written.
    """
    path = out / NAME
    if baseline is None and not path.exists():
        msg = (
            f"no ledger in {out}: the first `watch` needs a baseline, --baseline A/B or `watch.baseline` in a run file"
        )
        raise ConfigError(msg)
    with _alone(out):
        if not path.exists():
            _begin(path, str(baseline))
        _check(path)
        with _told(path), closing(sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)) as connection:
            ledger = Ledger(connection, path)
            kept = ledger.value("baseline")
            if baseline is not None and baseline != kept:
                msg = f"{path} has baseline {kept}, not {baseline}: leave the option out, or watch into another folder"
                raise ConfigError(msg)
            yield ledger


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Hold the folder's lock; the system frees it when its holder dies, however that happens."""
    path = out / FOLDER / "lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"{path.parent} can't be written ({error.strerror or error}): check the folder and its rights"
        raise OutputError(msg) from error
    with _told(path), closing(sqlite3.connect(path, timeout=1.0, isolation_level=None)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
            lock.execute("PRAGMA user_version = 1")  # a folder that can't be written is told before anything is read
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            msg = f"another `watch` or `verdict` works on {out}: run this one again when it has ended"
            raise OutputError(msg) from error
        yield


def _begin(path: Path, baseline: str) -> None:
    with whole(path) as beside, _told(path), closing(sqlite3.connect(beside, isolation_level=None)) as connection:
        geopackage.create(connection)
        geopackage.put(connection, "watch", ("baseline",), {"name": "baseline", "value": baseline})


def _check(path: Path) -> None:
    """Refuse what is no ledger, and set aside what was one and is damaged."""
    try:
        with closing(sqlite3.connect(path, timeout=_WAIT_S)) as connection:
            told = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            there = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.OperationalError as error:
        msg = f"{path} can't be opened ({error}): check the file and its rights"
        raise OutputError(msg) from error
    except sqlite3.DatabaseError as error:
        told, there = str(error), set()
    if told == "ok" and set(geopackage.TABLES) <= there:
        return
    if told == "ok" and there:
        msg = (
            f"{path} is no ledger of `watch` (it has {', '.join(sorted(there)[:3])}): move it, or choose another folder"
        )
        raise OutputError(msg)
    raise OutputError(_set_aside(path, told if told != "ok" else "it is empty"))


def _set_aside(path: Path, reason: str) -> str:
    """Give a damaged ledger another name, put the copy of the last good one in its place, and say so."""
    number = next(n for n in range(1, 10_000) if not (path.parent / f"ledger-damaged-{n}.gpkg").exists())
    aside, copy = path.parent / f"ledger-damaged-{number}.gpkg", path.parent / FOLDER / _COPY
    try:
        for suffix in ("-journal", "-wal"):  # they belong to the damaged file, not to what comes in its place
            if (left := path.with_name(path.name + suffix)).exists():
                left.rename(aside.with_name(aside.name + suffix))
        path.rename(aside)
        if copy.exists():
            with whole(path) as beside:
                beside.write_bytes(copy.read_bytes())
    except OSError as error:
        return f"{path} is damaged ({reason}) and can't be set aside ({error.strerror}): check the folder's rights"
    then = "that of the last complete run is in its place: run again" if path.exists() else "run again to begin anew"
    return f"{path} is damaged ({' '.join(reason.split())}): it is now {aside.name}, and {then}"


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say in one line what SQLite found."""
    try:
        yield
    except sqlite3.Error as error:
        msg = f"{path}: {error}; nothing of this week was written, check the free space, the folder and its rights"
        raise OutputError(msg) from error
