"""Requests to other servers: what is sent, where they may lead, and what a bad server can do: nothing."""

from __future__ import annotations

import gzip
import logging
import resource
import shutil
import socket
import subprocess
import time
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import brotli
import pytest

from feeds import __version__
from feeds.http_client.client import HTTPClient, RequestLimits, Status
from feeds.http_client.errors import RequestError
from feeds.http_client.network_policy import NetworkPolicy, is_public, parse_policy
from feeds.text import feed_urls
from tests.support.feed_server import Upstream, redirect, rss, serving

HERE = parse_policy(["127.0.0.1"])
QUICK = RequestLimits(connect_seconds=2, silence_seconds=0.4, total_seconds=0.8, max_bytes=1_000_000)
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def server() -> Iterator[Upstream]:
    with serving() as upstream:
        yield upstream


@pytest.fixture
def upstream(server: Upstream) -> Upstream:
    server.forget()
    server.at["/feed"] = rss(1, 2)
    return server


def bare(body: bytes, **headers: str) -> Callable[[Any], None]:
    """An answer without the headers that the test server adds itself."""

    def answer(handler: Any) -> None:
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        handler.wfile.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode())
        handler.write(body)

    return answer


client = HTTPClient(policy=HERE, limits=QUICK, clock=lambda: NOW)
patient = HTTPClient(
    policy=HERE,
    limits=RequestLimits(connect_seconds=20, silence_seconds=20, total_seconds=60, max_bytes=1_000_000),
)


def refusal(address: str, how: HTTPClient = client) -> RequestError:
    with pytest.raises(RequestError) as raised:
        how.get(address)
    assert raised.value.__cause__ is None
    return raised.value


# -- what is asked ------------------------------------------------------------------------------------------


def test_a_feed_is_fetched_and_asked_for_again_only_where_it_changed(upstream: Upstream) -> None:
    first = client.get(upstream.address())
    assert (first.body, first.url) == (rss(1, 2), upstream.address())
    again = client.get(upstream.address(), etag=first.etag, last_modified="Sun, 01 Mar 2026 12:00:00 GMT")
    assert again.body is None
    assert upstream.asked[-1][1]["If-Modified-Since"] == "Sun, 01 Mar 2026 12:00:00 GMT"
    upstream.at["/feed"] = rss(1, 2, 3)
    assert client.get(upstream.address(), etag=first.etag).body == rss(1, 2, 3)


def test_it_says_who_asks_and_what_for(upstream: Upstream) -> None:
    client.get(upstream.address())
    headers = upstream.asked[0][1]
    assert headers["User-Agent"] == f"feeds/{__version__}"
    assert "application/atom+xml" in headers["Accept"]
    assert headers["Accept-Encoding"] == "gzip, br, deflate"
    assert headers["Cookie"] is None


FEED = rss(*range(200))
COMPRESSED = {
    "gzip": ("gzip", gzip.compress(FEED)),
    "gzip by its old name": ("X-GZip ", gzip.compress(FEED)),
    "gzip in two members": ("gzip", gzip.compress(FEED[:999]) + gzip.compress(FEED[999:])),
    "deflate": ("deflate", zlib.compress(FEED)),
    "deflate without its frame": ("deflate", zlib.compress(FEED)[2:-4]),
    "brotli": ("br", brotli.compress(FEED)),
    "nothing": ("identity", FEED),
}


def as_encoded(encoding: str, body: bytes) -> Callable[[Any], None]:
    return lambda handler: handler.say(200, body, Content_Encoding=encoding)


@pytest.mark.parametrize("how", COMPRESSED)
def test_a_compressed_feed_is_understood(upstream: Upstream, how: str) -> None:
    upstream.at["/feed"] = as_encoded(*COMPRESSED[how])
    assert client.get(upstream.address()).body == FEED


