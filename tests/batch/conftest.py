"""Eight tiny sites, and what an uninterrupted run over them leaves."""

import pytest
from batch_cases import digests, options, tiny_sites, write_land

from changedetect import batch


@pytest.fixture(scope="session")
def catalog(tmp_path_factory):
    halls = [(100, 100, 90, 60), (420, 420, 60, 120), (100, 740, 80, 80), (300, 1000, 60, 60)]
    return write_land(tmp_path_factory.mktemp("land"), (1280.0, 640.0), halls)


@pytest.fixture(scope="session")
def config(catalog):
    return options(catalog)


@pytest.fixture(scope="session")
def sites():
    return tiny_sites(2, 4)


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory, config, sites):
    """Digests of all files of a run in this process, and the folder."""
    out = tmp_path_factory.mktemp("uninterrupted")
    result = batch.run(sites, config=config, out=out)
    assert {one.status for one in result.results} == {"ok", "poor"}
    assert len(result.changes) >= 2
    return digests(out), out
