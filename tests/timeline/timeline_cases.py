"""Series whose truth is known."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from changedetect.timeline import Measure, Sight, States
from changedetect.timeline.states import Shows

START = datetime(2022, 5, 1, 9, 30, tzinfo=UTC)
MEADOW, ROOF, SOIL = (np.array(one) for one in ([0.04, 0.07, 0.05, 0.40], [0.5, 0.5, 0.5, 0.5], [0.1, 0.15, 0.2, 0.3]))
LETTERS: dict[str, Shows] = {
    "-": "without", "+": "with", "o": "other", "b": "between", "a": "alike", ".": "cloudy",
}  # fmt: skip


def measured(inside, ring, *, usable: bool = True) -> Measure:
    return Measure(inside=np.array(inside), ring=np.array(ring), clear_fraction=1.0, exact=True, usable=usable)


def states(contrast: float = 10.0) -> States:
    return States(offset=np.zeros(4), changed=ROOF, precision=np.eye(4) / 0.02**2, contrast=contrast, backward=False)


def sights(letters: str, step_d: int = 10, resembling: Sequence[int] = ()) -> list[Sight]:
    """A look every few days that shows what a letter says."""
    inside = {"-": MEADOW, "+": ROOF, "o": SOIL, "b": (MEADOW + ROOF) / 2}
    return [
        Sight(
            moment=START + timedelta(days=step_d * number),
            scene_id=f"scene-{number}",
            shows=LETTERS[letter],
            share={"-": 0.0, "+": 1.0}.get(letter, 0.5),
            away=0.0 if letter == "+" else 0.3 if number in resembling else 1.0,
            clear_fraction=1.0,
            inside=inside.get(letter, MEADOW),
            ring=MEADOW,
            exact=True,
        )
        for number, letter in enumerate(letters)
    ]


def day(number: int, step_d: int = 10):
    return (START + timedelta(days=step_d * number)).date()
