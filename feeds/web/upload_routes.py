"""Accept uploads over HTTP from clients with a token, and report their state."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, jsonify, request
from werkzeug.datastructures import FileStorage
from werkzeug.http import parse_options_header

from feeds.config import Config
from feeds.ingest.uploads import MAX_NAME_CHARACTERS, UploadResult, Uploads, json_file_of
from feeds.model.errors import ReadError
from feeds.storage.tokens import POSTING, Tokens
from feeds.text.filenames import content_hash
from feeds.web.auth import request_tokens

_STATUS = {"new": 201, "changed": 200, "same": 200, "read": 200, "waiting": 202, "failed": 422}
_RETRY_SECONDS = 60
_SUFFIXES = {"text/html": ".html", "application/json": ".json", "application/zip": ".zip"}


def build_blueprint(config: Config, tokens: Tokens, uploads: Uploads) -> Blueprint:
    """Build the routes of this module."""
    routes = Blueprint("inbox", __name__)

    @routes.before_request
    def guard() -> Response | None:
        if not config.post_limit:
            abort(404, "uploads are switched off here (`post_limit: 0`)")
        known_tokens = [token for token in map(tokens.find, request_tokens()) if token is not None]
        if any(token.feed == POSTING for token in known_tokens):
            request.max_content_length = (
                config.post_limit + 1
            )  # werkzeug cuts the body there without an error
            return None
        if known_tokens:
            return _json_response(403, {"error": "this token does not open the inbox"})
        response = _json_response(401, {"error": "this needs a token of `feeds token add --inbox`"})
        response.headers["WWW-Authenticate"] = 'Bearer realm="Feeds inbox"'
        return response

    @routes.post("/inbox")
    def post() -> Response:
        """Take one file, the body or the only file of a form, or one article as JSON."""
        name, data = _uploaded_file(config.post_limit)
        return _result_response(uploads.take(name, data))

    @routes.route("/inbox/<path:name>", methods=["PUT", "POST"])
    def put(name: str) -> Response:
        """Take one file under a name."""
        _, data = _uploaded_file(config.post_limit)
        return _result_response(uploads.take(_check_name(name), data))

    @routes.get("/inbox/<path:name>")
    def state(name: str) -> Response:
        """Report the state of an uploaded file."""
        result = uploads.find(_check_name(name))
        if result is None:
            return _json_response(404, {"name": name, "error": "no file with this name was uploaded"})
        response = _result_response(result)
        response.status_code = 200
        return response

    @routes.delete("/inbox/<path:name>")
    def remove(name: str) -> Response:
        """Remove an uploaded file. The setting `deleted` decides about its articles."""
        if not uploads.remove(_check_name(name)):
            return _json_response(404, {"name": name, "error": "no file with this name was uploaded"})
        return _json_response(200, {"name": name, "status": "removed"})

    @routes.errorhandler(ReadError)
    def unreadable(error: ReadError) -> Response:
        return _json_response(422, {"status": "failed", "error": str(error)})

    @routes.errorhandler(413)
    def too_large(_: Any) -> Response:
        return _json_response(413, {"error": f"larger than {config.post_limit} bytes (`post_limit`)"})

    return routes


def _uploaded_file(max_bytes: int) -> tuple[str, bytes]:
    """Return the name and content of the uploaded file.

    A file without a name is named by the link of its article, if it is JSON, else by its content. Answers 400
    if a form does not have exactly one file, and 413 for more than `max_bytes`.
    """
    part: FileStorage | None = None
    if request.mimetype == "multipart/form-data":
        parts = [part for _, part in request.files.items(multi=True)]
        if len(parts) != 1:
            abort(400, "expected one file in the form")
        part = parts[0]
    data = part.read() if part is not None else request.get_data(cache=False)
    if len(data) > max_bytes:
        abort(413)
    media_type = (part.mimetype if part is not None else request.mimetype) or ""
    name = request.args.get("name") or (part.filename if part is not None else _header_file_name()) or ""
    if media_type == "application/json":
        link_name, data = json_file_of(data)
        name = name or link_name
    return (_check_name(name) if name else f"{content_hash(data)}{_SUFFIXES.get(media_type, '')}"), data


def _header_file_name() -> str:
    """Return the file name of the Content-Disposition header; empty if there is none."""
    _, options = parse_options_header(request.headers.get("Content-Disposition", ""))
    return options.get("filename", "")


def _check_name(name: str) -> str:
    """Return a file name as a relative path.

    Answers 400 if it leads out of the inbox or is too long.
    """
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    path = "/".join(parts)
    if not parts or ".." in parts or not path.isprintable() or len(path) > MAX_NAME_CHARACTERS:
        abort(
            400, f"no name for a file: expected one of {MAX_NAME_CHARACTERS} characters at most, without `..`"
        )
    return path


def _result_response(result: UploadResult) -> Response:
    members: dict[str, Any] = {"name": result.name, "status": result.status}
    if result.reason:
        members["error"] = result.reason
    if result.articles:
        members["articles"] = [
            {"id": article.id, "link": article.link, "title": article.title, "source": article.source.slug}
            for article in result.articles
        ]
    if result.skipped:
        members["refused"] = [{"name": item.name, "error": item.reason} for item in result.skipped]
    response = _json_response(_STATUS[result.status], members)
    if result.status == "waiting":
        response.headers["Retry-After"] = str(_RETRY_SECONDS)
    return response


def _json_response(status: int, members: dict[str, Any]) -> Response:
    response = jsonify(members)
    response.status_code = status
    return response
