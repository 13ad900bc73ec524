"""How long a hub is waited for, and how hubs are configured."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from feeds.config.loader import load
from feeds.model.errors import ConfigError
from feeds.publishing.websub import MAX_ATTEMPTS, MAX_WAIT, MIN_WAIT, publish, retry_wait
from feeds.text.dates import parse_retry_after
from tests.support.places import Place, article

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_the_body_of_a_hubs_redirect_is_not_read() -> None:
    sent = [0]

    def answer(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n\r\n")
            while sent[0] < 200_000_000:
                sent[0] += connection.send(bytes(65_536))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=[listener])
        thread.start()
        refusal = publish(f"http://127.0.0.1:{listener.getsockname()[1]}/", "https://feeds.example.org/all")
        thread.join()
    assert refusal is not None
    assert refusal.reason == "it answered 302 Found"
    assert sent[0] < 20_000_000


# -- how long -------------------------------------------------------------------------------------------


def test_each_wait_is_twice_the_last_one_up_to_an_hour_for_about_a_day() -> None:
    waits = [retry_wait(attempts) for attempts in range(1, MAX_ATTEMPTS)]
    assert waits[:4] == [MIN_WAIT, MIN_WAIT * 2, MIN_WAIT * 4, MIN_WAIT * 8]
    assert max(waits) == MAX_WAIT
    assert timedelta(hours=18) < sum(waits, timedelta()) < timedelta(hours=30)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("Fri, 01 May 2026 12:01:00 GMT", 60),
        ("Fri, 01 May 2026 11:00:00 GMT", 0),
        ("soon", 0),
        ("", 0),
        ("-5", 0),
        ("٣", 0),
        ("9" * 5000, 999999999),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str, seconds: int) -> None:
    assert parse_retry_after(header, NOW) == timedelta(seconds=seconds)


# -- configuration --------------------------------------------------------------------------------------


def test_without_hubs_nothing_is_queued_and_nothing_said(place: Place) -> None:
    place.drop("1.md", article(1))
    place.feeds("ingest")
    assert "pushes" not in place.feeds("status").stdout
    assert [
        link for link in place.client().get("/feeds/all.atom").headers.getlist("Link") if "hub" in link
    ] == []


def test_hubs_need_a_base_url(place: Place) -> None:
    place.configure(hubs=["https://hub.example/"])
    done = place.feeds("check")
    assert done.returncode == 2
    assert done.stderr == (
        "config.yaml:5: hubs: hubs need `base_url`, because hubs and subscribers know a feed by its URL\n"
    )
    done = place.feeds("check", env={"FEEDS_BASE_URL": "https://feeds.example"})
    assert done.returncode == 0


def test_hubs_from_the_environment_are_between_commas(tmp_path: Path) -> None:
    environment = {"FEEDS_HUBS": "https://a.example/, https://b.example/hub?x=1"}
    with pytest.raises(ConfigError, match=r"^environment: FEEDS_HUBS: hubs need `base_url`"):
        load(None, environment)
    config = load(None, {**environment, "FEEDS_BASE_URL": "https://feeds.example"})
    assert config.hubs == ("https://a.example/", "https://b.example/hub?x=1")


@pytest.mark.parametrize(
    "address", ["hub.example", "ftp://hub.example/", "https://user:word@hub.example/", "https://"]
)
def test_a_hub_is_an_http_address_without_a_password(place: Place, address: str) -> None:
    place.configure(base_url="https://feeds.example", hubs=[address])
    with pytest.raises(ConfigError, match=r"config.yaml:6: hubs\[0\]: expected the address of a hub"):
        load(place.root / "config.yaml", {})
