"""DNS rebinding: a name that has a public address when it is checked, and a private one a moment later.

A real resolver asks a real name server, in a network whose loopback device has a public address too.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from tests.support.rebinding import BOTH, KINDS, PRIVATE, PUBLIC, report


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    found = report()
    if found is None:
        pytest.skip("no network namespace can be made here (it needs root and Linux)")
    return found


def names(kind: str) -> list[str]:
    return [f"{kind}-{number}.example" for number in range(len(PRIVATE))]


def test_a_name_that_becomes_private_is_reached_at_its_public_address_only(found: dict[str, Any]) -> None:
    reached = defaultdict(set)
    for address, host in found["reached"]:
        reached[host.partition(":")[0]].add(address)
    assert reached == {name: {PUBLIC} for kind in (*KINDS, BOTH) for name in names(kind)}
    asked_again = [name for name in reached if not name.startswith("page-")]  # its feed is polled instead
    assert all(found["lookups"][name] > 1 for name in asked_again), "each was private afterwards"


@pytest.mark.parametrize("kind", ["feed", "moved"])
def test_the_reason_is_told(found: dict[str, Any], kind: str) -> None:
    by_name = {url.split("/")[2].partition(":")[0]: reasons for url, reasons in found["reasons"].items()}
    for name in names(kind):
        assert by_name[name][-1].startswith("leads to a private address ("), by_name[name]


def test_hubs_and_discovered_feeds_tell_it_too(found: dict[str, Any]) -> None:
    assert [reason.startswith("leads to a private address (") for reason in found["hubs"]] == [True] * len(
        PRIVATE
    )
    pages = [reasons[-1] for url, reasons in found["reasons"].items() if "//page-" in url]
    assert all("leads to a private address (" in reason for reason in pages), pages
