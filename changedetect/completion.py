"""What makes a site complete: `done.json`, written last, that says with what its files were made, and their sizes.

A site is not made again when its files are all there and were made by the same version of the package, with the same
options, of the same site, and the catalogs still tell of the same scenes. What can't change a result does not count:
the size of tiles, the number of threads and of workers.
"""

import hashlib
import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import shapely

from changedetect.changes import empty_changes
from changedetect.config import RunConfig
from changedetect.errors import OutputError
from changedetect.model import Scene, Site, SiteResult
from changedetect.outputs import SITE_FILES, write_site
from changedetect.outputs.files import plain
from changedetect.outputs.rereading import changes_of, record_of
from changedetect.outputs.stores import Store
from changedetect.types import SiteStatus

_T = TypeVar("_T")

DONE = "done.json"
"""Name of the record in a site's folder."""

_INDIFFERENT = ("sites", "overlap_m", "formats", "watch")
"""Options that decide which sites there are, when they are looked at and what is told of all together: not a site's
result, or only through its geometry. Whatever is not named here, and not below, makes a site anew."""

_INDIFFERENT_TILING = ("tile_px", "threads")
"""Options of tiling that change no result."""

_BESIDE = re.compile(r"\..+\.[0-9a-f]{32}\.\w+")
"""A file that was being written when its process was killed."""

_BATCH = 200
"""Sites whose files are asked for together: an object store answers many requests as fast as one."""

NO_CHANGES = empty_changes()
"""Stands in thousands of results that keep their changes on disk; not to be written to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What `done.json` says."""

    made_with: str
    """Digest of the package's version, the options and the site."""
    scenes: str
    """Digest of the scenes that the catalogs told of; empty where they could not be asked."""
    dated: bool
    """Whether those between and after the windows count, too: they do where changes were dated."""
    status: SiteStatus
    """How the site ended."""
    reason: str
    """Why it is poor or failed."""
    summary: Mapping[str, Any]
    """As in `SiteResult.summary`, plain."""
    sources: Mapping[str, Any]
    """The scenes of either date, as `run.json` says them."""
    files: Mapping[str, int]
    """The site's files and their bytes."""


@lru_cache(maxsize=1)
def package_version() -> str:
    """Version of this package; looked up in the file system once."""
    return version("changedetect")


def folder_of(site: Site) -> str:
    """Where the files of a site are."""
    return f"sites/{site.site_id}"


def made_with(config: RunConfig, site: Site) -> str:
    """Digest of all that decides a site's result, but for its scenes."""
    options = asdict(config)
    for name in _INDIFFERENT:
        del options[name]
    for name in _INDIFFERENT_TILING:
        del options["tiling"][name]
    return _digest(
        package_version(),
        plain(options),
        site.site_id,
        site.name,
        shapely.to_wkb(site.geometry, hex=True),
        plain(site.properties),
    )


def scenes_digest(scenes: Iterable[Scene]) -> str:
    """Digest of scenes and of what decides their pixels: assets, and how numbers become reflectance."""
    return _digest(*[_told(scene) for scene in scenes])


