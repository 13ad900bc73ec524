"""The browser and the site that it visits, for the tests of this folder; tests/conftest.py takes them in."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

    from tests.support.browser_site import Site
    from tests.support.browser_visit import Look, Visit

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Nothing leaves this machine, whatever a page or the browser itself asks for.
_ALONE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser that is installed; none is ever downloaded.

    It ends with the module: Playwright keeps an event loop in the thread, which others may not expect.
    """
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip(f"no browser is installed ({', '.join(BROWSERS)})")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Playwright starts it without a sandbox, which root needs and containers want.
        browser = playwright.chromium.launch(executable_path=program, args=[_ALONE])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A real server with the sample articles and invented ones."""
    from tests.support.browser_site import serving

    with serving(tmp_path_factory.mktemp("site")) as served:
        yield served


@pytest.fixture(scope="module")
def browser_of(chromium: Browser) -> Callable[[Look], BrowserContext]:
    """The browser of each kind of visitor, set up once: that takes longer than to look at a page."""
    from tests.support.browser_visit import browser_of

    return cache(lambda look: browser_of(chromium, look))


@pytest.fixture
def visit(browser_of: Callable[[Look], BrowserContext], site: Site) -> Iterator[Callable[..., Visit]]:
    """Makes visits, by the fields of a Look; each is judged at the end by what was said and asked."""
    from tests.support.browser_visit import Look, visiting

    with ExitStack() as visits:
        yield lambda **look: visits.enter_context(visiting(browser_of(Look(**look)), site))