MISLABELLED = {
    "gzip without a word": ("", gzip.compress(FEED)),
    "zlib without a word": ("", zlib.compress(FEED)),
    "a charset": ("utf-8", FEED),
    "a charset, and gzip": ("UTF-8", gzip.compress(FEED)),
    "none": ("none", FEED),
    "none, and gzip": ("none", gzip.compress(FEED)),
    "gzip, but plain": ("gzip", b"\xef\xbb\xbf\r\n" + FEED),
    "brotli, but plain": ("br", FEED),
    "an encoding of its own, but plain": ("zstd", FEED),
    "deflate, but gzip": ("deflate", gzip.compress(FEED)),
    "gzip, but zlib": ("gzip", zlib.compress(FEED)),
    "brotli, but gzip": ("br", gzip.compress(FEED)),
    "gzip twice": ("gzip", gzip.compress(gzip.compress(FEED))),
    "gzip twice, as a list": ("gzip, gzip", gzip.compress(gzip.compress(FEED))),
    "a list of one": ("identity, gzip", gzip.compress(FEED)),
}


@pytest.mark.parametrize("how", MISLABELLED)
def test_a_feed_whose_encoding_is_wrong_is_read_as_it_looks(upstream: Upstream, how: str) -> None:
    encoding, body = MISLABELLED[how]
    upstream.at["/feed"] = as_encoded(encoding, body)
    assert (client.get(upstream.address()).body or b"").removeprefix(b"\xef\xbb\xbf\r\n") == FEED


