"""Every page, as it looks to visitors: on any screen, by day and by night, in each language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import pytest

from tests.support.browser_visit import Look, Visit

PAGES = {
    "home": "/",
    "everything": "/feeds/all",
    "a source": "/feeds/harbour-gazette",
    "a Chinese source": "/feeds/hai-tang-dian-tai",
    "a named view": "/feeds/tides",
    "a search": "/feeds/all?q=渡轮&since=2026-02-01&tag=x",
    "an article": "/articles/{english}",
    "a Chinese article": "/articles/{chinese}",
    "a Taiwanese article": "/articles/{traditional}",
    "an article with a table": "/articles/{table}",
    "an article that is too wide": "/articles/{wide}",
    "before and after of it": "/articles/{wide}/changes",
    "before and after": "/articles/{chinese}/changes",
    "the report": "/report",
    "a source's report": "/report/the-harbour-gazette",
    "the status": "/status",
    "the playground": "/playground",
    "nothing here": "/feeds/nowhere",
}
REFUSED = {"nothing here": 404}

# Every page wide and narrow, by day and by night, in two languages; those that differ most in the others too.
JUDGED = [Look(1440, "light", "en"), Look(375, "dark", "zh-CN")]
OTHERS = [Look(375, "light", "en"), Look(1440, "dark", "zh-TW")]
DIFFERENT = ("home", "a search", "a Taiwanese article", "before and after", "the status")
LOOKS = [(name, look) for name in PAGES for look in JUDGED] + [
    (name, look) for name in DIFFERENT for look in OTHERS
]
QUICK = {(name, JUDGED[number % 2]) for number, name in enumerate(PAGES)} | {("home", OTHERS[1])}
"""Every page in one look, for each run."""
SPEAKS = {"en": "en", "zh-CN": "zh-Hans", "zh-TW": "zh-Hant"}


@pytest.mark.parametrize(
    ("name", "look"),
    [pytest.param(*one, marks=() if one in QUICK else pytest.mark.slow) for one in LOOKS],
    ids=str,
)
def test_a_page_can_be_used_by_anybody(visit: Callable[..., Visit], name: str, look: Look) -> None:
    visited = visit(**asdict(look))
    visited.open(PAGES[name], REFUSED.get(name, 200))
    page = visited.page
    assert page.locator("html").get_attribute("lang") == SPEAKS[look.locale]
    assert page.locator("h1").count() == 1
    assert visited.beyond_the_edge == []
    visited.unfold()
    assert visited.beyond_the_edge == []
    if look in JUDGED:
        assert visited.violations == ""


def test_what_judges_the_pages_sees_what_is_wrong(visit: Callable[..., Visit]) -> None:
    visited = visit()
    visited.open("/feeds/all")
    visited.page.evaluate(
        """() => {
            document.querySelector("h1").style.color = "#ddd";
            document.querySelector("#q").placeholder = "";
            document.querySelector("label[for=q]").remove();
            const tiny = "<button class=tiny>a</button><button class=tiny>b</button>";
            document.querySelector("h1").insertAdjacentHTML("afterend", tiny);
            const style = {fontSize: "8px", width: "12px", height: "12px", padding: 0};
            document.querySelectorAll(".tiny").forEach(one => Object.assign(one.style, style));
            document.querySelector("main").style.minWidth = "3000px";
        }"""
    )
    broken = {line.partition(" · ")[0] for line in visited.violations.splitlines() if " · " in line}
    assert broken >= {"color-contrast", "label", "target-size"}
    assert "the page itself" in visited.beyond_the_edge
