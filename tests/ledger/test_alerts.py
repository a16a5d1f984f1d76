"""States of an alert: functions of what is known of it and of the day."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from shapely import box

from changedetect.ledger.alerts import Alert, grown, is_current, settled, state_of

ON = date(2023, 6, 4)
ALERT = Alert(
    change_id="a-1", site_id="a", site_name="A", kind="construction", state="new", status="candidate", confidence=0.8,
    area_m2=3000.0, before="b", after="a", last_clear_without=None, first_seen=None, confirmed_on=None,
    n_clear_looks=None, delta_ndvi=None, delta_ndbi=None, delta_bsi=None, delta_brightness=None, magnitude=None,
    reported_on="2023-06-04", found_on="2023-06-04", event_on="2023-06-04", geometry=box(0, 0, 1, 1),
)  # fmt: skip
SURE = replace(ALERT, status="confirmed", sure_on="2023-06-04", grown_m2=3000.0)


@pytest.mark.parametrize(
    ("alert", "days", "state"),
    [
        (ALERT, 0, "new"),
        (replace(ALERT, missed=3), 61, "dormant"),
        (replace(ALERT, missed=2), 200, "new"),
        (SURE, 10, "confirmed"),
        (SURE, 181, "dormant"),
        (replace(SURE, grown_on="2023-06-04"), 90, "growing"),
        (replace(SURE, grown_on="2023-06-04"), 91, "confirmed"),
        (replace(SURE, status="reverted"), 0, "reverted"),
        (replace(SURE, verdict="dismissed"), 0, "dismissed"),
        (replace(ALERT, verdict="confirmed", sure_on="2023-06-04"), 1, "confirmed"),
        (replace(SURE, verdict="dismissed", merged_into="b"), 0, "merged"),
    ],
)
def test_state(alert, days, state):
    assert state_of(alert, ON + timedelta(days=days)) == state


def test_an_event_is_told_once():
    after, event = settled(SURE, ON)
    assert event is not None
    assert (after.state, event.event) == ("confirmed", "confirmed")
    assert settled(after, ON + timedelta(days=7)) == (after, None)


def test_growth_is_measured_from_what_was_confirmed():
    assert grown(replace(SURE, area_m2=4400.0), ON).grown_on is None
    once = grown(replace(SURE, area_m2=4600.0), ON)
    assert (once.grown_on, once.larger) == (None, 1)
    assert grown(replace(once, area_m2=3100.0), ON).larger == 0
    larger = grown(once, ON)
    assert (larger.grown_on, larger.grown_m2) == ("2023-06-04", 4600.0)
    assert grown(replace(ALERT, area_m2=9000.0), ON).grown_on is None


def test_what_was_forgotten_unconfirmed_is_no_current_change():
    assert is_current(replace(SURE, state="dormant"))
    assert not is_current(replace(ALERT, state="dormant"))
    assert not is_current(replace(SURE, state="dismissed"))
