"""A run over a real STAC API and servers that fail in every known way: the same bytes as without a fault."""

import csv
import json
import logging
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.managers import BaseManager, NamespaceProxy
from pathlib import Path

import boto3
import planetary_computer.sas
import planetary_computer.settings
import pystac
import pytest
from command_line import run
from moto.server import ThreadedMotoServer

from changedetect.geotiff import opening
from changedetect.testing.faults import Fault
from changedetect.testing.http_server import FileServer
from changedetect.testing.stac_server import serve_stac
from changedetect.testing.tokens import SasPolicy

SAMPLE = Path(__file__).parents[1] / "sample_tiles"
SITE = "sim-factory"
WINDOWS = ("--before", "2016-06/2016-10", "--after", "2017-06/2017-10")
DEAD = "S2A_T34TDS_20170816T093605_L2A"
FAULTS = (
    Fault(kind="dead", path=f"*{DEAD}/B04.tif"),
    Fault(kind="status", status=429, retry_after_s=1, path="*/B02.tif", times=3),
    Fault(kind="status", status=503, path="*/B03.tif", times=2),
    Fault(kind="reset", path="*/B08.tif", times=2),
    Fault(kind="truncate", path="*/B11.tif", times=3),
    Fault(kind="html", path="*/B12.tif", times=4),
    Fault(kind="reset_body", path="*/SCL.tif", times=3),
    Fault(kind="slow", path="*/SCL.tif", seconds=0.05, times=None),
)


class ServerProxy(NamespaceProxy):
    """A file server in another process, with its properties."""

    _exposed_ = ("__getattribute__", "__setattr__", "__delattr__", "start", "stop")


class StartedServer(FileServer):
    """A file server whose start gives nothing back: a server can't travel between processes."""

    def start(self):
        self.__enter__()

    def stop(self):
        self.__exit__()


class Elsewhere(BaseManager):
    pass


Elsewhere.register("FileServer", StartedServer, ServerProxy)


@contextmanager
def file_server(*arguments, **options):
    """Serve from a process of its own.

    rasterio holds the interpreter in some calls that wait for another thread's request: a server that needs the same
    interpreter to answer it would let both wait until GDAL gives up.
    """
    with Elsewhere(ctx=get_context("spawn")) as manager:
        server = manager.FileServer(*arguments, **options)
        server._callmethod("start")
        try:
            yield server
        finally:
            server._callmethod("stop")


def row(out):
    with (out / "summary.csv").open(encoding="utf-8") as file:
        return next(csv.DictReader(file))


def found(out):
    """What must be the same, byte for byte."""
    return [(out / name).read_bytes() for name in ("changes.geojson", f"sites/{SITE}/change_map.tif")]


def items():
    """The sample scenes of one site, assets as paths relative to the sample folder."""
    raws = []
    for path in sorted(SAMPLE.glob("sentinel-2-*/S2*/*.json")):
        raw = json.loads(path.read_text())
        if raw["properties"].get("changedetect:landscape") != SITE:
            continue
        for asset in raw["assets"].values():
            asset["href"] = str((path.parent / asset["href"]).resolve().relative_to(SAMPLE))
        raws.append(raw | {"links": []})
    return raws


def served(raws, prefix):
    """Items whose assets begin with what `prefix` gives for their number."""
    return [
        raw | {"assets": {k: one | {"href": f"{prefix(number)}/{one['href']}"} for k, one in raw["assets"].items()}}
        for number, raw in enumerate(raws)
    ]


@pytest.fixture(scope="module")
def site_list(tmp_path_factory):
    listed = json.loads((SAMPLE / "sites.geojson").read_text())
    listed["features"] = [one for one in listed["features"] if one["properties"]["id"] == SITE]
    path = tmp_path_factory.mktemp("sites") / "sites.geojson"
    path.write_text(json.dumps(listed))
    return path


@pytest.fixture(scope="module")
def expected(site_list, tmp_path_factory):
    """The outputs of a run from disk."""
    out = tmp_path_factory.mktemp("expected")
    assert run("run", site_list, "--catalog", SAMPLE / "catalog.json", *WINDOWS, "-o", out) == 0
    assert row(out)["n_changes"] != "0"
    return found(out)


