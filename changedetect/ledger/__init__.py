"""What is new since last week: a ledger of alerts, brought up to date week by week.

`open_ledger` gives the ledger of an output folder, `watch_sites` brings it up to a day, `give_verdict` puts down what
an analyst says, `news` lists what happened, `publish_run` writes the files. What the ledger says after a run is a
function of the sites, the baseline, the scenes and the verdicts up to that day, not of how often it was run.
"""

from changedetect.ledger.publishing import mark_told, news, publish_run, publish_verdict
from changedetect.ledger.store import Ledger, open_ledger
from changedetect.ledger.verdict import give_verdict
from changedetect.ledger.watching import Watched, watch_sites

__all__ = [
    "Ledger",
    "Watched",
    "give_verdict",
    "mark_told",
    "news",
    "open_ledger",
    "publish_run",
    "publish_verdict",
    "watch_sites",
]
