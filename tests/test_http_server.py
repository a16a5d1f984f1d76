import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import numpy as np
import planetary_computer.sas
import pytest
import rasterio
import requests
from affine import Affine
from odc.geo.geobox import GeoBox
from planetary_computer.settings import Settings
from rasterio.windows import Window

from changedetect import geotiff
from changedetect.errors import ConfigError
from changedetect.testing.faults import BODY_KINDS, Fault, FaultPlan
from changedetect.testing.http_server import FileServer
from changedetect.testing.tokens import SasPolicy

DATA = bytes(range(256)) * 4
BIG = os.urandom(3_000_000)
HALF = len(DATA) // 2


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "served"
    (folder / "account" / "images").mkdir(parents=True)
    (folder / "data.bin").write_bytes(DATA)
    (folder / "b b.json").write_text("{}")
    (folder / "empty.txt").touch()
    (folder / "big.tif").write_bytes(BIG)
    (folder / "account" / "images" / "x.tif").write_bytes(DATA)
    (tmp_path / "secret.txt").write_text("not for you")
    return folder


@pytest.fixture
def connect():
    """Give connections that are closed when the test ends."""
    opened = []

    def connection(server, timeout=20):
        parts = urlsplit(server.url)
        opened.append(http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout))
        return opened[-1]

    yield connection
    for one in opened:
        one.close()


def ask(connection, path="/data.bin", byte_range=None, method="GET", **headers):
    headers |= {"Range": byte_range} if byte_range else {}
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    answer.content = answer.read()
    return answer


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


def test_patterns_name_the_host_where_one_is_stood_for(root, connect):
    hosts = {"far.example": "account", "near.example": "account"}
    with FileServer(root, hosts=hosts, faults=[Fault(kind="dead", path="far.example/*.tif")]) as server:
        connection = connect(server)
        urls = ["http://far.example/images/x.tif", "http://near.example/images/x.tif", "/account/images/x.tif"]
        assert [ask(connection, url).status for url in urls] == [404, 200, 200]


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


def test_throttling_ends_after_so_many_requests_of_a_path(root, connect):
    faults = [
        Fault(kind="status", status=429, retry_after_s=7, times=2, wording="azure"),
        Fault(kind="status", status=503, path="*.json", retry_after_s=60, retry_after_date=True, wording="s3"),
    ]
    with FileServer(root, faults=faults) as server:
        connection = connect(server)
        answers = [ask(connection) for _ in range(3)]
        assert [one.status for one in answers] == [429, 429, 200]
        assert answers[0].getheader("Retry-After") == "7"
        assert "Try again in 7 seconds" in json.loads(answers[0].content)["message"]
        answers = [ask(connection, "/b%20b.json") for _ in range(4)]
        assert [one.status for one in answers] == [429, 429, 503, 200]
        wait = parsedate_to_datetime(answers[2].getheader("Retry-After")) - datetime.now(UTC)
        assert timedelta(seconds=30) < wait < timedelta(seconds=62)
        assert b"<Code>SlowDown</Code>" in answers[2].content
        assert {one.connection for one in server.log} == {1}
        assert server.injected == {"status": 5}
        server.faults = ()
        assert ask(connection, "/big.tif").status == 200


def test_a_reset_before_the_answer(root, connect):
    with FileServer(root, faults=[Fault(kind="reset")]) as server:
        with pytest.raises(ConnectionResetError):
            ask(connect(server))
        assert ask(connect(server)).content == DATA
        assert [one.status for one in server.log] == [0, 200]
        assert server.injected == {"reset": 1}


def test_a_reset_in_the_middle_of_the_body(root):
    with FileServer(root, faults=[Fault(kind="reset_body")]) as server:
        port = urlsplit(server.url).port
        with socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
            raw.sendall(b"GET /data.bin HTTP/1.1\r\nHost: here\r\n\r\n")
            received = b""

            def take_all():
                nonlocal received
                while piece := raw.recv(1 << 16):
                    received += piece

            with pytest.raises(ConnectionResetError):
                take_all()
        assert b"Content-Length: 1024\r\n" in received
        assert received.partition(b"\r\n\r\n")[2] == DATA[:HALF]
        assert server.log[0].bytes_sent == HALF


def test_a_truncated_body_closes_before_its_length(root, connect):
    with FileServer(root, faults=[Fault(kind="truncate", at=0.25)]) as server:
        connection = connect(server)
        connection.request("GET", "/data.bin", headers={"Range": "bytes=0-99"})
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("Content-Length")) == (206, "100")
        with pytest.raises(http.client.IncompleteRead) as caught:
            answer.read()
        assert caught.value.partial == DATA[:25]
        assert server.log[0].bytes_sent == 25
        assert server.injected == {"truncate": 1}


def test_a_short_answer_is_consistent_and_keeps_its_connection(root, connect):
    with FileServer(root, faults=[Fault(kind="short", at=0.1)]) as server:
        connection = connect(server)
        short = ask(connection, byte_range="bytes=100-199")
        assert (short.status, short.content) == (206, DATA[100:110])
        assert short.getheader("Content-Range") == "bytes 100-109/1024"
        assert ask(connection, byte_range="bytes=100-199").content == DATA[100:200]
        assert {one.connection for one in server.log} == {1}


def test_a_login_page_and_a_dead_link(root, connect):
    faults = [Fault(kind="html", path="/data.bin"), Fault(kind="dead", path="*.tif")]
    with FileServer(root, faults=faults) as server:
        connection = connect(server)
        page = ask(connection, byte_range="bytes=0-9")
        assert (page.status, page.getheader("Content-Type")) == (200, "text/html; charset=utf-8")
        assert b"<html>" in page.content
        assert [ask(connection, "/big.tif").status for _ in range(5)] == [404] * 5
        assert server.injected == {"html": 1, "dead": 5}