@pytest.mark.parametrize("how", [how for how in COMPRESSED if how != "nothing"])
def test_a_compressed_feed_that_was_cut_off_is_damaged(upstream: Upstream, how: str) -> None:
    encoding, body = COMPRESSED[how]
    for length in (len(body) // 2, len(body) - 1):
        upstream.at["/feed"] = as_encoded(encoding, body[:length])
        name = encoding.strip().lower().removeprefix("x-")
        assert str(refusal(upstream.address())) == f"its compression ({name}) is damaged: it ends too soon"


def test_an_empty_body_and_bytes_after_the_end_of_gzip_do_no_harm(upstream: Upstream) -> None:
    upstream.at["/feed"] = as_encoded("gzip", b"")
    assert client.get(upstream.address()).body == b""
    upstream.at["/feed"] = as_encoded("gzip", gzip.compress(FEED) + b"\n\0\0")
    assert client.get(upstream.address()).body == FEED


ZEROS = bytes(100_000_000)
EXPANDING: dict[str, tuple[str, Callable[[], bytes]]] = {
    "brotli": ("br", lambda: brotli.compress(ZEROS, quality=5)),
    "deflate": ("deflate", lambda: zlib.compress(ZEROS, 1)),
    "members of gzip with nothing in them": ("gzip", lambda: gzip.compress(b"") * 100_000),
    "gzip without a word": ("", lambda: gzip.compress(ZEROS, 1)),
    "gzip in gzip": ("gzip", lambda: gzip.compress(gzip.compress(ZEROS, 1))),
    "blocks of deflate with nothing in them": (
        "deflate",
        lambda: b"\x78\x9c" + b"\0\0\0\xff\xff" * 400_000,
    ),
}


@pytest.mark.parametrize("how", EXPANDING)
def test_what_is_sent_and_what_comes_out_of_it_are_both_bounded(upstream: Upstream, how: str) -> None:
    encoding, build = EXPANDING[how]
    body = build()

    def without_length(handler: Any) -> None:
        handler.wfile.write(f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\n\r\n".encode())
        handler.write(body)

    upstream.at["/feed"] = without_length
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert str(refusal(upstream.address(), patient)) == "larger than 1 MB"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000  # KB


def test_what_the_server_expects_to_last_is_known_up_to_a_day(upstream: Upstream) -> None:
    upstream.at["/hour"] = lambda handler: handler.say(200, rss(1), Cache_Control="public, max-age=3600")
    upstream.at["/year"] = lambda handler: handler.say(200, rss(1), Cache_Control="max-age=31536000")
    assert client.get(upstream.address("/hour")).fresh_for == timedelta(hours=1)
    assert client.get(upstream.address("/year")).fresh_for == timedelta(days=1)
    dates = {"Date": "Fri, 01 May 2026 12:00:00 GMT", "Expires": "Fri, 01 May 2026 14:00:00 GMT"}
    for headers, fresh in (
        ({"Expires": dates["Expires"]}, timedelta(hours=2)),
        ({**dates, "Age": "1800"}, timedelta(minutes=90)),
        ({"Cache_Control": "max-age=60", "Age": "3600"}, timedelta(0)),
        ({**dates, "Cache_Control": "no-cache"}, timedelta(0)),
        ({"Expires": "0"}, timedelta(0)),
        ({"Expires": "Thu, 01 Jan 1970 00:00:00 GMT"}, timedelta(0)),
    ):
        upstream.at["/fresh"] = bare(rss(1), **headers)
        assert client.get(upstream.address("/fresh")).fresh_for == fresh
    assert client.get(upstream.address()).fresh_for == timedelta(0)


@pytest.mark.parametrize("path", ["/503", "/429"])
def test_how_long_it_wants_to_be_left_alone_is_known(upstream: Upstream, path: str) -> None:
    assert refusal(upstream.address(path)).retry_after == timedelta(seconds=3600 if path == "/429" else 120)


def test_that_a_feed_is_gone_for_good_is_known(upstream: Upstream) -> None:
    assert refusal(upstream.address("/410")).is_gone
    assert not refusal(upstream.address("/500")).is_gone


# -- redirects ----------------------------------------------------------------------------------------------


def test_a_feed_that_moved_for_good_has_a_new_address(upstream: Upstream) -> None:
    answer = client.get(upstream.address("/hops/3"))
    assert (answer.body, answer.url) == (rss(1, 2), upstream.address())


@pytest.mark.parametrize("status", [302, 303, 307])
def test_only_what_moved_for_good_from_the_beginning_on_is_remembered(
    upstream: Upstream, status: int
) -> None:
    upstream.at["/now"] = redirect("/hops/0", status)
    upstream.at["/moved"] = redirect("/now", 308)
    assert client.get(upstream.address("/now")).url == upstream.address("/now")
    assert client.get(upstream.address("/moved")).url == upstream.address("/now")


def cookies_of(upstream: Upstream) -> list[tuple[str, str | None]]:
    return [(path, headers["Cookie"]) for path, headers in upstream.asked]


def test_a_cookie_lives_as_long_as_its_chain_of_redirects_and_stays_on_its_host(upstream: Upstream) -> None:
    with serving() as other:
        other.at["/on"] = redirect(upstream.address("/feed"))
        upstream.at["/cookie"] = lambda handler: handler.say(
            302, Location=other.address("/on"), Set_Cookie="who=you; Path=/; HttpOnly"
        )
        client.get(upstream.address("/cookie"))
        assert cookies_of(other) == [("/on", None)]
    client.get(upstream.address("/feed"))
    assert cookies_of(upstream) == [("/cookie", None), ("/feed", "who=you"), ("/feed", None)]


def test_a_page_that_asks_for_a_cookie_and_leads_back_is_no_circle(upstream: Upstream) -> None:
    def walled(handler: Any) -> None:
        if "seen=1" in (handler.headers["Cookie"] or ""):
            handler.feed(rss(1))
        else:
            handler.say(302, Location="/walled", Set_Cookie="seen=1")

    upstream.at["/walled"] = walled
    own = {"Cookie": "key=2"}
    assert client.get(upstream.address("/walled"), secret_headers=own).body == rss(1)
    assert cookies_of(upstream) == [("/walled", "key=2"), ("/walled", "key=2; seen=1")]
    upstream.at["/walled"] = lambda handler: handler.say(302, Location="/walled", Set_Cookie="seen=1")
    assert "redirects in a circle" in str(refusal(upstream.address("/walled")))


@pytest.mark.parametrize(
    ("location", "path"),
    [
        (b"/my feed.xml?a=b c", "/my%20feed.xml?a=b%20c"),
        ("/\u98de\u00c5".encode(), "/%E9%A3%9E%C3%85"),
        (b"/caf\xe9", "/caf%E9"),
        (b"/a%20b|{c}", "/a%20b%7C%7Bc%7D"),
    ],
)
def test_a_redirect_with_characters_that_no_url_has_is_followed(
    upstream: Upstream, location: bytes, path: str
) -> None:
    upstream.at |= {"/odd": redirect(location.decode("latin-1"), 301), path.partition("?")[0]: rss(1)}
    assert client.get(upstream.address("/odd")).url == upstream.address(path)
    assert upstream.paths() == ["/odd", path]


def test_an_answer_that_a_proxy_changed_is_an_answer(upstream: Upstream) -> None:
    upstream.at["/feed"] = lambda handler: handler.say(203, rss(1))
    assert client.get(upstream.address()).body == rss(1)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/hops/5", "redirects more than 5 times"),
        ("/nowhere", "it answered 301 Moved Permanently without a Location"),
        ("/file", "redirects to something else than an http or https URL"),
        ("/bad", "redirects to something else than an http or https URL"),
    ],
)
def test_redirects_that_lead_nowhere_are_named(upstream: Upstream, path: str, reason: str) -> None:
    upstream.at |= {"/file": redirect("file:///etc/passwd"), "/bad": redirect("http://[::1")}
    assert str(refusal(upstream.address(path))) == reason


