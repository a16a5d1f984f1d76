"""Fixtures of the file server's tests."""

import http.client
from urllib.parse import urlsplit

import pytest
from server_cases import BIG, DATA


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
