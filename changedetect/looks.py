"""The looks by which a change was dated: as a table, and as a picture."""

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd

from changedetect.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FIRST = ("datetime", "scene_id", "shows", "share", "clear_fraction", "veil")
_COLOURS = {"without": "#4d7c0f", "with": "#b91c1c"}
_UNDECIDED = "#a1a1aa"


def looks_table(record: Mapping[str, Any], change_id: str) -> pd.DataFrame:
    """A row a look, oldest first.

    Columns: `change_id`; `datetime` (UTC); `scene_id`; `shows` (`without`, `with`, `between`, `other`, `alike`: the
    ring looks like the object that day, or opened ground would in the shade, `cloudy`); `share` (0 as before, 1 as
    after; none where a look is recognised by others alone); `clear_fraction` of the object, clouds grown; `veil`,
    opacity of the thin cloud that would explain what is seen, 0 where none would; `inside_<band>` and `ring_<band>`,
    mean reflectance of the object and of unchanged ground around it.

    Parameters
    ----------
    record
        `provenance["timeline"]` of a site.
    change_id
        Which change.

    Raises
    ------
    ConfigError
        The change was not dated.
    """
    told = _of(record, change_id)
    looks = told["looks"]
    table = pd.DataFrame({name: looks[name] for name in (*_FIRST, *sorted(set(looks) - set(_FIRST)))})
    table["datetime"] = pd.to_datetime(table["datetime"], utc=True, format="ISO8601")
    numbers = [name for name in table.columns if name not in _FIRST[:3]]
    table[numbers] = table[numbers].astype("float64")
    table.insert(0, "change_id", change_id)
    return table


def _of(record: Mapping[str, Any], change_id: str) -> Mapping[str, Any]:
    told: Mapping[str, Mapping[str, Any]] = record.get("changes", {})
    if change_id not in told:
        why = record.get("failed", {}).get(change_id) or record.get("reason")
        reason = why or (
            "only a run over scenes dates changes" if not record else f"known: {', '.join(told) or 'none'}"
        )
        msg = f"change {change_id!r} has no timeline: {reason}"
        raise ConfigError(msg)
    return told[change_id]


def plot_looks(record: Mapping[str, Any], change_id: str, ax: "Axes | None" = None) -> "Axes":
    """Draw how much each look resembles what was built, with the bracket shaded; clouds lie on the floor.

    Parameters
    ----------
    record, change_id
        As for `looks_table`.
    ax
        Where to draw; None: on a new figure.

    Raises
    ------
    ConfigError
        The change was not dated, or matplotlib is not installed.
    """
    told, table = _of(record, change_id), looks_table(record, change_id)
    try:
        import matplotlib.pyplot as plt  # noqa: PLC0415 - not part of the base install
        from matplotlib.dates import date2num  # noqa: PLC0415
    except ImportError as error:
        msg = "a plot needs matplotlib, which is not installed: pip install changedetect[plot]"
        raise ConfigError(msg) from error
    ax = ax if ax is not None else plt.subplots(figsize=(9, 3), layout="constrained")[1]
    first, last = (_day(told[name]) for name in ("last_clear_without", "first_seen"))
    if first and last:
        ax.axvspan(date2num(first), date2num(last), color="#fde68a", label=f"{first} to {last}")
    seen = table[table["shows"] != "cloudy"]
    for shows, some in seen.groupby("shows", sort=True):
        colour = _COLOURS.get(str(shows), _UNDECIDED)
        ax.scatter(some["datetime"], some["share"], color=colour, label=str(shows), zorder=3)
    cloudy = table.loc[table["shows"] == "cloudy", "datetime"]
    ax.scatter(cloudy, [0.0] * len(cloudy), marker="|", color=_UNDECIDED, label="cloudy")
    ax.set_ylabel("as before 0 – as after 1")  # noqa: RUF001 - a range
    ax.set_title(f"{change_id}: {told['status']}")
    ax.legend(fontsize="small", ncols=2)
    return ax


def _day(value: date | str | None) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) else value
