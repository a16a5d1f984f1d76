"""Fixtures of the tests of downloaded products."""

import shutil
from pathlib import Path

import pytest
from product_cases import BUNDLE, SAFE, look

from changedetect.testing import write_bundle, write_safe


@pytest.fixture(scope="module")
def sentinel():
    return look("sentinel-2-l2a")


@pytest.fixture(scope="module")
def landsat():
    return look("landsat-8-9-c2-l2")


@pytest.fixture(scope="module")
def written(tmp_path_factory, sentinel, landsat):
    """One product of each kind, to be copied before it is damaged."""
    folder = tmp_path_factory.mktemp("written")
    write_safe(sentinel, folder)
    write_safe(sentinel, folder, zipped=True)
    write_bundle(landsat, folder)
    write_bundle(landsat, folder, packed="tar")
    return folder


@pytest.fixture
def safe(written, tmp_path):
    return Path(shutil.copytree(written / SAFE, tmp_path / "in" / SAFE))


@pytest.fixture
def bundle(written, tmp_path):
    return Path(shutil.copytree(written / BUNDLE, tmp_path / "in" / BUNDLE))
