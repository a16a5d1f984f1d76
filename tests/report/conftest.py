"""One run and one browser for all tests of the report."""

import shutil

import pytest
from playwright.sync_api import sync_playwright
from report_cases import make_run

from changedetect.report import write_report


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """The folder of the outputs, with its report, and what was found at site `plain`."""
    out = tmp_path_factory.mktemp("out")
    plain = make_run(out, tmp_path_factory.mktemp("rasters"))
    write_report(out)
    return out, plain


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium as the system has it."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no chromium is installed: apt-get install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser, run):
    """Open the report with the network cut off; at the end nothing was asked of it, and nothing was complained of."""
    out, _ = run
    wrong, contexts = [], []

    def open_page(width=1280, scheme="light", anchor="", *, scripts=True):
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            java_script_enabled=scripts,
            reduced_motion="reduce",
        )
        contexts.append(context)
        context.set_offline(True)
        context.route("**/*", lambda route: route.continue_() if local(route.request.url) else route.abort())
        page = context.new_page()
        page.on("console", lambda said: said.type in {"error", "warning"} and wrong.append(said.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: local(request.url) or wrong.append(request.url))
        page.goto((out / "report.html").as_uri() + anchor)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def local(url):
    return url.startswith(("file:", "data:"))
