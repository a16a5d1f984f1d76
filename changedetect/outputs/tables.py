"""`summary.csv`: a row a site, safe to open in a spreadsheet."""

import csv
import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from changedetect.model import SiteResult
from changedetect.outputs.files import whole
from changedetect.redaction import redact

SUMMARY_COLUMNS = (
    "site_id",
    "name",
    "status",
    "n_changes",
    "n_construction",
    "n_clearing",
    "area_m2",
    "before_scenes",
    "after_scenes",
    "clear_fraction",
    "shift",
    "season_gap_d",
    "noise",
    "rule",
    "purity",
    "worked_around",
    "warnings",
    "reason",
)
"""Columns of `summary.csv`; those between `status` and `reason` are taken from `SiteResult.summary`."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - Excel reads full width too


def write_summary(path: Path, results: Iterable[SiteResult]) -> None:
    """Write the table, RFC 4180 with line feeds, UTF-8.

    Raises
    ------
    OutputError
        The file can't be written.
    """
    with whole(path) as beside, beside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(SUMMARY_COLUMNS)
        for result in results:
            record = {
                **result.summary,
                "site_id": result.site.site_id,
                "name": result.site.name,
                "status": result.status,
                "reason": result.reason,
            }
            writer.writerow([cell(record.get(column)) for column in SUMMARY_COLUMNS])


def cell(value: object) -> str:
    """Write one value as a cell: nothing for None and NaN, six decimals at most, text that no spreadsheet computes.

    A text that starts like a formula gets an apostrophe (OWASP, "CSV Injection"), unless it is a number.

    >>> cell("=1+1"), cell("-12.5"), cell(0.30000000000000004)
    ("'=1+1", '-12.5', '0.3')
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, float):
        return repr(round(value, 6))
    if isinstance(value, list | tuple | set | frozenset):
        value = " ".join(map(str, value))
    text = redact(str(value))
    return f"'{text}" if text.startswith(_FORMULA_STARTS) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
