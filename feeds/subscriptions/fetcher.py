"""Fetch the feed of a subscription: at its URL, at the URL that a web page names, or where it moved to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from feeds import parsers
from feeds.http_client.client import HTTPClient, Response
from feeds.http_client.errors import RequestError
from feeds.model.errors import ReadError
from feeds.parsers import encoding
from feeds.parsers.channel import Channel, read_channel
from feeds.parsers.webpage import feed_discovery
from feeds.parsers.webpage.feed_discovery import LinkedFeed
from feeds.subscriptions.upstream import Upstream
from feeds.text import feed_urls

MAX_CANDIDATES = 3
"""Feeds of a page that are tried, one after the other."""
MAX_MOVES = 3
"""Addresses that are followed from feed to feed."""
_MAX_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedFeed:
    """A feed as it was fetched."""

    response: Response
    """The answer; its `url` is the one to poll from now on."""
    has_entries: bool = True
    channel: Channel | None = None
    """What the feed says about itself; None if it has not changed."""
    note: str = ""
    """How the feed was found on a web page, without queries of URLs; empty if there was none."""
    remarks: tuple[str, ...] = ()
    """What went wrong without harm."""


class FeedFetcher:
    """Fetches feeds by one client. Safe to share between threads."""

    def __init__(self, client: HTTPClient, wait: Callable[[], None]) -> None:
        """`wait` is called before each further request of one poll."""
        self._client = client
        self._wait = wait
        self._parsing = threading.Lock()

    def fetch(
        self, upstream: Upstream, address: str, *, etag: str = "", last_modified: str = ""
    ) -> FetchedFeed:
        """Fetch the feed at an address, unless ETag or date show that it has not changed.

        If a web page is there, the best feed that it names is fetched. If the feed says that it has moved,
        the new one is fetched, and the old one is used where that fails. Raises RequestError and ReadError.
        """
        response = self._get(upstream, address, etag, last_modified)
        if response.body is None:
            return FetchedFeed(response=response)
        try:
            feed = self._parse(response)
        except parsers.NotAFeedError as error:
            named = (*feed_discovery.select_feeds(response.links), *error.feeds)
            feed = self._fetch_named(upstream, response, feed_discovery.rank(named), error)
        return self._follow_moves(upstream, feed)

    def _get(self, upstream: Upstream, url: str, etag: str = "", last_modified: str = "") -> Response:
        return self._client.get(
            url,
            etag=etag,
            last_modified=last_modified,
            configured_url=upstream.url,
            user_agent=upstream.user_agent,
            secret_headers=upstream.headers,
        )

    def _parse(self, response: Response) -> FetchedFeed:
        """Check that an answer is a feed. Raises ReadError if it is none."""
        # The stored document has no headers, so it has to say by itself how it is to be decoded.
        body, has_entries = encoding.to_utf8(response.body or b"", response.charset), True
        with self._parsing:  # one at a time: small hosts cannot hold the trees of eight large feeds
            try:
                parsers.parse_feed(body, response.final_url)
            except parsers.NoEntriesError:
                has_entries = False
            channel = read_channel(body, response.final_url)
        return FetchedFeed(response=replace(response, body=body), has_entries=has_entries, channel=channel)

    def _fetch_named(
        self, upstream: Upstream, page: Response, named: Sequence[LinkedFeed], error: ReadError
    ) -> FetchedFeed:
        """Fetch the best feed that a page names. Raises ReadError with all reasons if none can be fetched."""
        failures: list[str] = []
        for candidate in named[:MAX_CANDIDATES]:
            try:
                url = _target(candidate.url, page.final_url)
                self._wait()
                feed = self._parse(self._get(upstream, url))
            except (RequestError, ReadError, ValueError) as failure:
                failures.append(f"{feed_urls.redact_url(candidate.url)}: {failure}")
            else:
                return replace(feed, note=_describe_choice(candidate, named), remarks=tuple(failures))
        if failures:
            raise ReadError(f"{error}; the feeds that it names cannot be read: {'; '.join(failures)}")
        raise error

    def _follow_moves(self, upstream: Upstream, feed: FetchedFeed) -> FetchedFeed:
        """Fetch the feed that a feed says it has moved to (`itunes:new-feed-url`); return the last one."""
        visited = {feed.response.url, feed.response.final_url}
        for _ in range(MAX_MOVES):
            new_url = feed.channel.new_url if feed.channel else ""
            if not new_url or new_url in visited:
                break
            visited.add(new_url)
            try:
                url = _target(new_url, feed.response.final_url)
                if url in visited - {new_url}:
                    break
                self._wait()
                moved = self._parse(self._get(upstream, url))
                if feed.has_entries and not moved.has_entries:
                    raise ReadError("a feed without entries")
            except (RequestError, ReadError, ValueError) as error:
                remark = f"says that it has moved to {feed_urls.redact_url(new_url)}, but that fails: {error}"
                return replace(feed, remarks=(*feed.remarks, remark))
            visited |= {moved.response.url, moved.response.final_url}
            feed = replace(moved, note=feed.note, remarks=feed.remarks)
        return feed


def named_hub(response: Response, channel: Channel) -> tuple[str, str]:
    """Return the WebSub hub of a feed and its URL for the hub; both are empty if it names no hub.

    Link headers count before the document (WebSub section 4).
    """
    links = [(relation, link.url) for link in response.links for relation in link.relations]
    hubs = [url for relation, url in links if relation == "hub"] or list(channel.hubs)
    own = next((url for relation, url in links if relation == "self"), "") or channel.self_url
    for hub in hubs:
        try:
            return feed_urls.validate_feed_url(hub), feed_urls.validate_feed_url(own or response.final_url)
        except ValueError:
            continue
    return "", ""


def _target(url: str, source: str) -> str:
    """Return the URL that a document at `source` names, as it is requested.

    On one host https stays https, as the document was fetched so. Raises ValueError if the URL cannot be
    requested, or leads from https to http on another host.
    """
    target = feed_urls.resolve_redirect(source, url)
    if source.lower().startswith("https:") and target.lower().startswith("http:"):
        if feed_urls.host_of(source) != feed_urls.host_of(target):
            raise ValueError("leads from https to http, where anybody on the way could change it")
        target = f"https{target[4:]}"
    return target


def _describe_choice(choice: LinkedFeed, named: Sequence[LinkedFeed]) -> str:
    """Say which feed of a page was taken, and which others there are."""
    others = [feed for feed in named if feed is not choice]
    if not others:
        return f"a web page; the feed that it names is taken: {_describe(choice)}"
    listed = ", ".join(map(_describe, others[:_MAX_NAMED]))
    return f"a web page that names {len(named)} feeds; taken is {_describe(choice)}, not {listed}"


def _describe(feed: LinkedFeed) -> str:
    title = f" ({feed.title})" if feed.title else ""
    return f"{feed_urls.redact_url(feed.url)}{title}"
