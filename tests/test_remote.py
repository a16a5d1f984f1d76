"""Rasters over HTTP and S3, from servers that are as bad as real ones: the same numbers, or one clear line."""

import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import numpy as np
import planetary_computer.sas
import planetary_computer.settings
import pytest
from affine import Affine
from moto.server import ThreadedMotoServer
from odc.geo.geobox import GeoBox

from changedetect import geotiff, parallel
from changedetect.errors import RasterError
from changedetect.geotiff import opening, places
from changedetect.journal import in_words, journal
from changedetect.testing.faults import Fault
from changedetect.testing.http_server import FileServer
from changedetect.testing.tokens import SasPolicy

GRID = GeoBox((1200, 1200), Affine(10, 0, 500_000, 0, -10, 5_100_000), "EPSG:32634")
WINDOW = GRID[300:700, 400:900]
BLOB = "account.blob.core.windows.net"


@pytest.fixture(scope="module")
def numbers():
    return np.random.default_rng(1).integers(1, 60_000, (1, *GRID.shape), dtype=np.uint16)


@pytest.fixture(scope="module")
def root(tmp_path_factory, numbers):
    folder = tmp_path_factory.mktemp("served")
    for place in ("public", BLOB):
        (folder / place / "container").mkdir(parents=True)
        geotiff.write_cog(folder / place / "container" / "red.tif", numbers, GRID, band_names=("red",), nodata=0)
    return folder


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(opening, "PATIENCE", opening.Patience(attempts=5, first_wait_s=0.01))


def read(href):
    with journal() as kept:
        data, valid = geotiff.read(href, WINDOW)
    assert valid.all()
    return data, in_words(kept)


FAULTS = {
    "429": (Fault(kind="status", status=429, retry_after_s=0), "HTTP 429"),
    "503 in the middle": (Fault(kind="status", status=503, skip=1, times=4), ""),
    "S3 slow down": (Fault(kind="status", status=503, wording="s3", times=2), ""),
    "reset": (Fault(kind="reset", times=2), ""),
    "reset in the body": (Fault(kind="reset_body", times=3), ""),
    "truncated": (Fault(kind="truncate", times=3), ""),
    "shorter than asked": (Fault(kind="short", times=3, at=0.1), ""),
    "a web page": (Fault(kind="html", times=4), "a web page instead of a raster"),
    "all at random": (Fault(kind="status", rate=0.6, times=6), ""),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_passes_leaves_no_trace_in_the_numbers(root, numbers, name):
    fault, told = FAULTS[name]
    with FileServer(root, faults=[fault]) as server:
        data, words = read(f"{server.url}/public/container/red.tif")
        assert server.injected[fault.kind] >= 1
        again, quiet = read(f"{server.url}/public/container/red.tif")
    assert np.array_equal(data[0], numbers[0, 300:700, 400:900])
    assert np.array_equal(again, data)
    assert told in words
    assert not told or not quiet


def test_what_a_failed_open_left_behind_is_forgotten(root, numbers):
    with FileServer(root, faults=[Fault(kind="dead", path="*/red.tif")]) as server:
        href = f"{server.url}/public/container/red.tif"
        with pytest.raises(RasterError, match="HTTP 404"):
            read(href)
        server.faults = ()
        data, _ = read(href)
    assert np.array_equal(data[0], numbers[0, 300:700, 400:900])


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(kind="dead"), "HTTP 404"),
        (Fault(kind="status", status=403, times=None), "access denied (HTTP 403)"),
        (Fault(kind="status", status=503, times=None), "HTTP 503, 5 times in a row"),
        (Fault(kind="html", times=None), "a web page instead of a raster, 5 times"),
    ],
)
def test_what_does_not_pass_is_one_line(root, fault, said):
    with FileServer(root, faults=[fault]) as server, pytest.raises(RasterError) as caught:
        read(f"{server.url}/public/container/red.tif")
    assert said in str(caught.value)
    assert "/public/container/red.tif" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_server_is_given_the_time_it_asks_for(root, monkeypatch):
    waits = []
    for module in (opening, places):
        monkeypatch.setattr(module, "sleep", waits.append)
    with FileServer(root, faults=[Fault(kind="status", status=429, retry_after_s=7, times=2)]) as server:
        read(f"{server.url}/public/container/red.tif")
    # Once for this read, once for whatever else would be read of this host.
    assert [wait for wait in waits if wait > 6]
    assert max(waits) <= 7


