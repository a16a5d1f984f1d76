"""The unit of work of a run: one site, asked for, compared and written, wherever that is done.

A process of this machine, a worker of a cluster, or the process that was called do exactly this, so that a result
does not depend on which of them did it.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import shapely
from shapely.geometry.base import BaseGeometry

from changedetect import completion
from changedetect.catalog import Catalog, open_catalog
from changedetect.changes import empty_changes
from changedetect.completion import package_version
from changedetect.config import RunConfig
from changedetect.errors import ChangeDetectError, ConfigError, WorkerError
from changedetect.journal import in_words, journal
from changedetect.model import Scene, Site, SiteResult, Window
from changedetect.outputs.stores import Store, open_store
from changedetect.pipeline import run_site

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What all sites of a run have in common; it travels to the workers."""

    config: RunConfig
    """The options; `config.catalog` is opened by whoever works."""
    out: str | None
    """Folder or address that the worker writes to itself; None: it gives the files back, or there are none."""
    render: bool
    """Whether files are made."""
    version: str
    """Version of the package that asks: a worker with another one would give other results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A site to be done."""

    site: Site
    """The site."""
    known: completion.Done | None = None
    """What is written of it, if that is whole and made with the job's options; None: it is made in any case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A site that is done."""

    result: SiteResult
    """Without pixels; where files are made, also without changes: they are in the files."""
    files: Mapping[str, bytes] | None = None
    """Its files, to be written by who asked for them; None: there are none, or they are written."""
    kept: bool = False
    """Whether its files were there already."""


class _Asked(Catalog):
    """A catalog that is asked each question once: what tells whether a site is complete is what it is made of."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._answers: dict[tuple[bytes, Window], tuple[Scene, ...]] = {}

    def entries(self, geometry: BaseGeometry, window: Window) -> Sequence[object]:  # type: ignore[override]
        return self._catalog.entries(geometry, window)

    def search(self, geometry: BaseGeometry, window: Window) -> tuple[Scene, ...]:
        question = (shapely.to_wkb(geometry), window)
        if question not in self._answers:
            self._answers[question] = self._catalog.search(geometry, window)
        return self._answers[question]


@lru_cache(maxsize=4)
def _catalog_of(addresses: tuple[str, ...]) -> Catalog:
    """One catalog for all sites that a process does: what is read of it is shared."""
    return open_catalog(addresses)


@lru_cache(maxsize=4)
def _store_at(out: str) -> Store:
    return open_store(out)


def make(job: Job, task: Task, catalog: Catalog | None = None) -> Made:
    """Do a site: leave it as it is when it is complete, else compare it and make its files.

    Parameters
    ----------
    job, task
        What to do.
    catalog
        Where scenes come from; None: `job.config.catalog`.

    Raises
    ------
    ConfigError
        An option is wrong for every site.
    CatalogError
        There is no such catalog.
    WorkerError
        This process has another version of the package than the one that asks.
    """
    if job.version != package_version():
        msg = f"a worker has changedetect {package_version()}, not {job.version}: install the same everywhere"
        raise WorkerError(msg)
    asked = _Asked(_catalog_of(job.config.catalog) if catalog is None else catalog)
    if task.known is not None and _is_current(task.site, task.known, asked, job.config):
        return Made(result=completion.light(task.site, task.known), kept=True)
    started = time.perf_counter()
    with journal() as kept:
        result = run_or_fail(task.site, asked, job.config)
    result = with_journal(result, in_words(kept))
    seconds = round(time.perf_counter() - started, 3)
    if not job.render:
        summary = {**result.summary, "seconds": seconds}
        return Made(result=replace(result, preview=None, change_map=None, summary=summary))
    return finish(job, result, asked, seconds)


def _is_current(site: Site, known: completion.Done, catalog: Catalog, config: RunConfig) -> bool:
    """Whether a site's files are of the scenes they would be of; where the catalogs do not answer, they stay."""
    try:
        return known.scenes == _scenes(site, catalog, config, dated=known.dated)
    except ChangeDetectError as error:
        logger.warning("site %s is kept as it is, whether there are other scenes is not known: %s", site.site_id, error)
        return True


def _scenes(site: Site, catalog: Catalog, config: RunConfig, *, dated: bool) -> str:
    first, last = config.windows()
    windows = [first, last]
    if dated:
        windows.append(Window(start=first.start, end=max(last.end, config.timeline.until or last.end)))
    return completion.scenes_digest(scene for window in windows for scene in catalog.search(site.geometry, window))


def finish(job: Job, result: SiteResult, catalog: Catalog | None = None, seconds: float | None = None) -> Made:
    """Make the files of a result, and write them if that is the worker's part; what can't be written has failed.

    Parameters
    ----------
    job
        What to do.
    result
        With pixels.
    catalog
        What was asked for its scenes; None for a site that never came so far.
    seconds
        What it took: kept beside the files, which are the same whatever it took.
    """
    site = result.site
    try:
        made = completion.made_with(job.config, site)
        dated = job.config.timeline.enabled and bool(len(result.changes))
        scenes = ""
        if catalog is not None and result.status != "failed":
            scenes = _scenes(site, catalog, job.config, dated=dated)
        done, files = completion.render(result, (made, scenes), dated=dated, seconds=seconds)
        if job.out is not None:
            completion.deliver(_store_at(job.out), site, files)
    except ConfigError:
        raise
    except Exception as error:
        if not isinstance(error, ChangeDetectError):
            logger.exception("site %s: its files can't be made, please report it", site.site_id)
        if result.status == "failed":  # not even that could be written down
            logger.warning("site %s: %s", site.site_id, error)
            return Made(result=result)
        known = isinstance(error, ChangeDetectError)
        return finish(job, failure(site, str(error) if known else f"unexpected {type(error).__name__}: {error}"))
    return Made(result=completion.light(site, done), files=None if job.out is not None else files)


def run_or_fail(site: Site, catalog: Catalog, config: RunConfig) -> SiteResult:
    """Compare a site; whatever goes wrong with it becomes its result, but for `ConfigError`."""
    try:
        return run_site(site, catalog, config)
    except ConfigError:
        # Wrong for every site: nothing to go on with.
        raise
    except ChangeDetectError as error:
        return failure(site, str(error))
    except Exception as error:
        # A bug of ours, or a file that no one foresaw: it must not cost the other sites, nor be hushed up.
        logger.exception("site %s: unexpected error, please report it", site.site_id)
        return failure(site, f"unexpected {type(error).__name__}: {error}")


def with_journal(result: SiteResult, worked_around: str) -> SiteResult:
    """The result with what had to be worked around."""
    told = {"worked_around": worked_around}
    return replace(
        result,
        summary={**result.summary, **told},
        provenance={**result.provenance, **told} if result.provenance else {},
    )


def failure(site: Site, reason: str) -> SiteResult:
    """The result of a site that could not be compared."""
    return SiteResult(site=site, status="failed", reason=" ".join(reason.split()), changes=empty_changes())
