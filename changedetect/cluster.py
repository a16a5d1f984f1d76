"""The same run on a Dask cluster: workers do what a process of this machine would do, byte for byte."""

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from changedetect import memory
from changedetect.errors import ChangeDetectError, ConfigError, WorkerError
from changedetect.workers import Died

if TYPE_CHECKING:
    from distributed import Client

T = TypeVar("T")
R = TypeVar("R")

_PATIENCE = "20s"
"""How long a scheduler may take to answer."""


def on_cluster(work: Callable[[T], R], items: Sequence[T], address: str) -> Generator[tuple[T, R | Died], None, None]:
    """Call `work` on every item on the workers of a scheduler; give each item with its result as it is done.

    What a lost worker was doing is done again by another; an item that takes as many workers with it as the cluster
    allows (`distributed.scheduler.allowed-failures`) has died.

    Parameters
    ----------
    work
        Can be pickled, as can items and results. What it raises ends everything.
    items
        Any number.
    address
        Of the scheduler: `tcp://host:8786`.

    Raises
    ------
    ConfigError
        Dask is not installed.
    WorkerError
        The scheduler does not answer.
    """
    client = _client(address)
    from distributed import as_completed  # noqa: PLC0415 - an extra

    futures: dict[Any, T] = {}
    try:
        futures = {client.submit(_on_worker, work, item, pure=False): item for item in items}
        for future in as_completed(list(futures), loop=client.loop):
            item = futures.pop(future)
            yield item, _result(future)
            future.release()
    finally:
        client.cancel(list(futures))
        client.close()


def _on_worker(work: Callable[[T], R], item: T) -> R:
    memory.keep_freed()
    return work(item)


def _client(address: str) -> "Client":
    try:
        from distributed import Client  # noqa: PLC0415 - an extra
    except ImportError as error:
        msg = "--scheduler needs Dask, which is not installed: pip install changedetect[cluster]"
        raise ConfigError(msg) from error
    try:
        return Client(address, timeout=_PATIENCE, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        why = " ".join(str(error).split())[:200]
        msg = f"no Dask scheduler answers at {address} ({why}): check the address, and that it runs"
        raise WorkerError(msg) from error


def _result(future: Any) -> Any:  # noqa: ANN401 - whatever `work` gives
    from distributed.scheduler import KilledWorker  # noqa: PLC0415 - an extra

    try:
        return future.result()
    except KilledWorker as error:
        return Died(reason=f"it took {error.allowed_failures + 1} workers of the cluster with it")
    except ChangeDetectError:
        raise
    except Exception as error:  # a worker that lacks the package, or can't unpickle what it was sent
        why = " ".join(str(error).split())
        msg = f"the cluster's workers fail ({type(error).__name__}: {why}): install the same changedetect there"
        raise WorkerError(msg) from error
