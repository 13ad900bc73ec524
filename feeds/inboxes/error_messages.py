"""What is wrong with a place, in a few words: without secrets, and without a library's own story."""

from __future__ import annotations

import re
from collections.abc import Iterator

_LONGEST = 200

# What S3's servers answer (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
_CODES = {
    "NoSuchBucket": "there is no such bucket",
    "InvalidBucketName": "that is no name of a bucket",
    "AccessDenied": "access is denied",
    "403": "access is denied",
    "InvalidAccessKeyId": "the access key is not known there",
    "SignatureDoesNotMatch": "the secret key does not fit",
    "ExpiredToken": "the token has expired",
    "RequestTimeTooSkewed": "this machine's clock is wrong",
    "PermanentRedirect": "the bucket is in another region, or at another endpoint",
    "301": "the bucket is in another region, or at another endpoint",
}
# What libraries raise, by name: not all of them are installed everywhere.
_KINDS = {
    "NoCredentialsError": "there are no credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
    "`options: {anon: true}`",
    "PartialCredentialsError": "half of the credentials is missing",
    "ParamValidationError": "that is no name of a bucket",
    "EndpointConnectionError": "cannot be reached",
    "HTTPClientError": "its answers are no proper HTTP",
    "ConnectTimeoutError": "does not answer in time",
    "ReadTimeoutError": "does not answer in time",
    "FSTimeoutError": "does not answer in time",
    "ConnectionClosedError": "the connection broke",
    "ClientPayloadError": "the connection broke",
    "IncompleteReadError": "the connection broke",
    "EOFError": "the connection broke",
    "UnicodeDecodeError": "it holds names that are not in the expected encoding (`options: {encoding: …}`)",
}


def code_of(error: BaseException) -> str:
    """The code of an answer of an S3 server that an error comes from; empty where it comes from none."""
    for one in _causes(error):
        response = getattr(one, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
    return ""


def fault_of(error: BaseException, secrets: tuple[str, ...] = ()) -> str:
    """What an error says, on one line, with an ellipsis for each secret."""
    code = code_of(error)
    if code:
        return _CODES.get(code) or f"its server says {hidden(code, secrets)}"
    for one in _causes(error):
        if known := _KINDS.get(type(one).__name__):
            return known
    if isinstance(error, TimeoutError):
        return "does not answer in time"
    if isinstance(error, FileNotFoundError):
        return "there is no such place"
    if isinstance(error, PermissionError):
        return "access is denied"
    if isinstance(error, ConnectionRefusedError):
        return "cannot be reached: connection refused"
    said = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return hidden(said, secrets)


def hidden(text: str, secrets: tuple[str, ...]) -> str:
    """A text of others on one line, cut, without secrets and without the user in an address."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "…")
    line = " ".join(re.sub(r"(?<=://)[^\s/@]*@", "", text).split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    for _ in range(10):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or seen.__context__
