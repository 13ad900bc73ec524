"""A server of feeds, and a place that subscribes to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.feed_server import Upstream, rss, serving
from tests.support.places import Place
from tests.support.subscriber import Subscriber


@pytest.fixture(scope="module")
def server() -> Iterator[Upstream]:
    with serving() as upstream:
        yield upstream


@pytest.fixture
def upstream(server: Upstream) -> Upstream:
    server.forget()
    server.at["/feed"] = rss(1, 2)
    return server


@pytest.fixture
def subscriber(tmp_path: Path, address: str, upstream: Upstream) -> Iterator[Subscriber]:
    with Place(tmp_path, address if "://" in address else "") as place:
        yield Subscriber(place, upstream)
