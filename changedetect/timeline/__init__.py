"""Since when something stands, and whether it is still there: series of looks in, dates out.

Every look gives an object's mean reflectance and that of a ring of unchanged ground of the same cover around it. The
ring says what the object would look like had nothing happened, the looks of the later window what it looks like since;
how far a look lies from the one to the other says whether it shows the object.
"""

from changedetect.timeline.believing import believed
from changedetect.timeline.measuring import (
    Measure,
    Usual,
    glimpsed,
    measure,
    peeps_out,
    seen_of,
    unmixed,
    unseen,
    usual_of,
)
from changedetect.timeline.options import TimelineOptions
from changedetect.timeline.places import Place, Ring, body_of, choose_ring, own_share, place_of, with_core
from changedetect.timeline.shading import undecided
from changedetect.timeline.states import Sight, States, fit_states, sight_of, spread_of
from changedetect.timeline.stepping import fit_step, wanted
from changedetect.timeline.verdicts import Dated, date_object

__all__ = [
    "Dated",
    "Measure",
    "Place",
    "Ring",
    "Sight",
    "States",
    "TimelineOptions",
    "Usual",
    "believed",
    "body_of",
    "choose_ring",
    "date_object",
    "fit_states",
    "fit_step",
    "glimpsed",
    "measure",
    "own_share",
    "peeps_out",
    "place_of",
    "seen_of",
    "sight_of",
    "spread_of",
    "undecided",
    "unmixed",
    "unseen",
    "usual_of",
    "wanted",
    "with_core",
]