def test_a_circle_is_named_without_what_may_be_secret(upstream: Upstream) -> None:
    first, other = upstream.address("/circle"), upstream.address("/circle/b")
    assert str(refusal(first)) == f"redirects in a circle: {first} -> {other}?… -> {first}"


# -- credentials --------------------------------------------------------------------------------------------


def test_credentials_go_to_their_own_origin_alone_and_are_never_shown(
    upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with serving() as other:
        other.at["/feed"] = rss(1)
        upstream.at["/away"] = redirect(other.address())
        upstream.at["/back"] = redirect(upstream.address("/feed"))
        for path in ("/away", "/back"):
            secret = upstream.address(path).replace("//", "//ann:p%40ss@")
            assert client.get(secret).url == upstream.address(path)
        assert [headers["Authorization"] for _, headers in other.asked] == [None]
    basic = f"Basic {b64encode(b'ann:p@ss').decode()}"
    assert [headers["Authorization"] for _, headers in upstream.asked] == [basic] * 3
    for path in ("/500", "/hops/7", "/circle", "/short", "/reset"):
        assert "p%40ss" not in str(refusal(upstream.address(path).replace("//", "//ann:p%40ss@")))
    assert "p@ss" not in caplog.text
    assert "p%40ss" not in caplog.text
    assert basic not in caplog.text


def test_a_feed_that_moved_keeps_its_credentials_only_at_home(upstream: Upstream) -> None:
    configured = upstream.address("/old").replace("//", "//ann:secret@")
    client.get(upstream.address("/feed"), configured_url=configured)
    assert upstream.asked[-1][1]["Authorization"]
    elsewhere = configured.replace("127.0.0.1", "harbour.example")
    client.get(upstream.address("/feed"), configured_url=elsewhere)
    assert upstream.asked[-1][1]["Authorization"] is None


def test_headers_and_a_user_agent_of_ones_own_are_sent_the_headers_to_their_own_origin_alone(
    upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    own: dict[str, Any] = {
        "user_agent": "Reader/1.0",
        "secret_headers": {"X-Api-Key": "k3y", "accept": "text/x-feed"},
    }
    with serving() as other:
        other.at["/feed"] = rss(1)
        upstream.at["/away"] = redirect(other.address())
        upstream.at["/near"] = redirect("/feed")
        for path in ("/away", "/near"):
            client.get(upstream.address(path), **own)
        client.get(other.address(), configured_url=upstream.address("/moved"), **own)
    asked = [(seen["User-Agent"], seen["X-Api-Key"], seen.get_all("Accept")) for _, seen in upstream.asked]
    assert asked == [("Reader/1.0", "k3y", ["text/x-feed"])] * 3
    assert [(seen["User-Agent"], seen["X-Api-Key"]) for _, seen in other.asked] == [("Reader/1.0", None)] * 2
    assert "application/atom+xml" in other.asked[0][1]["Accept"]
    for path in ("/500", "/hops/7", "/circle", "/short", "/reset"):
        with pytest.raises(RequestError) as raised:
            client.get(upstream.address(path), **own)
        assert "k3y" not in str(raised.value)
    assert "k3y" not in caplog.text


def test_the_environment_gives_neither_credentials_nor_proxies(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ann password secret\n", encoding="ascii")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert client.get(upstream.address()).body == rss(1, 2)
    assert upstream.asked[0][1]["Authorization"] is None


# -- where it may lead --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    "127.0.0.1 localhost localhost. LOCALHOST 2130706433 0x7f.1 0177.0.0.1 127.1 0.0.0.0 [::1] [::] "
    "[::ffff:127.0.0.1] [::ffff:7f00:1] 10.0.0.1 169.254.169.254 [fe80::1] [64:ff9b::7f00:1] "
    "[2002:7f00:1::]".split(),
)
def test_this_machine_and_its_neighbours_are_not_asked_however_they_are_spelled(
    upstream: Upstream, host: str
) -> None:
    reason = str(refusal(upstream.address(host=host), HTTPClient(limits=QUICK)))
    # Not every resolver knows localhost by its full name.
    assert reason.startswith("leads to a private address (") or reason == f"its host is not known ({host})"
    assert upstream.asked == []


@pytest.mark.parametrize("host", ["127.0.0.2", "2130706434", "[::1]", "localhost.localdomain"])
def test_a_redirect_leads_to_no_private_address_either(
    upstream: Upstream, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _resolving(monkeypatch, {"localhost.localdomain": "127.0.0.2"})
    upstream.at["/in"] = redirect(f"http://{host}:{upstream.port}/feed")
    assert str(refusal(upstream.address("/in"))).startswith("leads to a private address (")
    assert upstream.paths() == ["/in"]


def test_what_was_judged_is_what_is_connected_to(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    lookups = _resolving(monkeypatch, {"rebinding.example": "127.0.0.1"})
    assert client.get(upstream.address(host="rebinding.example")).body == rss(1, 2)
    assert lookups == ["rebinding.example"]
    assert upstream.asked[0][1]["Host"] == f"rebinding.example:{upstream.port}"


@pytest.mark.parametrize("allowed", [["127.0.0.0/8"], ["localhost"], ["*"], ["127.0.0.1", "::1"]])
def test_what_the_configuration_allows_may_be_private(upstream: Upstream, allowed: list[str]) -> None:
    how = HTTPClient(policy=parse_policy(allowed), limits=QUICK)
    assert how.get(upstream.address(host="localhost")).body == rss(1, 2)


@pytest.mark.parametrize(
    "address",
    "8.8.8.8 1.1.1.1 2606:4700::1111 64:ff9b::8.8.8.8".split(),
)
def test_the_public_network_is_open(address: str) -> None:
    assert NetworkPolicy().allows("host.example", address)


@pytest.mark.parametrize(
    "address",
    "100.64.0.1 192.168.1.1 172.16.0.1 198.18.0.1 224.0.0.1 255.255.255.255 240.0.0.1 fc00::1 fec0::1 "
    "ff02::1 fe80::1%eth0 2001::1 2001:db8::1 64:ff9b::10.0.0.1 64:ff9b:1::1 2002:a00:1:: ::8.8.8.8 100::1 "
    "no".split(),
)
def test_what_is_not_the_public_network_is_closed(address: str) -> None:
    assert not NetworkPolicy().allows("host.example", address)


def test_a_network_that_is_allowed_is_allowed_as_it_is_translated_too() -> None:
    reach = parse_policy(["192.168.0.0/16"])
    assert reach.allows("nas.lan", "::ffff:192.168.1.1")
    assert not reach.allows("nas.lan", "::ffff:10.0.0.1")


@pytest.mark.parametrize("word", ["", "a b", "10.0.0.0/33", "http://nas.lan", "-", "1.2.3"])
def test_what_is_neither_host_nor_network_cannot_be_allowed(word: str) -> None:
    with pytest.raises(ValueError, match="expected `true`, `false`, or hosts and networks"):
        parse_policy([word])


def test_tls_still_proves_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not shutil.which("openssl"):
        pytest.skip("openssl is not here")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost "
        f"-addext subjectAltName=DNS:localhost -keyout {key} -out {certificate}".split(),
        check=True,
        capture_output=True,
    )
    with serving() as upstream:
        upstream.at["/feed"] = rss(1)
        upstream.encrypt(str(certificate), str(key))
        url = upstream.address(host="localhost", scheme="https")
        how = HTTPClient(
            policy=parse_policy(["*"]),
            limits=RequestLimits(connect_seconds=2, silence_seconds=2, total_seconds=5),
        )
        assert str(refusal(url, how)).startswith("its certificate cannot be trusted: self")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        assert how.get(url).body == rss(1)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "no.pem"))
        assert str(refusal(url, how)).startswith("there is no file of certificates at")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        other = upstream.address(host="127.0.0.1", scheme="https")
        assert "certificate is not valid for '127.0.0.1'" in str(refusal(other, how))
        upstream.at["/down"] = redirect(f"http://localhost:{upstream.port}/feed")
        down = upstream.address("/down", host="localhost", scheme="https")
        assert str(refusal(down, how)).startswith("redirects from https to http")


# -- what bad servers do ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/hang", "it sent nothing for 0.4 s"),
        ("/drip-headers", "it did not end within 0.8 s"),
        ("/drip-body", "it did not end within 0.8 s"),
        ("/flood", "it did not end within 0.8 s"),
        ("/short", "it ended before it was complete"),
        ("/short-gzip", "its compression (gzip) is damaged: it ends too soon"),
        ("/no-gzip", "its compression (gzip) is damaged"),
        ("/two", "it is compressed in a way that was not asked for ('br, gzip')"),
        ("/zstd", "it is compressed in a way that was not asked for ('zstd')"),
        ("/reset", "the connection was reset"),
        ("/no-http", "its answer is not HTTP"),
        ("/nothing", "it closed the connection without an answer"),
        ("/500", "it answered 500 Internal Server Error"),
        ("/429", "it answered 429 Too Many Requests"),
        ("/404", "it answered 404 Not Found"),
        ("/204", "it answered 204 No Content"),
        ("/304", "it answered 304 Not Modified to a request without conditions"),
    ],
)
def test_what_went_wrong_is_said_in_a_few_words_and_in_time(
    upstream: Upstream, path: str, reason: str
) -> None:
    begun = time.monotonic()
    assert str(refusal(upstream.address(path))) == reason
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/large", "larger than 1 MB"),
        ("/large-said", "larger than 1 MB"),
        ("/bomb", "larger than 1 MB"),
        ("/large-chunk-line", "its answer is not HTTP"),
        ("/large-header", "its answer is not HTTP"),
        ("/large-error", "it answered 500 Internal Server Error"),
        ("/large-redirect", None),
    ],
)
def test_a_gigabyte_is_cut_off_and_takes_no_memory(upstream: Upstream, path: str, reason: str | None) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if reason is None:
        assert patient.get(upstream.address(path)).body == rss(1, 2)
    else:
        assert str(refusal(upstream.address(path), patient)) == reason
    assert upstream.sent < 20_000_000  # with what lies in the buffers of both sides
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000  # KB


