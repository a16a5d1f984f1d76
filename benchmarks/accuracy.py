"""How good the changes are: real pairs with the rivals on the same pixels, and the simulator's standard suite.

    .venv/bin/python benchmarks/accuracy.py [--pairs DIR] [--mean TITLE=NAME,NAME ...] [--no-simulated]

DIR holds a folder a pair: `before.tif`, `after.tif`, and `reference.geojson` (see docs/evaluating.md) or `labels.tif`
(1 unchanged, 2 changed), or neither where nothing was built. Prints the tables and puts them into docs/accuracy.md,
between the marks of each; what was not measured is left there as it is. A few minutes on two cores: `make bench`.
"""

import argparse
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean
from typing import Any

import geopandas as gpd
from rivals import RIVALS, objects
from simulated import CASES, LANDS, Simulated, simulate, weigh

from changedetect import SiteResult, compare, evaluate, geotiff
from changedetect.errors import ChangeDetectError
from changedetect.model import UNKNOWN, Pair
from changedetect.tiling import open_rasters, read_rasters
from changedetect.types import BoolArray, IntArray

OURS = "changedetect"
DOCUMENT = Path(__file__).parents[1] / "docs" / "accuracy.md"
BLANK = "n/a"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one method makes of one pair."""

    text: str
    """As printed."""
    scores: tuple[float, float, float] | None = None
    """Object F1, area F1 and false alarms, where there is a reference."""


Row = Mapping[str, Cell]
"""A cell a method, by its name."""


def weigh_pair(folder: Path) -> Row:
    """Compare one pair with every method, and score what each says."""
    before, after = folder / "before.tif", folder / "after.tif"
    score = scoring(folder)
    row = {OURS: _our_cell(before, after, score)}
    rasters = open_rasters(before, after)
    first, second = read_rasters(rasters, rasters.geobox)
    pair = Pair(before=first, after=second)
    for name, rival in RIVALS.items():
        mask = rival(pair)
        row[name] = Cell(text=BLANK) if mask is None else score(objects(mask, pair), mask, pair.valid)
    return row


Score = Callable[[gpd.GeoDataFrame, BoolArray, BoolArray], Cell]
"""Polygons, (y, x) what changed and (y, x) where that is known → the cell."""


def scoring(folder: Path) -> Score:
    """How a pair is scored, by what is known of it."""
    reference, labels = folder / "reference.geojson", folder / "labels.tif"
    if reference.exists():
        table = gpd.read_file(reference)
        return lambda changes, _changed, _known: against(changes, table)
    if labels.exists():
        said = geotiff.read(labels, geotiff.info(labels).geobox)[0][0]
        return lambda _changes, changed, known: Cell(text=f"κ {kappa(said[known], changed[known]):.3f}")
    return lambda changes, _changed, _known: Cell(text=_false(changes))


def _our_cell(before: Path, after: Path, score: Score) -> Cell:
    try:
        result: SiteResult = compare(before, after)
    except ChangeDetectError as error:
        print(f"{before.parent.name}: {error}", file=sys.stderr)
        return Cell(text="failed")
    if result.change_map is None:
        return Cell(text="failed")
    changed = result.change_map.changed
    cell = score(result.changes, changed == 1, changed != UNKNOWN)
    return cell if result.status == "ok" else Cell(text=f"{cell.text} ({result.status})", scores=cell.scores)


def _false(changes: gpd.GeoDataFrame) -> str:
    """How many there are, and of what kind where that is told."""
    kinds = changes["kind"].value_counts().sort_index() if "kind" in changes and len(changes) else {}
    told = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
    return f"{len(changes)} false" + (f" ({told})" if told else "")


def against(changes: gpd.GeoDataFrame, reference: gpd.GeoDataFrame) -> Cell:
    """Object F1, area F1 and false alarms."""
    told = evaluate(changes, reference)
    of_objects, of_area = (0.0 if one.f1 is None else one.f1.value for one in (told.objects, told.area))
    return _cell((of_objects, of_area, told.objects.predicted - told.objects.right))


def _cell(scores: tuple[float, float, float]) -> Cell:
    return Cell(text=f"{scores[0]:.3f} / {scores[1]:.3f} / {scores[2]:.3g}", scores=scores)


def kappa(labels: IntArray, changed: BoolArray) -> float:
    """Cohen's kappa (1960, doi:10.1177/001316446002000104) on labelled pixels: 1 unchanged, 2 changed, 0 no label."""
    meant, said = labels[labels > 0] == 2, changed[labels > 0]
    agree = float((meant == said).mean())
    chance = float(meant.mean() * said.mean() + (1 - meant.mean()) * (1 - said.mean()))
    return (agree - chance) / (1 - chance) if chance < 1 else 1.0


