"""The inbox over HTTP: files that are posted, by who has a token for that, and what became of them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, jsonify, request
from werkzeug.datastructures import FileStorage
from werkzeug.http import parse_options_header

from feeds.config import Config
from feeds.ingest.uploads import LONGEST_NAME, UploadResult, Uploads, article_of
from feeds.model.errors import ReadError
from feeds.storage.tokens import POSTING, Tokens
from feeds.text.filenames import digest_of
from feeds.web.auth import given

_STATUS = {"new": 201, "changed": 200, "same": 200, "read": 200, "waiting": 202, "failed": 422}
_RETRY_SECONDS = 60
_SUFFIXES = {"text/html": ".html", "application/json": ".json", "application/zip": ".zip"}


def blueprint(config: Config, tokens: Tokens, uploads: Uploads) -> Blueprint:
    """The routes of this module."""
    routes = Blueprint("inbox", __name__)

    @routes.before_request
    def guard() -> Response | None:
        if not config.post_limit:
            abort(404, "nothing can be posted here (`post_limit: 0`)")
        found = [token for token in map(tokens.find, given()) if token is not None]
        if any(token.feed == POSTING for token in found):
            request.max_content_length = config.post_limit + 1  # werkzeug cuts off there, without a word
            return None
        if found:
            return _said(403, {"error": "this token does not open the inbox"})
        response = _said(401, {"error": "this needs a token of `feeds token add --inbox`"})
        response.headers["WWW-Authenticate"] = 'Bearer realm="Feeds inbox"'
        return response

    @routes.post("/inbox")
    def post() -> Response:
        """One file: the body, or the part `file` of a form; or one article as JSON."""
        name, data = _posted(config.post_limit)
        return _answer(uploads.take(name, data))

    @routes.route("/inbox/<path:name>", methods=["PUT", "POST"])
    def put(name: str) -> Response:
        """One file under a name."""
        _, data = _posted(config.post_limit)
        return _answer(uploads.take(_checked(name), data))

    @routes.get("/inbox/<path:name>")
    def state(name: str) -> Response:
        """What became of a file that was posted."""
        found = uploads.state(_checked(name))
        if found is None:
            return _said(404, {"name": name, "error": "no file of that name was posted"})
        response = _answer(found)
        response.status_code = 200
        return response

    @routes.delete("/inbox/<path:name>")
    def remove(name: str) -> Response:
        """Take a posted file back: what becomes of its articles, `deleted` says."""
        if not uploads.remove(_checked(name)):
            return _said(404, {"name": name, "error": "no file of that name was posted"})
        return _said(200, {"name": name, "status": "removed"})

    @routes.errorhandler(ReadError)
    def unreadable(error: ReadError) -> Response:
        return _said(422, {"status": "failed", "error": str(error)})

    @routes.errorhandler(413)
    def too_large(_: Any) -> Response:
        return _said(413, {"error": f"larger than {config.post_limit} bytes (`post_limit`)"})

    return routes


def _posted(most: int) -> tuple[str, bytes]:
    """The file that is posted, `most` bytes of it, with a name: its own, or one by its link or content."""
    part: FileStorage | None = None
    if request.mimetype == "multipart/form-data":
        parts = [one for _, one in request.files.items(multi=True)]
        if len(parts) != 1:
            abort(400, "expected one file in the form")
        part = parts[0]
    data = part.read() if part is not None else request.get_data(cache=False)
    if len(data) > most:
        abort(413)
    kind = (part.mimetype if part is not None else request.mimetype) or ""
    name = request.args.get("name") or (part.filename if part is not None else _of_header()) or ""
    if kind == "application/json":
        by_link, data = article_of(data)
        name = name or by_link
    return (_checked(name) if name else f"{digest_of(data)}{_SUFFIXES.get(kind, '')}"), data


def _of_header() -> str:
    _, options = parse_options_header(request.headers.get("Content-Disposition", ""))
    return options.get("filename", "")


def _checked(name: str) -> str:
    """A name for a file: relative, and without steps out of where it lies."""
    pieces = [piece for piece in name.replace("\\", "/").split("/") if piece not in ("", ".")]
    checked = "/".join(pieces)
    if not pieces or ".." in pieces or not checked.isprintable() or len(checked) > LONGEST_NAME:
        abort(400, f"no name for a file: expected one of {LONGEST_NAME} characters at most, without `..`")
    return checked


def _answer(posted: UploadResult) -> Response:
    said: dict[str, Any] = {"name": posted.name, "status": posted.became}
    if posted.reason:
        said["error"] = posted.reason
    if posted.articles:
        said["articles"] = [
            {"id": one.id, "link": one.link, "title": one.title, "source": one.source.slug}
            for one in posted.articles
        ]
    if posted.refused:
        said["refused"] = [{"name": one.name, "error": one.reason} for one in posted.refused]
    response = _said(_STATUS[posted.became], said)
    if posted.became == "waiting":
        response.headers["Retry-After"] = str(_RETRY_SECONDS)
    return response


def _said(status: int, members: dict[str, Any]) -> Response:
    response = jsonify(members)
    response.status_code = status
    return response
