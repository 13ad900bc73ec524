"""Run `git` with a time limit, and without prompts and the user's settings."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from feeds.config.git_url import TRANSPORTS, GitURL
from feeds.inboxes.base import InboxError
from feeds.inboxes.error_messages import redact_message
from feeds.model.errors import ConfigError

LOCAL_TIMEOUT_SECONDS, REMOTE_TIMEOUT_SECONDS = 120, 300
REMOTE = "inbox"
"""The name of the remote repository in the settings of a command."""


class GitError(InboxError):
    """A git command failed; the text is its own message, without secrets."""


@dataclass(frozen=True, slots=True)
class GitCommand:
    """Runs git in one local bare repository."""

    folder: Path
    address: GitURL

    def run(self, *arguments: str, stdin: bytes = b"", seconds: float = LOCAL_TIMEOUT_SECONDS) -> bytes:
        """Run a command and return its output. Raises GitError when it fails, or takes more than `seconds`.

        The command gets a process group of its own, since git starts other processes, which must end too.
        """
        process = subprocess.Popen(
            ["git", "--git-dir", str(self.folder), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environment(),
            start_new_session=True,
        )
        try:
            output, errors = process.communicate(stdin, timeout=seconds)
        except BaseException as error:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            if isinstance(error, subprocess.TimeoutExpired):
                raise GitError(f"git {arguments[0]} took more than {seconds:.0f} s") from error
            raise
        if process.returncode:
            raise GitError(self._reason(errors.decode(errors="replace")) or f"git {arguments[0]} failed")
        return output

    def _reason(self, errors: str) -> str:
        """Return the line of git's errors that names the cause; its last lines are often general advice."""
        lines = [line.strip() for line in errors.splitlines() if line.strip()]
        causes = [
            line for line in lines if line.startswith(("fatal:", "error:", "ssh:", "Permission", "Host"))
        ]
        line = (causes or lines or [""])[0]
        secrets = (self.address.password, _basic_credentials(self.address))
        return redact_message(line.removeprefix("fatal: ").removeprefix("error: "), secrets)

    def _environment(self) -> dict[str, str]:
        """Return the environment of a command, with all settings: `ps` shows arguments to everybody."""
        settings = {
            "protocol.allow": "never",
            **{f"protocol.{transport}.allow": "always" for transport in TRANSPORTS},
            f"remote.{REMOTE}.url": self.address.url,
            "core.hooksPath": os.devnull,
            "core.askPass": "",
            "core.fsmonitor": "false",
            "credential.helper": "",
            "fetch.recurseSubmodules": "false",
            "fetch.unpackLimit": "1",
            "gc.auto": "0",
            "http.lowSpeedLimit": "1000",
            "http.lowSpeedTime": "30",
            "maintenance.auto": "false",
        }
        if self.address.user or self.address.password:
            settings[f"http.{self.address.url}.extraHeader"] = (
                f"Authorization: Basic {_basic_credentials(self.address)}"
            )
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("GIT_") or name.startswith(("GIT_SSL_", "GIT_SSH"))
        }
        environment |= {
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "",
            "SSH_ASKPASS_REQUIRE": "never",
            "LC_ALL": "C",
            "GIT_CONFIG_COUNT": str(len(settings)),
        }
        environment.setdefault("GIT_SSH_COMMAND", "ssh -o BatchMode=yes -o ConnectTimeout=10")
        for number, (key, value) in enumerate(settings.items()):
            environment[f"GIT_CONFIG_KEY_{number}"] = key
            environment[f"GIT_CONFIG_VALUE_{number}"] = value
        return environment


@cache
def git_version() -> str:
    """Return the version of the installed git. Raises ConfigError when there is none, or it is too old."""
    try:
        output = subprocess.run(["git", "--version"], capture_output=True, check=True, timeout=10).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise ConfigError("git+… needs the program git, which is not installed") from error
    number = "".join(output.decode(errors="replace").split()[2:3])
    numbers = [int(part) for part in number.split(".")[:2] if part.isdigit()]
    if numbers < [2, 31]:  # older versions read no settings from the environment
        raise ConfigError(f"git+… needs git 2.31 or newer, not {number}")
    return f"git {number}"


def _basic_credentials(address: GitURL) -> str:
    """Encode user and password for the Authorization header (RFC 7617)."""
    return base64.b64encode(f"{address.user}:{address.password}".encode()).decode()
