"""Tiles kept in a file: what comes back, how often they are read, and what happens where there is no room."""

import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from changedetect import scratch, tiling
from changedetect.config import RunConfig
from changedetect.ground import ground_of_pair
from changedetect.testing import simulated_pair


@pytest.fixture
def pair():
    made, _ = simulated_pair(1, (60, 60), [])
    spread = np.random.default_rng(0).random((60, 60)).astype(np.float32)
    return replace(made, after=replace(made.after, spread=spread))


def reader(pair):
    """Tiles of a pair, a reader of them, and the tiles that were read so far."""
    ground, seen = ground_of_pair(pair, RunConfig()), []

    def read(spec):
        seen.append(spec)
        return ground.read(spec)

    return tiling.cut(pair.geobox, 25, 5), read, seen


def same(one, other):
    for date, expected in ((one.before, other.before), (one.after, other.after)):
        assert (date.geobox, date.bands, date.scene_ids) == (expected.geobox, expected.bands, expected.scene_ids)
        for name in ("data", "valid", "looks", "spread"):
            got, wanted = getattr(date, name), getattr(expected, name)
            assert (got is None) == (wanted is None)
            if got is not None:
                assert got.dtype == wanted.dtype
                np.testing.assert_array_equal(got, wanted)


def test_tiles_come_back_as_they_were_and_are_read_once(pair):
    tiles, read, seen = reader(pair)
    kept = scratch.Scratch(read, tiles)
    for _ in range(3):
        for spec in tiles:
            same(kept.pair(spec), ground_of_pair(pair, RunConfig()).read(spec))
    assert seen == list(tiles)


def test_another_rectangle_is_read_and_not_kept(pair):
    tiles, read, seen = reader(pair)
    kept, other = scratch.Scratch(read, tiles), replace(tiles[0], halo_px=2)
    for _ in range(2):
        same(kept.pair(other), ground_of_pair(pair, RunConfig()).read(other))
    assert seen == [other, other]


def test_on_a_full_disk_tiles_are_read_again(pair, monkeypatch):
    tiles, read, seen = reader(pair)
    kept = scratch.Scratch(read, tiles)
    kept.pair(tiles[0])
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1))
    for spec in (*tiles, *tiles):
        same(kept.pair(spec), ground_of_pair(pair, RunConfig()).read(spec))
    assert seen == [*tiles, *tiles[1:]]


def test_where_nothing_can_be_written_tiles_are_read_again(pair, monkeypatch, tmp_path):
    monkeypatch.setattr(scratch, "_folder", lambda: tmp_path / "gone")
    tiles, read, seen = reader(pair)
    kept = scratch.Scratch(read, tiles)
    for spec in (*tiles, *tiles):
        same(kept.pair(spec), ground_of_pair(pair, RunConfig()).read(spec))
    assert seen == [*tiles, *tiles]
