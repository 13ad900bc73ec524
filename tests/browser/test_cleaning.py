"""What cleaning did, as people see it: an article's receipt, before and after, the report, the playground."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from tests.support.browser_site import SEEDS, Site
from tests.support.browser_visit import Visit

TITLE = 'Old Swing Bridge [Part 2]: Rivets & Rust, "One Span at a Time" (sample)'
PASTED = next(SEEDS.glob("*Swing Bridge*")).read_text(encoding="utf-8")


def test_from_the_home_page_to_what_an_article_was_before(visit: Callable[..., Visit]) -> None:
    visited = visit()
    visited.open("/")
    visited.follow("h3 a:text-is('The Harbour Gazette')")
    visited.follow(f".entry h2 a:text-is({TITLE!r})")
    page = visited.page
    expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)
    expect(page.get_by_role("columnheader", name="Kept with thanks")).to_be_visible()
    receipt = page.get_by_role("region", name="What was cleaned")
    receipt.locator(".rules summary").first.click()
    expect(receipt.locator(".samples").first).to_be_visible()
    visited.follow("text=See before and after")
    # What was taken out is there before and not after: the proxy's picture, a script's handler, a parameter.
    was, now = page.locator(".compare .was"), page.locator(".compare .is")
    expect(was).to_contain_text("2026-09-01 10:40:14")
    expect(now).not_to_contain_text("2026-09-01 10:40:14")
    gone = " ".join(page.locator(".diff del").all_inner_texts())
    assert "weserv" in gone
    assert "utm_source=gazette" in gone
    assert "onclick" in gone
    visited.follow("text=← The article")


def test_an_article_shows_pictures_only_when_they_are_asked_for(
    visit: Callable[..., Visit], site: Site
) -> None:
    visited = visit()
    visited.open("/articles/{table}")
    page = visited.page
    assert page.locator(".body img").count() == 0

    def publish(route: Route) -> None:
        assert "referer" not in route.request.headers
        visited.allowed.add(route.request.url)
        route.fulfill(content_type="image/svg+xml", body='<svg xmlns="http://www.w3.org/2000/svg"/>')

    page.route(lambda url: not url.startswith(site.address), publish)
    visited.follow(".pictures a")
    page.locator(".body img").scroll_into_view_if_needed()
    page.wait_for_load_state("networkidle")
    assert visited.allowed == {"https://images.example.org/gazette/2026/swing-bridge-pivot.jpg"}


def test_the_report_leads_to_each_source(visit: Callable[..., Visit]) -> None:
    visited = visit()
    visited.open("/")
    visited.follow("nav.site a[href='report']")
    visited.follow("th a:text-is('The Harbour Gazette')")
    expect(visited.page.get_by_role("heading", level=1)).to_contain_text("The Harbour Gazette")


@pytest.mark.parametrize("script", [True, False])
def test_what_is_pasted_is_cleaned_step_by_step(visit: Callable[..., Visit], script: bool) -> None:
    visited = visit(width=375, script=script)
    visited.open("/playground")
    page = visited.page
    page.get_by_label("Article file or HTML").fill(PASTED)
    visited.follow("form.try button")
    expect(page.get_by_role("heading", name=TITLE)).to_be_visible()
    expect(page.get_by_label("Article file or HTML")).to_have_value(PASTED)
    assert page.locator(".steps li").count() > 3
    if script:
        assert visited.beyond_the_edge == []
        visited.unfold()
        assert visited.beyond_the_edge == []
        assert visited.violations == ""


def test_what_is_pasted_does_nothing_to_the_page(visit: Callable[..., Visit]) -> None:
    visited = visit()
    visited.open("/playground")
    page = visited.page
    hostile = (
        "<script>document.title = 'taken'</script><img src=https://evil.example/x onerror=alert(1)>"
        "<style>body { display: none }</style><iframe src=https://evil.example/></iframe>"
        "<form action=https://evil.example/><input name=q autofocus></form></textarea></main>"
        "<a href='javascript:alert(1)'>a link</a><p>What is left of it.</p>"
    )
    page.get_by_label("Article file or HTML").fill(hostile)
    visited.follow("form.try button")
    expect(page).to_have_title("Playground · Harbour Feeds")
    expect(page.locator("main .body")).to_contain_text("What is left of it.")
    assert page.locator("iframe, main img, main form").count() == 1  # the page's own form