def pairs_table(rows: Mapping[str, Row], groups: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Lines of the Markdown table: a row a method, a column a pair, and means over pairs with a reference."""
    scored = [name for name, row in rows.items() if any(cell.scores for cell in row.values())]
    means = {title: names for title, names in groups.items() if set(names) <= set(scored)} | {"all referenced": scored}
    yield "| | " + " | ".join([*rows, *(f"mean: {title}" for title, names in means.items() if names)]) + " |"
    yield "|---" * (len(rows) + 1 + sum(bool(names) for names in means.values())) + "|"
    for method in (OURS, *RIVALS):
        cells = [row[method].text for row in rows.values()]
        for names in means.values():
            scores = [rows[name][method].scores for name in names]
            told = [one for one in scores if one is not None]
            if names:
                whole = len(told) == len(names)
                cells.append(f"{fmean(s[0] for s in told):.3f} / {fmean(s[1] for s in told):.3f}" if whole else BLANK)
        yield f"| {method} | " + " | ".join(cells) + " |"


def simulated_table(found: Iterable[Simulated]) -> Iterator[str]:
    """Lines of the Markdown table of the standard suite: a row a case, and all of them."""
    everything = list(found)
    yield (
        "| simulated | sites (too poor) | new buildings found | of those seen clear "
        "| false `construction` per 100 km² | calibration error (predictions) |"
    )
    yield "|---|---|---|---|---|---|"
    for title in (*CASES, "all"):
        some = [one for one in everything if title in (one.case, "all")]
        told = weigh(some)
        yield f"| {title} | {told.sites} | {told.recall} | {told.of_seen} | {told.false_rate} | {told.calibration} |"


def put(name: str, lines: Iterable[str], text: str) -> str:
    r"""Replace what lies between the marks of a table.

    >>> put("x", ["new"], "<!-- x:begin -->old<!-- x:end -->")
    '<!-- x:begin -->\nnew\n<!-- x:end -->'
    """
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    whole = "\n".join([begin, *lines, end])
    changed, count = re.subn(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: whole, text, flags=re.DOTALL)
    if count != 1:
        msg = f"{DOCUMENT.name} has {count} places between {begin} and {end}: it needs one"
        raise SystemExit(msg)
    return changed


def write(tables: Mapping[str, Sequence[str]]) -> None:
    """Rewrite the tables of the document, whole or not at all."""
    text = DOCUMENT.read_text(encoding="utf-8")
    for name, lines in tables.items():
        text = put(name, [f"Measured on {datetime.now(UTC):%Y-%m-%d} by `make bench`.", "", *lines], text)
    beside = DOCUMENT.with_suffix(".part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(DOCUMENT)
    print(f"written: {DOCUMENT.relative_to(Path.cwd()) if DOCUMENT.is_relative_to(Path.cwd()) else DOCUMENT}")


def main() -> None:
    """Measure, print the tables, and write them into the document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, help="folder of pairs of rasters")
    parser.add_argument("--mean", action="append", default=[], metavar="TITLE=NAME,NAME", help="mean of these pairs")
    parser.add_argument("--no-simulated", action="store_true", help="leave the simulator's suite out")
    given = parser.parse_args()
    folders = sorted(path.parent for path in given.pairs.glob("*/before.tif")) if given.pairs else []
    if not folders:
        where = f"no pairs of rasters in {given.pairs}" if given.pairs else "no --pairs DIR"
        print(f"{where}: that table stays as it is", file=sys.stderr)
    groups = {title: names.split(",") for title, _, names in (one.partition("=") for one in given.mean)}
    # Started afresh, not forked: GDAL's threads and open files do not survive a fork.
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        lands = {} if given.no_simulated else {pool.submit(simulate, *land): "-".join(map(str, land)) for land in LANDS}
        pairs = {pool.submit(weigh_pair, folder): folder.name for folder in folders}
        _tell({**lands, **pairs})
        tables: dict[str, list[str]] = {}
        if pairs:
            tables["pairs"] = list(pairs_table({name: done.result() for done, name in pairs.items()}, groups))
        if lands:
            tables["simulated"] = list(simulated_table([one for done in lands for one in done.result()]))
    if not tables:
        msg = "nothing was measured: give --pairs DIR, or leave --no-simulated out"
        raise SystemExit(msg)
    for lines in tables.values():
        print("\n".join(lines), end="\n\n")
    write(tables)


def _tell(waiting: Mapping[Future[Any], str]) -> None:
    """Say on stderr what is done, and end at the first bug."""
    started = time.monotonic()
    for done in as_completed(waiting):
        done.result()
        print(f"{time.monotonic() - started:4.0f} s  {waiting[done]}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
