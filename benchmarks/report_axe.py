"""What axe-core finds wrong with a report, at both widths and in both schemes: exit 1 on anything serious.

axe-core is no part of the project: `npm pack axe-core`, unpack it, and give the path of its `axe.min.js`.

    python benchmarks/report_axe.py OUT/report.html path/to/axe.min.js
"""

import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

SERIOUS = frozenset({"serious", "critical"})
VIEWS = tuple((width, scheme) for width in (1280, 390) for scheme in ("light", "dark"))


def violations(browser: Browser, report: Path, axe: str, width: int, scheme: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    """What axe says of one view, with everything that folds unfolded."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(report.resolve().as_uri())
    # What is not drawn is not judged.
    page.evaluate("document.querySelectorAll('.change').forEach(it => { it.style.contentVisibility = 'visible'; })")
    page.evaluate("document.querySelectorAll('details').forEach(it => { it.open = true; })")
    page.evaluate(axe)
    told: list[dict[str, Any]] = page.evaluate("axe.run().then(it => it.violations)")
    page.close()
    return told


def main() -> int:
    """Print every rule that is broken, and where first."""
    report, axe = Path(sys.argv[1]), Path(sys.argv[2]).read_text(encoding="utf-8")
    serious = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for width, scheme in VIEWS:
            found = violations(browser, report, axe, width, scheme)
            counts = Counter(one["impact"] for one in found)
            print(f"{width} px, {scheme}: {dict(counts) or 'nothing'}")
            for one in found:
                print(f"  {one['impact']} {one['id']}: {one['help']} ({len(one['nodes'])} x)")
                print(f"    {one['nodes'][0]['html'][:150]}  {one['nodes'][0]['failureSummary'][:300]}")
            serious += sum(counts[impact] for impact in SERIOUS)
        browser.close()
    return int(serious > 0)


if __name__ == "__main__":
    sys.exit(main())
