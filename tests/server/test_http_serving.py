"""Files, ranges and hosts as a good server serves them, to one client and to many."""

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import numpy as np
import pytest
import rasterio
import requests
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.windows import Window
from server_cases import BIG, DATA, ask

from changedetect import geotiff
from changedetect.errors import ConfigError
from changedetect.testing.http_server import FileServer


def test_whole_files_keep_their_connection(root, connect):
    with FileServer(root) as server:
        connection = connect(server)
        for path, content in {"/data.bin": DATA, "/big.tif": BIG, "/empty.txt": b"", "/b%20b.json": b"{}"}.items():
            answer = ask(connection, path)
            assert (answer.status, answer.content) == (200, content)
            assert answer.getheader("Accept-Ranges") == "bytes"
            head = ask(connection, path, method="HEAD")
            assert head.content == b""
            for name in ("Content-Length", "Content-Type", "ETag", "Last-Modified"):
                assert head.getheader(name) == answer.getheader(name)
        assert ask(connection, "/b%20b.json").getheader("Content-Type") == "application/json"
        log = server.log
    assert {one.connection for one in log} == {1}
    assert [one.bytes_sent for one in log[:4]] == [len(DATA), 0, len(BIG), 0]
    assert log[-1].path == "/b b.json"


@pytest.mark.parametrize(
    ("byte_range", "expected"),
    [
        ("bytes=0-9", slice(0, 10)),
        ("bytes=1000-", slice(1000, 1024)),
        ("bytes=-24", slice(1000, 1024)),
        ("bytes=-5000", slice(0, 1024)),
        ("bytes=1020-99999", slice(1020, 1024)),
    ],
)
def test_a_range_is_answered_with_206(root, connect, byte_range, expected):
    with FileServer(root) as server:
        answer = ask(connect(server), byte_range=byte_range)
        assert (answer.status, answer.content) == (206, DATA[expected])
        assert answer.getheader("Content-Range") == f"bytes {expected.start}-{expected.stop - 1}/1024"
        assert server.log[0].range == byte_range
        assert server.log[0].bytes_sent == len(answer.content)


def test_what_is_no_range_is_the_whole_and_what_is_outside_is_416(root, connect):
    with FileServer(root) as server:
        connection = connect(server)
        for odd in ("bytes=9-2", "bytes=-", "bytes=0-1,5-6", "rows=0-1"):
            answer = ask(connection, byte_range=odd)
            assert (answer.status, answer.content) == (200, DATA)
        for outside in ("bytes=1024-", "bytes=-0"):
            answer = ask(connection, byte_range=outside)
            assert (answer.status, answer.getheader("Content-Range")) == (416, "bytes */1024")
        assert ask(connection, "/empty.txt", "bytes=0-9").status == 416
        tag = ask(connection).getheader("ETag")
        assert ask(connection, byte_range="bytes=0-9", **{"If-Range": tag}).status == 206
        assert ask(connection, byte_range="bytes=0-9", **{"If-Range": '"older"'}).status == 200


def test_nothing_outside_the_root_is_served(root, connect):
    (root / "way_out.txt").symlink_to(root.parent / "secret.txt")
    with FileServer(root) as server:
        connection = connect(server)
        for path in ("/../secret.txt", "/%2e%2e/secret.txt", "/account/..%2f..%2fsecret.txt", "/way_out.txt", "//etc"):
            assert ask(connection, path).status == 404
        for path in ("/none.bin", "/account", "/", "/a%00b"):
            assert ask(connection, path).status == 404
    with pytest.raises(ConfigError, match="must be a folder that exists"):
        FileServer(root, hosts={"a.example": ".."})


def test_other_methods_and_nonsense_are_refused(root, connect):
    with FileServer(root) as server:
        for method, path in (("CONNECT", "a.example:443"), ("POST", "/data.bin"), ("DELETE", "/data.bin")):
            assert ask(connect(server), path, method=method).status == 405
        with socket.create_connection(("127.0.0.1", urlsplit(server.url).port), timeout=20) as raw:
            raw.sendall(b"hello\r\n\r\n")
            with raw.makefile("rb") as stream:
                assert re.fullmatch(rb"HTTP/1.1 400 .*\r\n\r\nnot an HTTP/1.1 request\n", stream.read(), re.DOTALL)


def test_a_taken_port_is_one_line(root):
    with FileServer(root) as server:
        port = urlsplit(server.url).port
        with pytest.raises(ConfigError, match="give another port"), FileServer(root, port=port):
            pass


