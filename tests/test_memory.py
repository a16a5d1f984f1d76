"""Freed memory goes back to the system, and where it can't be told to, nothing happens."""

import os
import resource
import subprocess
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


FAULTS = """
import resource
import numpy as np
from changedetect import memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        np.ones(2**20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

first = faults()
memory.keep_freed()
faults()
print(first, faults())
"""


@pytest.mark.skipif(memory._trim() is None, reason="needs glibc")
def test_freed_arrays_are_kept_where_the_environment_says_otherwise():
    environment = {**os.environ, "MALLOC_TRIM_THRESHOLD_": "65536"}
    told = subprocess.run([sys.executable, "-c", FAULTS], env=environment, check=True, capture_output=True, text=True)
    first, kept = map(int, told.stdout.split())
    assert first > 20
    assert kept < first / 4


def test_elsewhere_nothing_happens(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    memory._trim.cache_clear()
    memory.keep_freed.cache_clear()
    assert memory._trim() is None
    memory.give_back()
    memory.keep_freed()
    monkeypatch.undo()
    memory._trim.cache_clear()
    memory.keep_freed.cache_clear()
