"""`report.html`: one file that opens offline, written site by site."""

import json
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jinja2

from changedetect.outputs.files import whole
from changedetect.report import assets, words
from changedetect.report.overview import Overview, look_through
from changedetect.report.preview import open_preview
from changedetect.report.reading import Run, read_run
from changedetect.report.sections import change_section, site_section

FILE_NAME = "report.html"
"""In the output folder."""


def write_report(out: Path) -> Path:
    """Write `report.html` from what lies in an output folder, whole or not at all; one site is in memory at a time.

    Returns
    -------
    Where it is.

    Raises
    ------
    OutputError
        The folder holds no run, can't be read or can't be written.
    RasterError
        A raster in it can't be read.
    """
    run = read_run(out)
    plan = look_through(run)
    path = out / FILE_NAME
    with whole(path) as beside, beside.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(_pieces(run, plan))
    return path


def _pieces(run: Run, plan: Overview) -> Iterator[str]:
    templates = _templates()
    options = run.record.get("options") or {}
    said = {
        "plan": plan,
        "policy": assets.policy(),
        "style": assets.style(),
        "before": words.window(options.get("before")),
        "after": words.window(options.get("after")),
        "made": str(run.record.get("finished") or "")[:10],
        "version": version("changedetect"),
    }
    yield templates.get_template("head.html.j2").render(said)
    bounds: dict[str, Any] = {}
    site_template, change_template = (templates.get_template(f"{name}.html.j2") for name in ("site", "change"))
    for site in run.sites():
        preview = None if site.preview is None else open_preview(site.preview)
        section = site_section(site, preview, plan)
        if section.bounds is not None:
            bounds[site.site_id] = section.bounds
        yield site_template.render(section=section, plan=plan)
        for change in site.changes:
            if change.change_id in plan.neighbours:
                yield change_template.render(section=change_section(site, change, preview, plan), site=site)
        yield "</section>\n"
    data = _for_script(plan, bounds)
    yield templates.get_template("foot.html.j2").render(said | {"data": data, "script": assets.script()})


def _for_script(plan: Overview, bounds: dict[str, Any]) -> str:
    """What the map draws, as JSON that can't end its own element: `<` is written as an escape."""
    told = {
        "sites": [
            {
                "id": one.site_id,
                "name": one.name,
                "status": one.status,
                "n": one.n_changes,
                "bounds": bounds.get(one.site_id),
                **one.mark,
            }
            for one in plan.sites
        ],
        "changes": [
            {
                "id": one.change_id,
                "site": one.site_id,
                "link": f"change-{one.change_id}" if one.change_id in plan.pictured else f"site-{one.site_id}",
                "kind": one.kind,
                "confidence": one.confidence_text,
                **one.mark,
            }
            for one in plan.changes
        ],
        "land": json.loads(assets.land()),
    }
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


@cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("changedetect.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