@pytest.fixture
def clouds(monkeypatch, tmp_path):
    """A storage account that wants tokens, a plain file server, and the way there."""
    monkeypatch.setattr(opening, "PATIENCE", opening.Patience(attempts=6, first_wait_s=0.01))
    monkeypatch.setattr(planetary_computer.sas, "TOKEN_CACHE", {})
    monkeypatch.setattr("changedetect.geotiff.places.TOKEN_CACHE", planetary_computer.sas.TOKEN_CACHE)
    # Names of their own, for GDAL remembers what it read of a URL for as long as the process lives.
    plain, blob = f"{tmp_path.name.lower()}.example.org", f"{tmp_path.name.lower()}.blob.core.windows.net"
    hosts = {plain: ".", blob: "."}
    with file_server(SAMPLE, latency_s=0.005, hosts=hosts, sas=SasPolicy(uses=40)) as server:
        monkeypatch.setenv("GDAL_HTTP_PROXY", server.url.removeprefix("http://"))
        monkeypatch.setenv("http_proxy", server.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setenv("PC_SDK_SAS_URL", f"{server.url}/api/sas/v1/token")
        planetary_computer.settings.Settings.get.cache_clear()
        # Scenes on both hosts in turns: half of them are signed when read.
        raws = served(items(), lambda number: f"http://{(plain, blob)[number % 2]}")
        with serve_stac(raws, tmp_path) as api:
            yield server, api
    planetary_computer.settings.Settings.get.cache_clear()


def test_a_stac_api_and_signed_files_give_the_bytes_of_the_disk(tmp_path, clouds, site_list, expected):
    _, api = clouds
    assert run("run", site_list, "--catalog", api, *WINDOWS, "-o", tmp_path) == 0
    assert found(tmp_path) == expected
    assert "left out" not in row(tmp_path)["worked_around"]


def test_faults_change_no_byte_and_no_secret_gets_out(
    monkeypatch, tmp_path, capfd, caplog, clouds, site_list, expected
):
    server, api = clouds
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "CANARYKEY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "CANARYSECRET")
    stormy = tmp_path / "stormy"
    server.faults = FAULTS
    catalogs = ("--catalog", api, "--catalog", SAMPLE / "catalog.json")
    assert run("run", site_list, *catalogs, *WINDOWS, "-o", stormy) == 0
    assert found(stormy) == expected
    for fault in FAULTS:
        assert server.injected[fault.kind] >= 1, fault.kind
    assert server.injected["expired_token"] >= 1
    told = row(stormy)["worked_around"]
    assert DEAD in told
    assert "catalog.json instead" in told
    assert "HTTP 503" in told
    assert "HTTP 429" in told
    assert "token expired" in told
    shown = capfd.readouterr()
    texts = [caplog.text, shown.out, shown.err]
    texts += [path.read_bytes().decode("latin-1") for path in tmp_path.rglob("*.*") if path.is_file()]
    assert len(server.tokens) >= 2
    for secret in ("CANARY", *(part for token in server.tokens for part in (token.signature, token.text))):
        assert not any(secret in text for text in texts)


def test_a_site_whose_scenes_are_all_dead_says_which_and_why(tmp_path, clouds, site_list):
    server, api = clouds
    server.faults = (Fault(kind="dead", path="*2017*/SCL.tif"),)
    assert run("run", site_list, "--catalog", api, *WINDOWS, "-o", tmp_path / "out") == 3
    told = row(tmp_path / "out")
    assert told["status"] == "failed"
    assert "S2A_T34TDS_2017" in told["reason"]
    assert "404" in told["reason"]


@pytest.fixture(scope="module")
def bucket():
    """The sample scenes in a real S3 on loopback, open to all and not."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"aws_access_key_id": "CANARYKEY", "aws_secret_access_key": "CANARYSECRET"}
    client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1", **keys)
    for name, rights in (("open", "public-read"), ("closed", "private")):
        client.create_bucket(Bucket=name)
        for raw in items():
            for asset in raw["assets"].values():
                client.upload_file(str(SAMPLE / asset["href"]), name, asset["href"], ExtraArgs={"ACL": rights})
    client.close()
    yield f"{host}:{port}"
    server.stop()


@pytest.mark.parametrize("name", ["open", "closed"])
def test_s3_gives_the_same_bytes_signed_and_unsigned(monkeypatch, tmp_path, bucket, site_list, expected, name):
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(key, raising=False)
    options = {"AWS_S3_ENDPOINT": bucket, "AWS_HTTPS": "NO", "AWS_VIRTUAL_HOSTING": "FALSE"}
    if name == "closed":
        options |= {"AWS_ACCESS_KEY_ID": "CANARYKEY", "AWS_SECRET_ACCESS_KEY": "CANARYSECRET"}
    for key, value in options.items():
        monkeypatch.setenv(key, value)
    catalog = tmp_path / "items.json"
    pystac.ItemCollection(served(items(), lambda _: f"s3://{name}")).save_object(str(catalog))
    assert run("run", site_list, "--catalog", catalog, *WINDOWS, "-o", tmp_path / "out") == 0
    assert found(tmp_path / "out") == expected


def test_requester_pays_is_refused_in_one_line(monkeypatch, tmp_path, site_list):
    monkeypatch.delenv("AWS_REQUEST_PAYER", raising=False)
    catalog = tmp_path / "items.json"
    pystac.ItemCollection(served(items(), lambda _: "s3://usgs-landsat")).save_object(str(catalog))
    assert run("run", site_list, "--catalog", catalog, *WINDOWS, "-o", tmp_path / "out") == 3
    assert "AWS_REQUEST_PAYER" in row(tmp_path / "out")["reason"]
