"""A response is cached by nobody until its route says so, and a personal one never for others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Response, g, jsonify, request

from feeds.storage.store import Store
from feeds.web import create_app
from feeds.web.application import Application
from feeds.web.cache.policy import REVALIDATE, CachePolicy, with_policy
from tests.support.places import Place

SECRET = "what only one visitor may read"
EVERYBODY = CachePolicy("max-age=900", public=True)
Answer = Callable[[], object]


@pytest.fixture
def store(place: Place) -> Store:
    place.ingest()
    return place.store()


@pytest.fixture
def app(place: Place, store: Store) -> Application:
    return create_app(place.config, store)


def calls_and_headers(app: Application, answer: Answer, *urls: str) -> tuple[int, list[str]]:
    """Add a route, request it, and return how often it was called, and each Cache-Control header."""
    calls = []

    def view() -> object:
        calls.append(request.url)
        return answer()

    app.add_url_rule("/new", "new", view)  # type: ignore[arg-type] # whatever Flask takes for a response
    client = app.test_client()
    headers = [client.get(url).headers["Cache-Control"] for url in urls or ("/new", "/new")]
    return len(calls), headers


def written_by_hand() -> Response:
    return Response(SECRET, headers={"Cache-Control": "public, max-age=900"})


def failing() -> Response:
    raise RuntimeError(SECRET)


@pytest.mark.parametrize(
    "answer",
    [lambda: SECRET, lambda: Response(SECRET), lambda: jsonify(SECRET), lambda: (SECRET, 404)],
    ids=["text", "response", "json", "error"],
)
def test_a_route_that_forgets_everything_is_cached_by_nobody(app: Application, answer: Answer) -> None:
    assert calls_and_headers(app, answer) == (2, ["no-store", "no-store"])


@pytest.mark.parametrize("answer", [written_by_hand, failing])
def test_a_header_or_an_error_decides_nothing(app: Application, answer: Answer) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    assert calls_and_headers(app, answer) == (2, ["no-store", "no-store"])


# -- what a route declares as public ----------------------------------------------------------------------


@pytest.fixture
def public(store: Store) -> Callable[[], Response]:
    """Answers what is declared to be the same for everybody, wrongly or not."""
    policy = replace(EVERYBODY, state=store.state())
    return lambda: with_policy(Response(SECRET), policy)


def test_what_every_visitor_may_see_is_repeated_without_its_route(
    app: Application, public: Callable[[], Response]
) -> None:
    assert calls_and_headers(app, public) == (1, ["public, max-age=900"] * 2)


def test_a_token_makes_it_private_and_is_not_answered_from_the_cache(
    app: Application, public: Callable[[], Response]
) -> None:
    urls = ("/new", "/new?token=abc", "/new?token=abc", "/new")
    calls, headers = calls_and_headers(app, public, *urls)
    assert (calls, [header.partition(",")[0] for header in headers]) == (
        3,
        ["public", "private", "private", "public"],
    )


def test_the_last_hook_can_still_make_it_private(app: Application, public: Callable[[], Response]) -> None:
    @app.after_request
    def learn_that_it_is_private(response: Response) -> Response:
        g.private = True
        return response

    assert calls_and_headers(app, public) == (2, ["private, max-age=900"] * 2)


def test_a_cookie_an_error_or_another_state_keeps_it_from_being_repeated(
    place: Place, store: Store, public: Callable[[], Response]
) -> None:
    def with_cookie() -> Response:
        response = public()
        response.set_cookie("session", "1")
        return response

    def of_another_state() -> Response:
        state = store.state()
        return with_policy(
            Response(SECRET), replace(EVERYBODY, state=replace(state, generation=state.generation + 1))
        )

    def not_found() -> Response:
        response = public()
        response.status_code = 404
        return response

    for answer in (with_cookie, of_another_state, not_found):
        calls, _ = calls_and_headers(create_app(place.config, store), answer)
        assert calls == 2


@pytest.mark.parametrize("policy", [EVERYBODY, REVALIDATE])
def test_what_depends_on_more_than_the_state_is_not_repeated(app: Application, policy: CachePolicy) -> None:
    assert calls_and_headers(app, lambda: with_policy(Response("now"), policy))[0] == 2
