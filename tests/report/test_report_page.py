"""The report as its reader has it: in a browser, from disk, without a network."""

import pytest
from report_cases import DESCRIPTION, HOSTILE


def shown(page):
    return page.locator("#table tbody tr:visible").count()


def cut(page, change):
    return page.locator(f"{change} .stage").evaluate("it => it.style.getPropertyValue('--cut')")


def test_filters_sorting_slider_outlines_and_deep_links_work(opened, run):
    _, plain = run
    ids = [f"plain-{number}" for number in range(len(plain.changes))]
    page = opened(anchor=f"#change-{ids[1]}")
    assert page.evaluate("document.activeElement.id") == f"change-{ids[1]}"
    assert 0 <= page.locator(f"#change-{ids[1]}").bounding_box()["y"] < 200

    assert shown(page) == 2 * len(ids)
    page.fill("#f-text", "line")
    assert shown(page) == len(ids)
    assert page.inner_text("#count") == f"{len(ids)} of {2 * len(ids)} changes"
    page.fill("#f-since", "2023-05-01")
    assert shown(page) == 1
    page.click("button[type=reset]")
    page.get_by_text(f"{2 * len(ids)} of {2 * len(ids)} changes", exact=True).wait_for()
    page.fill("#f-area", "1e9")
    assert shown(page) == 0
    assert page.is_visible("#none")
    page.fill("#f-area", "")
    page.click("th[data-key=area] button")
    areas = page.eval_on_selector_all("#table tbody tr", "rows => rows.map(row => Number(row.dataset.area))")
    assert areas == sorted(areas, reverse=True)
    assert page.get_attribute("th[data-key=area]", "aria-sort") == "descending"

    change = f"#change-{ids[0]}"
    page.hover(f"{change} .stage")  # waits until nothing moves
    box = page.locator(f"{change} .stage").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 90)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 90, steps=4)
    page.mouse.up()
    assert abs(float(cut(page, change).rstrip("%")) - 20) <= 3
    page.focus(f"{change} .slide")
    page.keyboard.press("End")
    assert cut(page, change) == "100%"
    page.keyboard.press("ArrowLeft")
    assert cut(page, change) == "99%"
    outline = page.locator(f"{change} .frame.before.true .outlines")
    assert outline.is_visible()
    page.uncheck(f"{change} .show-outline")
    assert not outline.is_visible()
    page.select_option(f"{change} .colour", "false")
    assert page.is_visible(f"{change} .frame.after.false img")
    assert not page.is_visible(f"{change} .frame.after.true img")
    page.click(f"{change} a[rel=next]")
    assert page.evaluate("location.hash") == f"#change-{ids[1]}"


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (390, "light"), (390, "dark")])
def test_strangers_texts_are_texts_and_nothing_overflows(opened, width, scheme):
    page = opened(width, scheme)
    assert page.inner_text("#site-hostile h2 bdi") == HOSTILE
    details = page.locator("#site-hostile > .cols details")
    assert details.get_attribute("open") is None
    details.locator("summary").click()
    assert details.locator("dd").first.inner_text().strip() == DESCRIPTION.strip()
    assert page.locator("img[src=x], a[href^='javascript']").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("#map .pin").count() == 4
    assert page.locator("#map .leaflet-image-layer").count() == 0
    page.locator("#map .pin.p-some").first.press("Enter")
    page.locator(".leaflet-popup button").click()
    assert page.locator("#map .leaflet-image-layer").count() >= 1


def test_without_scripts_both_dates_are_there_side_by_side(opened):
    page = opened(scripts=False)
    change = "#change-plain-0"
    first, second = (page.locator(f"{change} .frame.{date}.true").bounding_box() for date in ("before", "after"))
    assert first["y"] == second["y"]
    assert first["x"] + first["width"] <= second["x"]
    assert page.locator(f"{change} .frame img").count() == 4
    assert page.is_visible("noscript p")
    assert "no scene of the later window is clear here" in page.inner_text("#site-failed")
