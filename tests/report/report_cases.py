"""A run whose truth is known: two sites with halls, one that failed, one too poor, with names that are no markup."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from shapely.affinity import translate

from changedetect import compare
from changedetect.changes import empty_changes
from changedetect.concluding import run_record
from changedetect.config import RunConfig
from changedetect.geotiff import write_cog
from changedetect.model import Site, SiteResult
from changedetect.outputs import write_run, write_site
from changedetect.testing import simulated_pair

HOSTILE = "<img src=x onerror=alert(1)>"
DESCRIPTION = ("مصنع جديد قرب السكة الحديدية 🏭🚧 " * 200)[:5000]
CLOUD = (slice(0, 20), slice(100, 128))
"""Rows and columns that the later date did not see."""


def compared(folder: Path) -> SiteResult:
    """Three things built on farmland, and a corner that was not seen."""
    pair, _ = simulated_pair(1)
    after = pair.after.data.copy()
    after[:, CLOUD[0], CLOUD[1]] = np.nan
    for name, data in (("before", pair.before.data), ("after", after)):
        write_cog(folder / f"{name}.tif", data, pair.geobox, band_names=pair.bands, nodata=float("nan"))
    return compare(folder / "before.tif", folder / "after.tif")


def dated(result: SiteResult) -> SiteResult:
    """The same with a timeline for its surest change: grass, a clear look at bare ground, a roof, a cloud."""
    change_id = result.changes["change_id"][0]
    days = ("2022-08-10", "2023-04-02", "2023-06-01", "2023-06-20", "2023-07-14")
    bands = {"blue": (0.03, 0.10, 0.4, None, 0.4), "green": (0.06, 0.13, 0.4, None, 0.4)}
    bands |= {"red": (0.03, 0.17, 0.4, None, 0.4), "nir": (0.4, 0.23, 0.45, None, 0.45)}
    told = {
        "status": "candidate",
        "reason": "fewer than 3 clear looks over 30 days show it alike",
        "last_clear_without": "2022-08-10",
        "first_seen": "2023-06-01",
        "confirmed_on": None,
        "gone_on": None,
        "n_clear_looks": 2,
        "phases": [],
        "looks": {
            "datetime": [f"{day}T09:36:00+00:00" for day in days],
            "scene_id": list("abcde"),
            "shows": ["without", "other", "with", "cloudy", "with"],
            "share": [0.02, 0.5, 0.97, None, 1.01],
            "clear_fraction": [1.0, 1.0, 1.0, 0.1, 1.0],
            **{f"inside_{name}": list(values) for name, values in bands.items()},
        },
    }
    changes = result.changes.copy()
    changes.loc[0, ["last_clear_without", "first_seen", "status"]] = ["2022-08-10", "2023-06-01", "candidate"]
    timeline = {"changes": {change_id: told}, "failed": {}}
    return replace(result, changes=changes, provenance={**result.provenance, "timeline": timeline})


def named(result: SiteResult, site_id: str, name: str, **properties: str) -> SiteResult:
    """The same under another name."""
    changes = result.changes.copy()
    changes["change_id"] = [f"{site_id}-{number}" for number in range(len(changes))]
    changes["site_id"], changes["site_name"] = site_id, name
    site = replace(result.site, site_id=site_id, name=name, properties=properties)
    return replace(result, site=site, changes=changes)


def make_run(out: Path, scratch: Path) -> SiteResult:
    """Write all four; gives what was found at `plain`."""
    found = compared(scratch)
    plain = dated(named(found, "plain", "Plant beside the line"))
    far = translate(found.site.geometry, xoff=3)
    none = {"changes": empty_changes(), "change_map": None, "preview": None}
    results = [
        plain,
        named(found, "hostile", HOSTILE, description=DESCRIPTION, link="javascript:alert(1)"),
        SiteResult(
            site=Site(site_id="failed", name="Port", geometry=far),
            status="failed",
            reason="no scene of the later window is clear here",
            changes=empty_changes(),
        ),
        replace(named(found, "poor", "Camp"), status="poor", reason="the dates lie 3.0 pixels apart", **none),
    ]
    for result in results:
        write_site(result, out)
    write_run(results, out, run_record(RunConfig(), results, datetime(2024, 1, 1, tzinfo=UTC)))
    return plain
