"""The timeline of a change in the words of SMART: its span of activity, and an observation a look.

Phases: `No Activity`, `Site Preparation`, `Active Construction`, `Post Construction`, `Unknown`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from changedetect.model import Window

_SENSORS = {"S2": "Sentinel-2", "LC08": "Landsat 8"}
"""Beginnings of scene ids of the sensors that the schema has a word for."""
_NOTHING = "No Activity"
_UNKNOWN = "Unknown"
_AFTERWARDS = {"construction": "Post Construction", "clearing": "Site Preparation"}
"""What a kind of change looks like once it is there: finished, or ground laid open for what may come."""


def span(told: Mapping[str, Any] | None, windows: tuple[Window, Window], kind: str) -> tuple[str, str | None]:
    """First and last day that the activity may have had, ISO 8601.

    From the last look without the change to the first look with it finished; without a date, from the first day of
    the earlier window to the last of the later one. A clearing has no last day: what is prepared there is yet to come.
    """
    start, end = windows[0].start.isoformat(), windows[1].end.isoformat()
    if told is not None:
        phases = told.get("phases") or []
        start = (phases[0].get("after") if phases else told.get("last_clear_without")) or start
        end = told.get("first_seen") or end
    return start, end if kind == "construction" else None


def observations(told: Mapping[str, Any] | None, windows: tuple[Window, Window], kind: str) -> Iterator[dict[str, Any]]:
    """Properties of a feature a look, oldest first; a change that was not dated has one for each window.

    A look shows no activity, what is there afterwards, or, within the bracket of a phase, that phase. Clouds, and days
    on which the object would look like its surroundings, show nothing.
    """
    looks = (told or {}).get("looks") or {}
    if not looks.get("datetime"):
        for window, phase in zip(windows, (_NOTHING, _AFTERWARDS[kind]), strict=True):
            yield _observation(window.end.isoformat(), None, phase, occluded=None)
        return
    columns = ("datetime", "scene_id", "shows", "share", "clear_fraction")
    for moment, scene_id, shows, share, clear in zip(*(looks[name] for name in columns), strict=True):
        day = str(moment)[:10]
        more = {"scene_id": scene_id, "shows": shows, "share": share, "clear_fraction": clear}
        phase = _phase(day, str(shows), told or {}, kind)
        yield {**_observation(day, str(scene_id), phase, occluded=shows == "cloudy"), "misc_info": more}


def _phase(day: str, shows: str, told: Mapping[str, Any], kind: str) -> str:
    if shows in {"cloudy", "alike"}:
        return _UNKNOWN
    if shows == "without":
        return _NOTHING
    if shows == "with" and day >= (told.get("first_seen") or day):
        return _AFTERWARDS[kind]
    # Something in between: the phase that had begun by then, else the one whose bracket this look lies in.
    phases = told.get("phases") or []
    begun = [one["name"] for one in phases if one.get("by") and day >= one["by"]]
    under_way = [one["name"] for one in phases if (one.get("after") or "") <= day]
    return str(begun[-1] if begun else under_way[-1] if under_way else _UNKNOWN)


def _observation(day: str, scene_id: str | None, phase: str, *, occluded: bool | None) -> dict[str, Any]:
    sensor = next((name for start, name in _SENSORS.items() if scene_id and scene_id.startswith(start)), None)
    return {
        "type": "observation",
        "observation_date": day,
        "source": scene_id,
        "sensor_name": sensor,
        "current_phase": phase,
        "is_occluded": None if occluded is None else str(occluded),
        "is_site_boundary": "True",
    }
