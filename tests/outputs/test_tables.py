"""The summary opens in a spreadsheet and computes nothing there."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from changedetect.changes import empty_changes
from changedetect.model import Site, SiteResult
from changedetect.outputs.tables import SUMMARY_COLUMNS, cell, write_summary


def test_a_row_a_site_with_gaps_where_nothing_is_known(tmp_path: Path, result: SiteResult) -> None:
    site = Site(site_id="b", name='=HYPERLINK("http://x", "y")', geometry=result.site.geometry)
    reason = "no scene,\nat https://h/?sig=SECRET"
    failed = SiteResult(site=site, status="failed", reason=reason, changes=empty_changes())
    with_scenes = replace(
        result, summary={**result.summary, "before_scenes": 3, "status": "mine", "purity": float("nan")}
    )
    write_summary(tmp_path / "summary.csv", [with_scenes, failed])
    with (tmp_path / "summary.csv").open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        first, second = list(reader)
    assert tuple(reader.fieldnames or ()) == SUMMARY_COLUMNS
    assert (first["site_id"], first["name"], first["status"]) == ("a", "공장 A", "ok")
    assert (first["n_changes"], first["clear_fraction"], first["before_scenes"], first["purity"]) == (
        "1",
        "0.5",
        "3",
        "",
    )
    assert second["name"] == '\'=HYPERLINK("http://x", "y")'
    assert (second["status"], second["n_changes"]) == ("failed", "")
    assert second["reason"] == "no scene,\nat https://h/"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+1-2", "'+1-2"),
        ("+82", "+82"),
        (-0.25, "-0.25"),
        ("\t=1", "'\t=1"),
        (None, ""),
        (1234567.125, "1234567.125"),
        (("S2A", "S2B"), "S2A S2B"),
    ],
)
def test_cells(value: object, expected: str) -> None:
    assert cell(value) == expected


@settings(deadline=None)
@given(st.text())
def test_no_text_starts_a_formula(text: str) -> None:
    written = cell(text)
    if written.startswith(("=", "+", "-", "@")):
        float(written)
