"""Translate errors of libraries into short messages without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator

_MAX_CHARACTERS = 200

# Error codes of S3 servers (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
_MESSAGES_BY_CODE = {
    "NoSuchBucket": "there is no such bucket",
    "InvalidBucketName": "the name of the bucket is not valid",
    "AccessDenied": "access is denied",
    "403": "access is denied",
    "InvalidAccessKeyId": "the server does not know the access key",
    "SignatureDoesNotMatch": "the secret key does not match the access key",
    "ExpiredToken": "the token has expired",
    "RequestTimeTooSkewed": "this machine's clock is wrong",
    "PermanentRedirect": "the bucket is in another region, or at another endpoint",
    "301": "the bucket is in another region, or at another endpoint",
}
# Errors of libraries by the name of their class, since not all libraries are installed.
_MESSAGES_BY_CLASS = {
    "NoCredentialsError": "there are no credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
    "`options: {anon: true}`",
    "PartialCredentialsError": "one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is missing",
    "ParamValidationError": "the name of the bucket is not valid",
    "EndpointConnectionError": "cannot be reached",
    "HTTPClientError": "the server does not speak valid HTTP",
    "ConnectTimeoutError": "does not answer in time",
    "ReadTimeoutError": "does not answer in time",
    "FSTimeoutError": "does not answer in time",
    "ConnectionClosedError": "the connection broke",
    "ClientPayloadError": "the connection broke",
    "IncompleteReadError": "the connection broke",
    "EOFError": "the connection broke",
    "UnicodeDecodeError": "it holds names that are not in the expected encoding (`options: {encoding: …}`)",
}


def s3_error_code(error: BaseException) -> str:
    """Return the error code of an S3 server that caused an error; empty when none did."""
    for cause in _causes(error):
        response = getattr(cause, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
    return ""


def describe_inbox_error(error: BaseException, secrets: tuple[str, ...] = ()) -> str:
    """Return a one-line message for an error, with an ellipsis for each secret."""
    code = s3_error_code(error)
    if code:
        return _MESSAGES_BY_CODE.get(code) or f"the server answers {redact_message(code, secrets)}"
    for cause in _causes(error):
        if message := _MESSAGES_BY_CLASS.get(type(cause).__name__):
            return message
    if isinstance(error, TimeoutError):
        return "does not answer in time"
    if isinstance(error, FileNotFoundError):
        return "there is no such place"
    if isinstance(error, PermissionError):
        return "access is denied"
    if isinstance(error, ConnectionRefusedError):
        return "cannot be reached: connection refused"
    message = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return redact_message(message, secrets)


def redact_message(text: str, secrets: tuple[str, ...]) -> str:
    """Put a text on one line of 200 characters at most, without secrets.

    Users and passwords in URLs are removed, and secrets become an ellipsis.
    """
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "…")
    line = " ".join(re.sub(r"(?<=://)[^\s/@]*@", "", text).split())
    return line if len(line) <= _MAX_CHARACTERS else f"{line[:_MAX_CHARACTERS]}…"


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    for _ in range(10):  # causes can form a circle
        if cause is None:
            return
        yield cause
        cause = cause.__cause__ or cause.__context__
