"""From the home page into a feed reader: the address to copy, the QR code, and all of it without scripts."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from feeds.web.pages.subscribe_links import draw_qr_code
from tests.support.browser_site import INVENTED, Site
from tests.support.browser_visit import Visit
from tests.support.places import parsed


def test_a_copied_address_answers_with_a_feed(visit: Callable[..., Visit], site: Site) -> None:
    visited = visit()
    visited.open("/")
    button = visited.page.locator(".combined button.copy")
    button.click()
    expect(button).to_have_text("Copied")
    copied = visited.page.evaluate("navigator.clipboard.readText()")
    assert copied == visited.page.locator(".combined .address input").input_value()
    assert copied.startswith(site.address)
    feed = parsed(site.place.get(copied.removeprefix(site.address)).body)
    assert not feed.bozo
    assert len(feed.entries) == 50
    assert feed.feed.title == "Harbour Feeds"


def test_each_source_has_its_address(visit: Callable[..., Visit], site: Site) -> None:
    visited = visit(locale="zh-CN")
    visited.open("/")
    card = visited.page.locator("li.card").filter(has=visited.page.get_by_text("潮汐晚报", exact=True))
    expect(card.locator("button.copy")).to_be_hidden()
    card.locator("details.subscribe > summary").click()
    card.locator("button.copy").click()
    copied = visited.page.evaluate("navigator.clipboard.readText()")
    feed = parsed(site.place.get(copied.removeprefix(site.address)).body)
    assert (feed.feed.title, len(feed.entries)) == ("潮汐晚报", INVENTED["潮汐晚报"])


def test_a_qr_code_comes_when_it_is_wanted_and_says_the_address(
    visit: Callable[..., Visit], site: Site
) -> None:
    visited = visit()
    visited.open("/")
    code = visited.page.locator(".combined .qr img")
    assert not [one for one in visited.requests if "/qr/" in one]
    with visited.page.expect_response(lambda response: "/qr/all.svg" in response.url) as answered:
        visited.page.locator(".combined details.more > summary").click()
    visited.page.wait_for_function("document.querySelector('.combined .qr img').naturalWidth > 0")
    expect(code).to_be_in_viewport()
    address = visited.page.locator(".combined .address input").input_value()
    assert answered.value.body() == draw_qr_code(address)


def test_subscribing_and_searching_need_no_script(visit: Callable[..., Visit], site: Site) -> None:
    visited = visit(script=False)
    visited.open("/")
    page = visited.page
    assert page.locator("button.copy:visible").count() == 0
    address = page.locator(".combined .address input")
    expect(address).to_have_value(f"{site.address}/feeds/all.atom")
    page.locator("li.card details.subscribe > summary").first.click()
    expect(page.locator("li.card .address input").first).to_be_visible()
    visited.follow("#everything a")
    page.get_by_label("Words").fill("ferry")
    visited.follow(".search button[type=submit]")
    expect(page.locator(".columns .address input")).to_have_value(f"{site.address}/feeds/all.atom?q=ferry")
    assert page.locator(".entry").count() == 30


def test_who_uses_the_keyboard_can_skip_to_the_content(visit: Callable[..., Visit]) -> None:
    visited = visit()
    visited.open("/")
    page = visited.page
    page.keyboard.press("Tab")
    first = page.locator(":focus")
    expect(first).to_have_text("Skip to the content")
    expect(first).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")
