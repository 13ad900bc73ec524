"""A visitor with a browser, and what the browser says behind their back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response, expect

from tests.support.browser_site import Site
from tests.support.npm_packages import npm_package

_PATIENCE = 20_000  # milliseconds: machines are busy at times
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RUN_AXE = """async tags => {
    const found = await axe.run(document, {
        runOnly: {type: "tag", values: tags},
        rules: {"target-size": {enabled: true}},
        resultTypes: ["violations"],
        preload: false,
    });
    return {
        looked: found.passes.length,
        violations: found.violations.flatMap(rule => rule.nodes.map(node => [
            rule.id, node.target.join(" "), rule.help, node.failureSummary,
        ])),
    };
}"""
_TOO_WIDE = """() => {
    const wide = innerWidth;
    if (document.documentElement.scrollWidth <= wide) return [];
    const beyond = [...document.body.querySelectorAll("*")].filter(
        one => one.getBoundingClientRect().right > wide + 0.5);
    return ["the page itself", ...beyond.slice(0, 5).map(one => one.outerHTML.slice(0, 120))];
}"""


@dataclass(frozen=True, slots=True)
class Look:
    """How a visitor's browser is set up."""

    width: int = 1440
    scheme: str = "light"
    locale: str = "en"
    script: bool = True

    def __str__(self) -> str:
        return f"{self.width}-{self.scheme}-{self.locale}"


@dataclass(eq=False)
class Visit:
    """One visitor's tab, watched: what the console said, which errors came up, what was asked of whom."""

    page: Page
    site: Site
    said: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    allowed: set[str] = field(default_factory=set)
    """Addresses elsewhere, or that refuse, which a test means to ask for."""

    def open(self, path: str, status: int = 200) -> None:
        """Go to a path of the site, which answers with that status."""
        address = self.site.at(path)
        if status != 200:
            self.allowed.add(address)  # the browser says it on the console
        answered = self.page.goto(address)
        assert answered is not None
        assert answered.status == status, address

    def follow(self, click: str) -> Response:
        """Click on what leads to another page of the site; its answer."""
        with self.page.expect_navigation() as leading:
            self.page.locator(click).click()
        assert leading.value is not None
        assert leading.value.status == 200, leading.value.url
        return leading.value

    def unfold(self) -> None:
        """Open whatever is folded."""
        self.page.evaluate("document.querySelectorAll('details').forEach(one => (one.open = true))")

    @property
    def beyond_the_edge(self) -> list[str]:
        """What makes the page wider than the window."""
        found: list[str] = self.page.evaluate(_TOO_WIDE)
        return found

    @property
    def violations(self) -> str:
        """What axe objects to, one complaint after the other: rule, element, help and how to mend it."""
        self.page.evaluate(_axe())  # not a script of the page: its policy would not let that in
        found: dict[str, Any] = self.page.evaluate(_RUN_AXE, _TAGS)
        assert found["looked"] > 10
        return "\n".join(f"{rule} · {at} · {help}\n{why}\n" for rule, at, help, why in found["violations"])

    def heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and message.location["url"] not in self.allowed:
            self.said.append(f"{message.type}: {message.text} ({message.location['url']})")

    def asked(self, request: Request) -> None:
        self.requests.append(request.url)

    def end(self) -> None:
        """What every visit has to fulfil, wherever it went."""
        self.page.close()
        assert self.said == []
        elsewhere = {one for one in self.requests if not one.startswith(f"{self.site.address}/")}
        assert elsewhere <= self.allowed


@contextmanager
def visiting(context: BrowserContext, site: Site) -> Iterator[Visit]:
    """A visit in a tab of its own, judged at its end."""
    page = context.new_page()
    visit = Visit(page, site)
    page.on("console", visit.heard)
    page.on("pageerror", lambda error: visit.said.append(f"thrown: {error}"))
    page.on("request", visit.asked)
    try:
        yield visit
    except BaseException:
        page.close()
        raise
    visit.end()


def browser_of(chromium: Browser, look: Look) -> BrowserContext:
    """A browser as one visitor has set it up."""
    context = chromium.new_context(
        viewport={"width": look.width, "height": 900},
        color_scheme="dark" if look.scheme == "dark" else "light",
        locale=look.locale,
        java_script_enabled=look.script,
        reduced_motion="reduce",
        permissions=["clipboard-read", "clipboard-write"],
    )
    context.set_default_timeout(_PATIENCE)
    expect.set_options(timeout=_PATIENCE)
    return context


@cache
def _axe() -> str:
    return (npm_package("axe-core") / "axe.min.js").read_text(encoding="utf-8")