def test_a_proxied_host_is_a_folder(root, connect):
    with FileServer(root, hosts={"account.blob.core.windows.net": "account"}) as server:
        found = ask(connect(server), "http://account.blob.core.windows.net/images/x.tif")
        assert (found.status, found.content) == (200, DATA)
        assert server.log[0].host == "account.blob.core.windows.net"
        assert ask(connect(server), "http://other.example/images/x.tif").status == 502
        by_header = ask(connect(server), "/images/x.tif", Host="account.blob.core.windows.net")
        assert by_header.content == DATA
        assert ask(connect(server), f"{server.url}/data.bin").content == DATA
        assert requests.get(
            "http://account.blob.core.windows.net/images/x.tif", proxies={"http": server.url}, timeout=20
        ).ok


def test_gdal_reads_a_window_by_ranges_directly_and_through_the_proxy(root):
    values = np.random.default_rng(3).integers(1, 5000, (1, 2048, 2048)).astype(np.uint16)
    grid = GeoBox((2048, 2048), Affine(10, 0, 500_000, 0, -10, 5_000_000), "EPSG:32633")
    path = root / "account" / "images" / "cog.tif"
    geotiff.write_cog(path, values, grid, band_names=("red",), nodata=0)
    with FileServer(root, hosts={"far.example": "account"}) as server:
        urls = {"/account": f"{server.url}/account/images/cog.tif", "": "http://far.example/images/cog.tif"}
        for url in urls.values():
            server.reset_log()
            proxy = {} if url.startswith(server.url) else {"GDAL_HTTP_PROXY": server.url}
            with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR", **proxy), rasterio.open(url) as file:
                window = file.read(1, window=Window(100, 200, 64, 64))
            np.testing.assert_array_equal(window, values[0, 200:264, 100:164])
            assert any(one.status == 206 and one.range.startswith("bytes=") for one in server.log)
            assert sum(one.bytes_sent for one in server.log) < path.stat().st_size / 2


def test_forty_connections_wait_together(root):
    """All forty requests are sent before the first is answered, and the server has them all at once."""
    with FileServer(root, latency_s=0.5) as server:
        port = urlsplit(server.url).port
        sockets = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(40)]
        for number, one in enumerate(sockets):
            wish = f"Range: bytes={number}-{number}\r\nConnection: close"
            one.sendall(f"GET /data.bin HTTP/1.1\r\nHost: here\r\n{wish}\r\n\r\n".encode())
        for number, one in enumerate(sockets):
            with one, one.makefile("rb") as stream:
                assert stream.read().partition(b"\r\n\r\n")[2] == DATA[number : number + 1]
        assert server.peak_in_flight == 40
        assert len({one.connection for one in server.log}) == 40


def test_many_clients_at_once_get_what_they_asked_for(root):
    with FileServer(root, latency_s=0.005) as server:
        local = threading.local()

        def fetch(number):
            session = getattr(local, "session", None) or requests.Session()
            local.session = session
            start = number * 7919 % 2_000_000
            asked = {"Range": f"bytes={start}-{start + 99_999}"}
            with session.get(f"{server.url}/big.tif", headers=asked, timeout=20) as answer:
                return answer.content == BIG[start : start + 100_000]

        with ThreadPoolExecutor(16) as pool:
            assert all(pool.map(fetch, range(200)))
        assert len(server.log) == 200
        assert 1 < len({one.connection for one in server.log}) <= 16


def test_a_stopped_server_drops_who_is_still_waiting(root, connect):
    with FileServer(root, latency_s=600) as server:
        connection = connect(server)
        connection.request("GET", "/data.bin")
        idle = connect(server)
        idle.connect()
        while not server.peak_in_flight:
            time.sleep(0.005)
    with pytest.raises(ConnectionError):
        connection.getresponse()


def test_the_command_serves_and_writes_its_log(root, tmp_path):
    log = tmp_path / "log.jsonl"
    command = [sys.executable, "-m", "changedetect.testing.http_server", root, "--latency-ms", "1", "--log", log]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip()
        assert requests.get(f"{url}/data.bin", timeout=20).content == DATA
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    (line,) = log.read_text().splitlines()
    assert json.loads(line) | {"host": ""} == {
        "connection": 1,
        "method": "GET",
        "host": "",
        "path": "/data.bin",
        "range": "",
        "status": 200,
        "bytes_sent": len(DATA),
        "faults": [],
    }
