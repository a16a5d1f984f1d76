"""Shared by all tests: nothing leaves the machine."""

import pytest
from pytest_socket import disable_socket


@pytest.fixture(autouse=True)
def _loopback_only() -> None:
    disable_socket(allow_unix_socket=True)