def test_a_host_that_nobody_knows_and_a_port_that_nobody_listens_at_are_named(upstream: Upstream) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        assert str(refusal(f"http://127.0.0.1:{port}/")) == "it cannot be reached: connection refused"
    assert str(refusal("http://no.invalid/")) == "its host is not known (no.invalid)"
    assert "its host is not known" in str(refusal(f"http://{'a' * 70}.example/"))
    assert str(refusal("http://bücher.invalid/")) == "its host is not known (xn--bcher-kva.invalid)"


# -- forms --------------------------------------------------------------------------------------------------


def test_a_form_is_posted_and_the_status_and_the_wait_are_what_is_read(upstream: Upstream) -> None:
    upstream.at["/hub"] = lambda handler: handler.say(503, b"busy", Retry_After="120")
    status = client.post_form(
        upstream.address("/hub"), {"hub.mode": "publish", "hub.url": "https://a.example/ä"}
    )
    assert status == Status(503, "Service Unavailable", timedelta(seconds=120))
    assert upstream.form == b"hub.mode=publish&hub.url=https%3A%2F%2Fa.example%2F%C3%A4"
    headers = upstream.asked[0][1]
    assert headers["User-Agent"] == f"feeds/{__version__}"
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"


def test_the_reason_phrase_of_an_answer_forges_no_line_and_is_bounded(upstream: Upstream) -> None:
    def answer(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 400 \x1b[2J\rforged\x00 " + b"A" * 9_000 + b"\r\n\r\n")

    upstream.at["/hub"] = answer
    failure = client.post_form(upstream.address("/hub"), {}).failure
    assert failure.isprintable()
    assert failure.startswith("it answered 400 [2J forged A")
    assert len(failure) < 300


def test_a_form_is_not_posted_to_where_a_redirect_leads(upstream: Upstream) -> None:
    upstream.at["/elsewhere"] = redirect("/feed")
    assert client.post_form(upstream.address("/elsewhere"), {}).code == 302
    assert upstream.paths() == ["/elsewhere"]


def test_a_form_is_posted_within_the_limits_and_the_network_policy_too(upstream: Upstream) -> None:
    begun = time.monotonic()
    with pytest.raises(RequestError, match=r"^it did not end within 0\.8 s$"):
        client.post_form(upstream.address("/drip-headers"), {})
    assert time.monotonic() - begun < 5
    with pytest.raises(RequestError, match="leads to a private address"):
        HTTPClient(limits=QUICK).post_form(upstream.address(), {})


# -- addresses ----------------------------------------------------------------------------------------------


def test_an_address_is_known_and_shown_without_what_is_secret() -> None:
    full = "https://ann:p%40ss@tide.example/feed?key=1"
    assert feed_urls.strip_credentials(full) == "https://tide.example/feed?key=1"
    assert feed_urls.split_credentials(full)[1] == ("ann", "p@ss")
    assert feed_urls.redact_url(full) == "https://tide.example/feed?…"


def test_writings_of_one_address_are_one() -> None:
    written = ["https://tide.example", "HTTPS://Tide.Example:443/", "https://ann:x@tide.example./"]
    assert len({feed_urls.comparison_key(url) for url in written}) == 1
    assert feed_urls.comparison_key("https://tide.example/a") != feed_urls.comparison_key(
        "https://tide.example/A"
    )


def test_what_programs_call_a_feed_is_an_address() -> None:
    assert feed_urls.validate_feed_url("feed:https://tide.example/x#top") == "https://tide.example/x"
    assert feed_urls.validate_feed_url("feed://tide.example/x") == "http://tide.example/x"


@pytest.mark.parametrize(
    "value",
    ["", "tide.example", "ftp://tide.example/", "https://", "https://a:b/", "https://a b/", "file:///x"],
)
def test_what_cannot_be_asked_for_is_no_address(value: str) -> None:
    with pytest.raises(ValueError, match=r"expected the address of a feed|only http and https"):
        feed_urls.validate_feed_url(value)


def _resolving(monkeypatch: pytest.MonkeyPatch, names: dict[str, str]) -> list[str]:
    """A resolver that knows some more names, and what it was asked for of them."""
    lookups, real = [], socket.getaddrinfo

    def resolve(host: str, *arguments: Any, **keywords: Any) -> Any:
        if host in names:
            lookups.append(host)
        return real(names.get(host, host), *arguments, **keywords)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return lookups


def test_public_says_so_of_both_kinds() -> None:
    from ipaddress import ip_address

    assert is_public(ip_address("9.9.9.9"))
    assert not is_public(ip_address("::1"))


# -- informational responses --------------------------------------------------------------------------------


@pytest.mark.parametrize("statuses", [(103,), (102, 103, 103), (100, 103, 100), (199,)])
def test_informational_responses_are_not_the_answer(upstream: Upstream, statuses: tuple[int, ...]) -> None:
    def hinted(handler: Any) -> None:
        for status in statuses:
            handler.wfile.write(f"HTTP/1.1 {status} Hint\r\nLink: </a.css>; rel=preload\r\n\r\n".encode())
        handler.say(200, rss(1))

    upstream.at["/hinted"] = hinted
    assert client.get(upstream.address("/hinted")).body == rss(1)
    assert client.post_form(upstream.address("/hinted"), {"a": "b"}).code == 200


def test_informational_responses_without_end_end_at_the_deadline(upstream: Upstream) -> None:
    def hinting(handler: Any) -> None:
        while not upstream.ended.wait(0.01):
            handler.wfile.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")

    upstream.at["/hinting"] = hinting
    assert "did not end within 0.8 s" in str(refusal(upstream.address("/hinting")))
