"""How accurate results are, as people read it in the terminal: tables on stdout, the answer to what they asked."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from changedetect.evaluation import AreaScores, Assessment, Estimate, Evaluation, ObjectScores, Stratified

_COUNTS = ("reference", "found", "predicted", "right")
_SHARES = ("precision", "recall", "F1")


def print_evaluation(result: Evaluation) -> None:
    """Print the scores, false alarms, the reliability table and remarks."""
    table = _table("", (*_COUNTS, *_SHARES))
    table.add_row("objects", *_objects(result.objects))
    table.add_row("area, m²", *_area(result.area), end_section=True)
    for group in (result.by_size, result.by_kind):
        rows = {name: scores for name, scores in group.items() if scores.reference or scores.predicted}
        for name, scores in rows.items():
            table.add_row(name.replace("m2", "m²"), *_objects(scores), end_section=name == list(rows)[-1])
    out = _stdout()
    out.print(table)
    out.print("In brackets: 95 % intervals, by resampling the objects.", style="dim")
    if result.false_alarms_per_100km2 is not None:
        rate = _estimate(result.false_alarms_per_100km2, 1)
        out.print(f"false alarms per 100 km²: {rate}, on {result.extent_km2:,.1f} km²", highlight=False)
    if result.negatives:
        out.print(f"negatives: {result.negatives_hit} of {result.negatives} were taken for changes", highlight=False)
    if result.calibration is not None:
        _print_calibration(result, out)
    for remark in result.remarks:
        out.print(f"Note: {remark}", style="yellow", markup=False, highlight=False)


def print_assessment(result: Assessment) -> None:
    """Print the error matrix, and the accuracies and areas that follow from it."""
    out = _stdout()
    matrix = _table("map \\ reference", (*result.labels, "points"))
    for stratum, counts in zip(result.strata, result.counts, strict=True):
        matrix.add_row(Text(stratum), *map(str, counts), str(sum(counts)))
    out.print(matrix)
    table = _table("class", ("user's accuracy", "producer's accuracy", "area on the map, ha", "estimated area, ha"))
    for one in result.classes:
        area = f"{one.area_m2.value / 1e4:,.2f} ± {1.96 * one.area_m2.se / 1e4:,.2f}"
        shares = (_stratified(one.users), _stratified(one.producers))
        table.add_row(Text(one.name), *shares, f"{one.mapped_m2 / 1e4:,.2f}", area)
    out.print(table)
    out.print(f"overall accuracy: {_stratified(result.overall)}", highlight=False)
    out.print("Weighed by the strata's areas (Olofsson et al. 2014); ± is half of the 95 % interval.", style="dim")
    if result.unsure:
        out.print(f"Note: {result.unsure} points are unsure, and left out", style="yellow", highlight=False)


def _print_calibration(result: Evaluation, out: Console) -> None:
    table = _table("confidence", ("predicted", "mean confidence", "right"))
    calibration = result.calibration
    if calibration is None:
        return
    for one in calibration.bins:
        span = f"{one.lowest:.2f} to {one.highest:.2f}"
        table.add_row(span, str(one.predicted), f"{one.confidence:.2f}", f"{one.right:.2f}")
    out.print(table)
    error, brier = calibration.expected_error, calibration.brier
    out.print(f"expected calibration error: {error:.3f}, Brier score: {brier:.3f}", highlight=False)


def _objects(scores: ObjectScores) -> list[str]:
    counts = [f"{getattr(scores, name):,}" for name in _COUNTS]
    return [*counts, *(_estimate(one) for one in (scores.precision, scores.recall, scores.f1))]


def _area(scores: AreaScores) -> list[str]:
    areas = (scores.reference_m2, scores.common_m2, scores.predicted_m2, scores.common_m2)
    return [*(f"{area:,.0f}" for area in areas), *map(_estimate, (scores.precision, scores.recall, scores.f1))]


def _estimate(one: Estimate | None, decimals: int = 3) -> str:
    if one is None:
        return "-"
    if one.low is None or one.high is None:
        return f"{one.value:.{decimals}f}"
    return f"{one.value:.{decimals}f} ({one.low:.{decimals}f}-{one.high:.{decimals}f})"


def _stratified(one: Stratified | None) -> str:
    return "-" if one is None else f"{one.value:.3f} ± {1.96 * one.se:.3f}"


def _table(first: str, columns: tuple[str, ...]) -> Table:
    table = Table()
    table.add_column(first, overflow="fold")
    for column in columns:
        table.add_column(Text(column), justify="right", overflow="fold")
    return table


def _stdout() -> Console:
    """Stdout; where it is no terminal, wide enough that nothing is cut."""
    console = Console()
    return console if console.is_terminal else Console(width=200)
