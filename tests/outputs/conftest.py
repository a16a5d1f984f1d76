"""Fixtures of the writers' tests."""

import pytest
from output_cases import make_result

from changedetect.model import SiteResult


@pytest.fixture
def result() -> SiteResult:
    return make_result()
