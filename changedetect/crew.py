"""Who does the sites of a run: this process, processes beside it, or a cluster. No result depends on which."""

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import geopandas as gpd

from changedetect import completion
from changedetect.catalog import Catalog
from changedetect.cluster import on_cluster
from changedetect.config import RunConfig
from changedetect.errors import ConfigError, OutputError, SiteListError
from changedetect.making import Job, Made, Task, failure, finish, make
from changedetect.model import Site
from changedetect.outputs.stores import Folder, Store, open_store
from changedetect.workers import Died, survived


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """How a run is carried out; nothing here changes what comes out."""

    workers: int | None = None
    """Processes at once, each with up to 2 GiB; a site that kills its process costs only itself. None: everything is
    done in this process, one site after the other."""
    scheduler: str | None = None
    """Address of a Dask scheduler, `tcp://host:8786`, whose workers do the sites instead; needs changedetect[cluster].
    Workers write to an object store themselves; for a folder they send the files, and this process writes them."""
    fresh: bool = False
    """Make every site anew, also those that are complete."""
    progress: bool = False
    """Show a bar while `changedetect.run` works, in a terminal or a notebook."""

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            msg = f"workers is {self.workers}: give at least 1"
            raise ConfigError(msg)
        if self.workers is not None and self.scheduler is not None:
            msg = f"workers ({self.workers}) and scheduler ({self.scheduler}) are both given: give one of them"
            raise ConfigError(msg)


def work_off(
    sites: Sequence[Site],
    config: RunConfig,
    out: str | Path | None = None,
    execution: Execution | None = None,
    catalog: Catalog | None = None,
) -> Generator[Made, None, None]:
    """Do every site, or keep it where it is complete; give each as it is done, its files written.

    In this process that is the order of the list; workers take sites that lie together, and finish when they finish.

    Parameters
    ----------
    sites
        Each with an id of its own.
    config
        The options.
    out
        Folder or address for the outputs; None: nothing is written, and each result has its changes.
    execution
        Who does it.
    catalog
        Where scenes come from, when everything is done in this process; None, and always in workers: `config.catalog`.

    Raises
    ------
    ConfigError
        An option is wrong for every site.
    SiteListError
        Two sites have one id.
    WorkerError
        Workers can't be started or reached.
    OutputError
        What earlier runs left at `out` can't be read.
    """
    execution = execution or Execution()
    config = replace(config, catalog=tuple(map(_absolute, config.catalog)))
    store, address = None, None
    if out is not None:
        _check_ids(sites)
        store = open_store(out)
        address = str(store.path.absolute()) if isinstance(store, Folder) else str(out)
    known = {} if store is None or execution.fresh else completion.complete(store, sites, config)
    tasks = [Task(site=site, known=known.get(site.site_id)) for site in sites]
    here = Job(config=config, out=address, render=store is not None, version=completion.package_version())
    sent = execution.scheduler is not None and isinstance(store, Folder)
    with closing(_done(replace(here, out=None) if sent else here, tasks, execution, catalog)) as done:
        for task, told in done:
            if isinstance(told, Died):
                yield finish(here, failure(task.site, f"{told.reason}: other sites are not touched; try it by itself"))
            else:
                yield told if store is None or told.files is None else _delivered(here, store, task.site, told)


def _done(
    job: Job, tasks: Sequence[Task], execution: Execution, catalog: Catalog | None
) -> Generator[tuple[Task, Made | Died], None, None]:
    if execution.scheduler is not None:
        return on_cluster(partial(make, job), by_place(tasks), execution.scheduler)
    if execution.workers is not None:
        return survived(partial(make, job), by_place(tasks), execution.workers)
    return ((task, make(job, task, catalog)) for task in tasks)


def _delivered(here: Job, store: Store, site: Site, made: Made) -> Made:
    """Write the files that a worker of a cluster sent."""
    try:
        completion.deliver(store, site, made.files or {})
    except OutputError as error:
        return finish(here, failure(site, str(error)))
    return replace(made, files=None)


def by_place(tasks: Sequence[Task]) -> list[Task]:
    """Sort along a Hilbert curve: what follows each other lies together, and often in the same scenes."""
    if not tasks:
        return []
    centres = gpd.GeoSeries([task.site.geometry.centroid for task in tasks], crs="EPSG:4326")
    distance = centres.hilbert_distance(total_bounds=(-180.0, -90.0, 180.0, 90.0))
    return [tasks[place] for place in distance.argsort(kind="stable")]


def _absolute(catalog: str) -> str:
    """A path that means the same in every process; names and URLs stay."""
    try:
        return str(Path(catalog).absolute()) if Path(catalog).exists() else catalog
    except OSError:  # too long for a path: whoever opens it will say so
        return catalog


def _check_ids(sites: Iterable[Site]) -> None:
    taken: set[str] = set()
    for site in sites:
        if site.site_id.casefold() in taken:
            msg = f"two sites are called {site.site_id!r}: give each its own id (case does not count)"
            raise SiteListError(msg)
        taken.add(site.site_id.casefold())
