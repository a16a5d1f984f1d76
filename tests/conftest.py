"""Shared by all tests: nothing leaves the machine."""

import os

import pytest
from pytest_socket import socket_allow_hosts

os.environ["CHANGEDETECT_PROCESSORS"] = "1"  # tests share the machine, and some fault what is in this process
collect_ignore_glob = ["*conftest.py"]
"""No doctests are looked for in these: they would all be one module."""


@pytest.fixture(autouse=True)
def _loopback_only() -> None:
    socket_allow_hosts(["127.0.0.1", "localhost", "::1"], allow_unix_socket=True)