def _told(scene: Scene) -> list[Any]:
    assets = {"qa": scene.qa, **scene.bands}
    bands = [[name, *asdict(asset).values()] for name, asset in sorted(assets.items())]
    who = [scene.catalog, scene.collection, scene.scene_id, scene.sensor, scene.datetime.isoformat()]
    return [*who, scene.offset_doubted, bands, [_told(copy) for copy in scene.copies]]


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def render(
    result: SiteResult, digests: tuple[str, str], *, dated: bool, seconds: float | None
) -> tuple[Done, dict[str, bytes]]:
    """Give the record of a site, and the contents of its files by name, the record last.

    Parameters
    ----------
    result
        With pixels.
    digests
        `Done.made_with` and `Done.scenes`.
    dated
        As `Done.dated`.
    seconds
        What it took; the record alone says so.

    Raises
    ------
    ChangeDetectError
        A file can't be made.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="changedetect-") as scratch:
            write_site(result, Path(scratch))
            paths = sorted((Path(scratch) / folder_of(result.site)).iterdir())
            files = {path.name: path.read_bytes() for path in paths}
    except OSError as error:
        msg = f"{tempfile.gettempdir()} can't be written ({error.strerror or error}): free some space, or set TMPDIR"
        raise OutputError(msg) from error
    done = Done(
        made_with=digests[0],
        scenes=digests[1],
        dated=dated,
        status=result.status,
        reason=result.reason,
        summary=plain({**result.summary, "seconds": seconds}),
        sources=plain({date: result.provenance.get(date) for date in ("before", "after")}),
        files={name: len(content) for name, content in files.items()},
    )
    text = json.dumps(plain(asdict(done)), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return done, {**files, DONE: f"{text}\n".encode()}


def deliver(store: Store, site: Site, files: Mapping[str, bytes]) -> None:
    """Put a site's files where they belong; from the first to the last the site is not complete.

    Raises
    ------
    OutputError
        The place refuses.
    """
    folder = folder_of(site)
    there = store.sizes(folder)
    store.remove(f"{folder}/{name}" for name in [DONE] if name in there)
    stale = [name for name in there if name not in files and (name in SITE_FILES or _BESIDE.fullmatch(name))]
    store.remove(f"{folder}/{name}" for name in stale)
    for name in [*(name for name in files if name != DONE), DONE]:
        store.put(f"{folder}/{name}", files[name])


def complete(store: Store, sites: Sequence[Site], config: RunConfig) -> dict[str, Done]:
    """Records of the sites whose files are all there and made with these options, by site id, failed ones left out.

    Raises
    ------
    OutputError
        The place can't be read.
    """
    known = dict(records(store, sites))
    return {
        site.site_id: done
        for site in sites
        if (done := known.get(site.site_id)) is not None
        and done.status != "failed"
        and done.made_with == made_with(config, site)
        and _is_whole(store, site, done)
    }


def _is_whole(store: Store, site: Site, done: Done) -> bool:
    there = store.sizes(folder_of(site))
    return all(there.get(name) == size for name, size in done.files.items())


def records(store: Store, sites: Sequence[Site]) -> Iterator[tuple[str, Done | None]]:
    """Site ids with their records; None where there is none, or none of ours."""
    for some in _batches(sites):
        contents = store.read([f"{folder_of(site)}/{DONE}" for site in some])
        for site, content in zip(some, contents, strict=True):
            yield site.site_id, None if content is None else _parsed(content)


def _parsed(content: bytes) -> Done | None:
    try:
        return Done(**json.loads(content))
    except (ValueError, TypeError):  # of another version of the package
        return None


def light(site: Site, done: Done) -> SiteResult:
    """The result of a site without what stays on disk: changes, and all but the scenes of its provenance."""
    return SiteResult(
        site=site,
        status=done.status,
        reason=done.reason,
        changes=NO_CHANGES,
        summary=done.summary,
        provenance={date: told for date, told in done.sources.items() if told is not None},
    )


def read_back(store: Store, results: Iterable[SiteResult], *, provenance: bool = True) -> Iterator[SiteResult]:
    """Results as `light` gives them, with their changes, and with their whole provenance if wanted, from the store.

    Raises
    ------
    OutputError
        A file is gone, or is not what a run writes.
    """
    for some in _batches(list(results)):
        names = [f"{folder_of(one.site)}/changes.geojson" for one in some]
        changes = store.read([name for name, one in zip(names, some, strict=True) if one.status != "failed"])
        places = [f"{folder_of(one.site)}/provenance.json" for one in some]
        told = store.read(places) if provenance else [None] * len(some)
        left = iter(changes)
        for one, name, place, content in zip(some, names, places, told, strict=True):
            full = one
            if one.status != "failed":
                found = next(left)
                if found is None:
                    msg = f"{store.where}/{name} is gone: run again, its site will be made anew"
                    raise OutputError(msg)
                full = replace(full, changes=changes_of(found, f"{store.where}/{name}"))
            if content is not None:
                full = replace(full, provenance=record_of(content, f"{store.where}/{place}")["provenance"])
            yield full


def _batches(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    return (items[start : start + _BATCH] for start in range(0, len(items), _BATCH))