def test_delays_come_before_and_within_and_let_other_faults_through(root):
    """The order of bytes and silence is seen through timeouts that fall into a silence without an end."""
    faults = [Fault(kind="slow", path="/big.tif", seconds=600), Fault(kind="stall", seconds=600)]
    with FileServer(root, faults=faults) as server:
        port = urlsplit(server.url).port
        for path, expected in (("/big.tif", b""), ("/data.bin", DATA[:HALF])):
            with socket.create_connection(("127.0.0.1", port), timeout=0.5) as raw:
                raw.sendall(f"GET {path} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
                received = b""
                with pytest.raises(TimeoutError):  # noqa: PT012 - the loop ends by the timeout
                    while True:
                        received += raw.recv(1 << 16)
                assert received.partition(b"\r\n\r\n")[2] == expected
        assert server.injected == {"slow": 1, "stall": 2}
    delays = [Fault(kind="slow", seconds=0.01), Fault(kind="stall", seconds=0.01), Fault(kind="short")]
    with FileServer(root, faults=delays) as server:
        answer = requests.get(f"{server.url}/data.bin", timeout=20)
        assert answer.content == DATA[:HALF]
        assert server.log[0].faults == ("slow", "stall", "short")


def test_faults_of_the_body_pass_over_what_has_none(root, connect):
    with FileServer(root, faults=[Fault(kind=kind) for kind in sorted(BODY_KINDS)]) as server:
        connection = connect(server)
        assert ask(connection, method="HEAD").status == 200
        assert ask(connection, "/empty.txt").status == 200
        assert ask(connection, "/none").status == 404
        assert server.injected == {}


def test_every_and_rate_hit_the_same_requests_each_time():
    def kinds(fault, requests):
        plan = FaultPlan([fault])
        return {one for one in requests if plan.hit(*one, has_body=True).kinds}

    asked = [(f"/{name}.tif", f"bytes={start}-") for name in "abcd" for start in range(50)]
    rare = Fault(kind="reset", rate=0.2, times=None, seed=5)
    hit = kinds(rare, asked)
    assert hit == kinds(rare, asked[::-1])
    assert 20 <= len(hit) <= 60
    assert hit != kinds(Fault(kind="reset", rate=0.2, times=None, seed=6), asked)
    assert kinds(Fault(kind="reset", every=5, times=None), asked) == set(asked[4::5])
    assert kinds(Fault(kind="reset", skip=3, times=2), asked) == {
        one for i, one in enumerate(asked) if i % 50 in (3, 4)
    }


@pytest.mark.parametrize("wrong", [{"times": 0}, {"rate": 1.5}, {"status": 200}, {"at": 1.0}, {"every": 0}])
def test_a_fault_checks_itself(wrong):
    with pytest.raises(ConfigError, match=f"fault {next(iter(wrong))} = "):
        Fault(kind="status", **wrong)


def test_the_planetary_computer_package_signs_and_signs_again(root, monkeypatch):
    monkeypatch.setattr(planetary_computer.sas, "TOKEN_CACHE", {})
    href = "http://account.blob.core.windows.net/images/x.tif"
    hosts = {"account.blob.core.windows.net": "account", "open.example": "account"}
    with FileServer(root, hosts=hosts, sas=SasPolicy(uses=2)) as server:
        monkeypatch.setattr(Settings.get(), "sas_url", f"{server.url}/api/sas/v1/token")

        def fetch(url):
            return requests.get(url, proxies={"http": server.url}, timeout=20)

        signed = planetary_computer.sas.sign(href)
        assert [fetch(signed).status_code for _ in range(3)] == [200, 200, 403]
        refused = fetch(signed)
        assert b"<Code>AuthenticationFailed</Code>" in refused.content
        assert refused.headers["Content-Type"] == "application/xml"
        assert planetary_computer.sas.sign(href) == signed
        planetary_computer.sas.TOKEN_CACHE.clear()
        assert fetch(planetary_computer.sas.sign(href)).content == DATA
        assert [fetch(url).status_code for url in (href, f"{href}?sig=made-up")] == [403, 403]
        assert fetch("http://open.example/images/x.tif").ok
        assert server.injected == {"expired_token": 2, "no_token": 1, "bad_token": 1}
        assert len(server.tokens) == 2
        assert signed.endswith(server.tokens[0].text)
        seen = f"{server.log} {server.tokens}"
    for token in server.tokens:
        assert token.signature not in seen
        assert token.text not in seen


def test_tokens_end_with_time_when_told_and_at_their_container(root):
    def token(server, container):
        answer = requests.get(f"{server.url}/api/sas/v1/token/account/{container}", timeout=20).json()
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", answer["msft:expiry"])
        return answer["token"]

    def status(server, signature):
        url = f"http://account.blob.core.windows.net/images/x.tif?{signature}"
        return requests.get(url, proxies={"http": server.url}, timeout=20).status_code

    hosts = {"account.blob.core.windows.net": "account"}
    with FileServer(root, hosts=hosts, sas=SasPolicy()) as server:
        assert status(server, token(server, "other")) == 403
        good = token(server, "images")
        assert status(server, good) == 200
        server.expire_tokens()
        assert status(server, good) == 403
        assert status(server, token(server, "images")) == 200
    with FileServer(root, hosts=hosts, sas=SasPolicy(lifetime_s=0.0)) as server:
        assert status(server, token(server, "images")) == 403


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
