"""A watched archive, and what one run over all of it finds."""

import pytest
from ledger_cases import run_until, write_archive


@pytest.fixture(scope="session")
def archive(tmp_path_factory):
    """The static catalog of the site's scenes."""
    return write_archive(tmp_path_factory.mktemp("archive"))


@pytest.fixture(scope="session")
def watched(archive, tmp_path_factory):
    """One run over the whole archive; not to be changed."""
    out = tmp_path_factory.mktemp("watched")
    assert run_until(archive, out) == 0
    return out
