"""An S3 server in a process of its own, which writes down what it was asked."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.parse import quote

import requests

from tests.support.places import eventually, free_port

_numbers = count(1)
_SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=AKIAHARBOUR/20260301/us-east-1/s3/aws4_request"}


@dataclass(slots=True)
class S3Server:
    """Moto's server on 127.0.0.1: it speaks HTTP as Amazon's do, signatures are not checked."""

    log: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What points the usual libraries at it."""
        return {
            "AWS_ACCESS_KEY_ID": "AKIAHARBOUR",
            "AWS_SECRET_ACCESS_KEY": "very-secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.endpoint,
        }

    def bucket(self) -> str:
        """A new bucket's name."""
        name = f"bucket-{next(_numbers)}"
        requests.put(f"{self.endpoint}/{name}", timeout=10).raise_for_status()
        return name

    def put(self, bucket: str, key: str, data: str | bytes) -> None:
        address = f"{self.endpoint}/{bucket}/{quote(key, safe='/')}"
        body = data.encode() if isinstance(data, str) else data
        requests.put(address, data=body, headers=_SIGNED, timeout=10).raise_for_status()

    def remove(self, bucket: str, key: str) -> None:
        address = f"{self.endpoint}/{bucket}/{quote(key, safe='/')}"
        requests.delete(address, headers=_SIGNED, timeout=10).raise_for_status()

    def asked(self, bucket: str) -> list[str]:
        """What was read of a bucket since the last look: `list`, or the keys of objects."""
        plain = re.sub(r"\x1b\[[\d;]*m", "", self.log.read_text())
        found = re.findall(rf'"(?:GET|HEAD) /{bucket}/?([^? ]*)(\?list-type=2)?\S* HTTP', plain)
        self.log.write_text("")
        return ["list" if listing else key for key, listing in found]


@contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    port, log = free_port(), folder / "s3.log"
    with log.open("ab") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=subprocess.DEVNULL,
            stderr=written,
        )
    server = S3Server(log, port, process)
    try:
        eventually(lambda: _answers(server), 60, "the S3 server")
        yield server
    finally:
        process.kill()
        process.wait()


def _answers(server: S3Server) -> bool:
    assert server.process.poll() is None, server.log.read_text()
    try:
        return requests.get(server.endpoint, timeout=5).ok
    except requests.ConnectionError:
        return False
