"""Faults on demand: each as a client sees it, and counted."""

import http.client
import json
import socket
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest
import requests
from server_cases import DATA, HALF, ask

from changedetect.errors import ConfigError
from changedetect.testing.faults import BODY_KINDS, Fault, FaultPlan
from changedetect.testing.http_server import FileServer


def test_patterns_name_the_host_where_one_is_stood_for(root, connect):
    hosts = {"far.example": "account", "near.example": "account"}
    with FileServer(root, hosts=hosts, faults=[Fault(kind="dead", path="far.example/*.tif")]) as server:
        connection = connect(server)
        urls = ["http://far.example/images/x.tif", "http://near.example/images/x.tif", "/account/images/x.tif"]
        assert [ask(connection, url).status for url in urls] == [404, 200, 200]


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
