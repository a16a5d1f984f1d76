"""A Dask cluster and an object store, both on this machine: the same bytes as from a run in one process."""

import builtins
import os
import signal
import socket
import threading
import time

import boto3
import fsspec
import pytest
from batch_cases import digests
from distributed import Client, LocalCluster
from moto.server import ThreadedMotoServer

from changedetect import batch, making
from changedetect.crew import Execution, work_off
from changedetect.errors import ConfigError, OutputError, WorkerError
from changedetect.outputs.stores import Bucket, Folder, open_store

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning",  # dask and moto leave sockets to the garbage collector
    "ignore::pytest.PytestUnraisableExceptionWarning",
    "ignore::DeprecationWarning:botocore",
)


@pytest.fixture(scope="module")
def cluster(bucket):
    assert bucket  # its address and keys are in the environment that workers begin with
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as started:
        yield started


def test_a_cluster_gives_the_same_bytes(tmp_path, sites, config, uninterrupted, cluster):
    there = Execution(scheduler=cluster.scheduler_address)
    batch.run(sites[:2], config=config, out=tmp_path)
    kept = [made.kept for made in work_off(sites, config, tmp_path, there)]
    assert sum(kept) == 2
    batch.run(sites, config=config, out=tmp_path, execution=there)
    assert digests(tmp_path) == uninterrupted[0]


def test_a_worker_that_is_killed_costs_nothing(tmp_path, sites, config, uninterrupted, cluster):
    with Client(cluster, set_as_default=False) as client:
        victim = next(iter(client.run(os.getpid).values()))
    done = work_off(sites, config, tmp_path, Execution(scheduler=cluster.scheduler_address))
    next(done)
    os.kill(victim, signal.SIGKILL)
    assert len(list(done)) == len(sites) - 1
    batch.run(sites, config=config, out=tmp_path)
    assert digests(tmp_path) == uninterrupted[0]


def test_a_scheduler_that_is_not_there_is_one_line(tmp_path, sites, config, monkeypatch):
    monkeypatch.setattr("changedetect.cluster._PATIENCE", "1s")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(WorkerError, match=f"no Dask scheduler answers at {address}"):
        batch.run(sites, config=config, out=tmp_path, execution=Execution(scheduler=address))


def test_a_cluster_without_dask_is_one_line(tmp_path, sites, config, monkeypatch):
    known = builtins.__import__

    def without(name, *more):
        if name == "distributed":
            raise ImportError(name)
        return known(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"changedetect\[cluster\]"):
        batch.run(sites, config=config, out=tmp_path, execution=Execution(scheduler="tcp://127.0.0.1:1"))


def test_a_worker_of_another_version_is_refused(config, sites):
    job = making.Job(config=config, out=None, render=False, version="0.0.1")
    with pytest.raises(WorkerError, match="not 0\\.0\\.1: install the same"):
        making.make(job, making.Task(site=sites[0]))


@pytest.fixture(scope="module")
def bucket():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    told = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**told, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}.items():
            patch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket="results")
        yield "s3://results"
    server.stop()


def fetched(address, folder):
    """A copy of a bucket's prefix."""
    fsspec.filesystem("s3", use_listings_cache=False).get(f"{address}/", f"{folder}/", recursive=True)
    return folder


def test_an_object_store_gets_the_same_bytes(tmp_path, sites, config, uninterrupted, bucket):
    address = f"{bucket}/weekly/july"
    batch.run(sites[:3], config=config, out=address)
    assert sum(made.kept for made in work_off(sites[:4], config, address)) == 3
    result = batch.run(sites, config=config, out=address)
    assert digests(fetched(address, tmp_path)) == uninterrupted[0]
    assert len(result.changes) >= 2
    assert result.results[0].provenance["before"]


def test_a_cluster_writes_to_an_object_store_itself(tmp_path, sites, config, bucket, uninterrupted, cluster):
    address = f"{bucket}/cluster"
    made = list(work_off(sites[:3], config, address, Execution(scheduler=cluster.scheduler_address)))
    assert [(one.files, one.result.reason) for one in made] == [(None, "")] * 3
    assert digests(fetched(address, tmp_path)).items() <= uninterrupted[0].items()


def test_a_kept_site_of_a_store_lacks_nothing(sites, config, bucket):
    address = f"{bucket}/damaged"
    list(work_off(sites[:2], config, address))
    open_store(address).remove(["sites/s00/after.png"])
    assert [made.kept for made in work_off(sites[:2], config, address)] == [False, True]


def test_a_bucket_that_is_not_there_is_one_line(sites, config, bucket):
    assert bucket
    assert open_store("s3://no-such-bucket/run").read(["a"]) == [None]
    with pytest.raises(OutputError, match=r"^s3://no-such-bucket/run/a can't be written \([^\n]*$"):
        open_store("s3://no-such-bucket/run").put("a", b"x")
    assert "can't be written" in next(work_off(sites[:1], config, "s3://no-such-bucket/run")).result.reason


def test_an_address_without_a_driver_is_one_line():
    with pytest.raises(ConfigError, match="nosuch"):
        open_store("nosuch://bucket/run")


@pytest.mark.parametrize("written", ["s3://results/a/", "s3:/results/a"])
@pytest.mark.usefixtures("bucket")
def test_an_address_survives_being_taken_for_a_path(written):
    store = open_store(written)
    assert isinstance(store, Bucket)
    assert store.where == "s3://results/a"
    assert isinstance(open_store("C:/results"), Folder)


def test_a_half_put_object_is_not_there(bucket):
    """What is being written is not seen before it is whole."""
    store = open_store(f"{bucket}/whole")
    seen: list[int] = []
    stop = threading.Event()

    def look():
        last = False
        while not last:
            last = stop.is_set()  # one more look after the last is put
            seen.extend(len(one) for one in store.read(["big"]) if one is not None)
            time.sleep(0.005)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        for _ in range(5):
            store.put("big", bytes(3_000_000))
    finally:
        stop.set()
        thread.join()
    assert set(seen) == {3_000_000}
