"""Reading a feed's page: a search that becomes a feed, the way through the past, pictures on demand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browser_site import Site
from tests.support.browser_visit import Visit
from tests.support.places import parsed, titles


def listed(page: Page) -> list[str]:
    return page.locator(".entry h2 a").all_inner_texts()


def numbers(page: Page) -> list[str]:
    """The articles of a page by their numbers, which stand in their addresses."""
    links = page.locator(".entry h2 a").evaluate_all("all => all.map(one => one.href)")
    return [link.partition("?")[0].rpartition("/")[2] for link in links]


@pytest.mark.parametrize(
    ("start", "words", "found"),
    [
        pytest.param("/feeds/all", "lantern", 22, marks=pytest.mark.slow),
        ("/feeds/all", "PIER lantern 12", 2),
        pytest.param("/feeds/all", "渡轮", 20, marks=pytest.mark.slow),
        pytest.param("/feeds/all", "灯塔亮", 7, marks=pytest.mark.slow),
        pytest.param("/feeds/harbour-gazette", "pier", 15, marks=pytest.mark.slow),
        ("/feeds/ferries", "灯塔", 7),
        pytest.param("/feeds/all", "nobody wrote this", 0, marks=pytest.mark.slow),
    ],
)
def test_a_search_is_a_feed_with_the_same_articles(
    visit: Callable[..., Visit], site: Site, start: str, words: str, found: int
) -> None:
    visited = visit()
    visited.open(start)
    page = visited.page
    before = page.locator(".columns .address input").input_value()
    page.get_by_label("Words").fill(words)
    visited.follow(".search button[type=submit]")
    address = page.locator(".columns .address input").input_value()
    assert address != before
    feed = parsed(site.place.get(address.removeprefix(site.address)).body)
    assert listed(page) == titles(feed)
    assert len(feed.entries) == found
    assert sorted(page.get_by_label("Words").input_value().split()) == sorted(words.lower().split())
    visited.follow(".search a")
    expect(page.locator(".columns .address input")).to_have_value(before)


def test_the_other_boxes_narrow_it_too(visit: Callable[..., Visit], site: Site) -> None:
    visited = visit()
    visited.open("/feeds/all")
    page = visited.page
    page.locator(".search summary").click()
    page.get_by_label("Source").select_option("lantern-post")
    page.get_by_label("From").fill("2026-03-01")
    page.get_by_label("To", exact=True).fill("2026-05-31")
    page.get_by_label("Order").select_option("oldest")
    visited.follow(".search button[type=submit]")
    address = page.locator(".columns .address input").input_value()
    feed = parsed(site.place.get(address.removeprefix(site.address)).body)
    assert listed(page) == titles(feed)
    dates = page.locator(".entry time").evaluate_all("all => all.map(one => one.dateTime.slice(0, 7))")
    assert dates == sorted(dates)
    assert set(dates) == {"2026-03", "2026-04", "2026-05"}
    expect(page.get_by_label("Order")).to_be_visible()  # what is narrowed by stays open


def test_every_article_is_met_once_on_the_way_into_the_past_and_back(
    visit: Callable[..., Visit], site: Site
) -> None:
    visited = visit(width=375)
    visited.open("/feeds/all")
    page = visited.page
    leaves = [numbers(page)]
    while page.get_by_role("link", name="Older").count():
        visited.follow(".pages .older")
        leaves.append(numbers(page))
    met = [number for leaf in leaves for number in leaf]
    assert len(met) == len(set(met))
    assert set(met) == set(site.titles)
    for leaf in reversed(leaves[:-1]):
        visited.follow(".pages a[rel=prev]")
        assert numbers(page) == leaf


def test_pictures_come_only_when_they_are_asked_for(visit: Callable[..., Visit], site: Site) -> None:
    visited = visit()
    visited.open("/feeds/the-harbour-gazette")
    assert visited.page.locator(".entry img").count() == 0
    asked: dict[str, str] = {}

    def publish(route: Route) -> None:
        asked[route.request.url] = route.request.headers.get("referer", "")
        route.fulfill(content_type="image/svg+xml", body='<svg xmlns="http://www.w3.org/2000/svg"/>')

    visited.page.route(lambda url: not url.startswith(site.address), publish)
    visited.follow(".pictures a")
    visited.page.locator(".entry img").last.scroll_into_view_if_needed()
    visited.page.wait_for_load_state("networkidle")
    shown = visited.page.locator(".entry img").evaluate_all("all => all.map(one => one.src)")
    assert set(asked) == set(shown) != set()
    assert set(asked.values()) == {""}  # nobody learns where the reader came from
    visited.allowed |= set(asked)
    visited.follow(".pictures a")
    assert visited.page.locator(".entry img").count() == 0
