"""Freed memory goes back to the system, and where it can't be told to, nothing happens."""

import resource
import sys
from pathlib import Path

import pytest

from changedetect import memory

PIECE_BYTES, PIECES = 1 << 16, 1500
"""Too small for pages of their own; 98 MB together."""


def held_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.skipif(memory._trim() is None, reason="needs glibc")
def test_what_was_freed_below_what_stays_is_given_back():
    pieces = [b"x" * PIECE_BYTES for _ in range(PIECES)]
    last = pieces[-1]
    del pieces
    before = held_bytes()
    memory.give_back()
    assert last[:1] == b"x"
    assert before - held_bytes() > PIECE_BYTES * PIECES / 2


def test_elsewhere_nothing_happens(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    memory._trim.cache_clear()
    assert memory._trim() is None
    memory.give_back()
    monkeypatch.undo()
    memory._trim.cache_clear()