def test_a_server_that_is_gone_is_not_asked_for_every_file(root):
    with FileServer(root) as server:
        gone = server.url
    for _ in range(3):
        with pytest.raises(RasterError, match="connection broken, 5 times in a row"):
            read(f"{gone}/public/container/red.tif")
    with pytest.raises(RasterError, match="can't be reached, as 3 reads before found"):
        read(f"{gone}/public/container/other.tif")


class Elsewhere(BaseHTTPRequestHandler):
    """Sends readers to another server, as storage behind a catalog's own links does; `/whole/` gives no ranges."""

    target = ""

    def do_GET(self):
        if self.path.startswith("/whole/"):
            self.send_response(200)
            self.send_header("Content-Type", "image/tiff")
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"II*\0")
            return
        self.send_response(302)
        self.send_header("Location", f"{self.target}{self.path}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET  # noqa: N815 - http.server's name

    def log_message(self, *_):
        pass


@pytest.fixture
def elsewhere(root):
    with FileServer(root) as server, ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as door:
        Elsewhere.target = server.url
        thread = threading.Thread(target=door.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{door.server_port}"
        door.shutdown()
        thread.join()


def test_a_redirect_is_followed(elsewhere, numbers):
    data, _ = read(f"{elsewhere}/public/container/red.tif")
    assert np.array_equal(data[0], numbers[0, 300:700, 400:900])


def test_a_server_without_ranges_is_refused_at_once(elsewhere):
    with pytest.raises(RasterError, match="gives no parts of files"):
        read(f"{elsewhere}/whole/container/red.tif")


@pytest.mark.parametrize("href", ["http://[bad/a/b.tif", "http://127.0.0.1:1/a b/c d.tif?sig=CANARY SECRET"])
def test_what_is_no_url_is_one_line_without_secrets(href):
    with pytest.raises(RasterError) as caught:
        read(href)
    assert "\n" not in str(caught.value)
    assert "CANARY" not in str(caught.value)


def test_an_interrupt_waits_for_no_thread(monkeypatch):
    monkeypatch.setattr(parallel, "_stopped", threading.Event())
    begun = threading.Event()

    def work(number):
        if number == 0:
            begun.wait(10)
            raise KeyboardInterrupt
        begun.set()
        parallel.sleep(60)

    with pytest.raises(KeyboardInterrupt):
        parallel.mapped(work, range(2), 5)
    with pytest.raises(parallel.StoppedError):
        parallel.sleep(60)


def test_headers_are_read_once_and_only_the_blocks_of_the_window(root):
    with FileServer(root) as server:
        href = f"{server.url}/public/container/red.tif"
        read(href)
        opened = [one.range for one in server.log]
        server.reset_log()
        geotiff.read(href, GRID[900:1200, 900:1200])
        assert len(server.log) <= 2
        assert not any(one.range.startswith("bytes=0-") for one in server.log)
    assert sum(one.startswith("bytes=0-") for one in opened) == 1
    assert {one.method for one in server.log} == {"GET"}


@pytest.fixture
def planetary(root, monkeypatch):
    """The Planetary Computer's storage, with tokens that are good for eight requests."""
    monkeypatch.setattr(planetary_computer.sas, "TOKEN_CACHE", {})
    monkeypatch.setattr("changedetect.geotiff.places.TOKEN_CACHE", planetary_computer.sas.TOKEN_CACHE)
    sas = SasPolicy(uses=8)
    with FileServer(root, hosts={BLOB: BLOB}, sas=sas) as server:
        monkeypatch.setenv("GDAL_HTTP_PROXY", server.url.removeprefix("http://"))
        monkeypatch.setenv("http_proxy", server.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setenv("PC_SDK_SAS_URL", f"{server.url}/api/sas/v1/token")
        planetary_computer.settings.Settings.get.cache_clear()
        yield server
    planetary_computer.settings.Settings.get.cache_clear()


def test_a_token_that_runs_out_is_renewed_and_never_shown(planetary, numbers, caplog):
    caplog.set_level(logging.DEBUG)
    words = ""
    for _ in range(4):
        data, told = read(f"http://{BLOB}/container/red.tif")
        words += told
        assert np.array_equal(data[0], numbers[0, 300:700, 400:900])
        geotiff.read(f"http://{BLOB}/container/red.tif", GRID[:300, :300])
    assert len(planetary.tokens) >= 2
    assert "token expired" in words
    for token in planetary.tokens:
        assert token.signature not in caplog.text + words
        assert token.text not in caplog.text + words


def test_a_refused_token_is_one_line_without_it(planetary):
    planetary.faults = [Fault(kind="status", status=403, times=None, path="*red.tif", wording="azure")]
    with pytest.raises(RasterError) as caught:
        read(f"http://{BLOB}/container/red.tif")
    assert "access denied" in str(caught.value)
    assert planetary.tokens
    assert not any(token.signature in str(caught.value) + repr(caught.value.__cause__) for token in planetary.tokens)


@pytest.fixture(scope="module")
def bucket(root):
    """A real S3 on loopback that holds the raster."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        aws_access_key_id="CANARYKEY",
        aws_secret_access_key="CANARYSECRET",  # noqa: S106 - a canary
        region_name="us-east-1",
    )
    for name in ("ours", "eodata"):
        client.create_bucket(Bucket=name)
        path = str(root / "public" / "container" / "red.tif")
        client.upload_file(path, name, "scenes/red.tif", ExtraArgs={"ACL": "public-read"})
        client.upload_file(path, name, "private/red.tif")
    client.close()
    yield f"{host}:{port}"
    server.stop()


@pytest.fixture
def s3(bucket, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_S3_ENDPOINT", bucket)
    monkeypatch.setenv("AWS_HTTPS", "NO")
    monkeypatch.setenv("AWS_VIRTUAL_HOSTING", "FALSE")
    return monkeypatch


@pytest.mark.parametrize("signed", [True, False])
def test_s3_is_read_signed_and_unsigned(s3, numbers, signed):
    if signed:
        s3.setenv("AWS_ACCESS_KEY_ID", "CANARYKEY")
        s3.setenv("AWS_SECRET_ACCESS_KEY", "CANARYSECRET")
    data, _ = read("s3://ours/scenes/red.tif")
    assert np.array_equal(data[0], numbers[0, 300:700, 400:900])


def test_cdse_wants_keys_and_reads_with_them(s3, bucket, numbers):
    with pytest.raises(RasterError, match="CDSE_S3_ACCESS_KEY"):
        read("s3://eodata/scenes/red.tif")
    s3.setenv("CDSE_S3_ACCESS_KEY", "CANARYKEY")
    s3.setenv("CDSE_S3_SECRET_KEY", "CANARYSECRET")
    s3.setenv("CDSE_S3_ENDPOINT", bucket)
    data, _ = read("s3://eodata/scenes/red.tif")
    assert np.array_equal(data[0], numbers[0, 300:700, 400:900])


@pytest.mark.parametrize(
    ("href", "said"),
    [
        ("s3://ours/scenes/blue.tif", "not there"),
        ("s3://ours/private/red.tif", "access denied"),
        ("s3://usgs-landsat/collection02/red.tif", "requester-pays"),
        ("s3://nobody/red.tif", "not there"),
    ],
)
def test_what_s3_refuses_is_one_line_without_keys(s3, href, said, caplog):
    caplog.set_level(logging.DEBUG)
    if "private" not in href:
        s3.setenv("AWS_ACCESS_KEY_ID", "CANARYKEY")
        s3.setenv("AWS_SECRET_ACCESS_KEY", "CANARYSECRET")
    with pytest.raises(RasterError) as caught:
        read(href)
    assert said in str(caught.value)
    assert href in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "CANARY" not in str(caught.value) + caplog.text
