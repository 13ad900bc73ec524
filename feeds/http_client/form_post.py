"""Post a form to a server, and read nothing of its answer but the status and when to come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import requests

from feeds import __version__
from feeds.model.errors import FeedsError


class PostError(FeedsError):
    """No answer came; the text is the reason."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered."""

    status: int
    reason: str
    """The words beside the status."""
    retry_after: str
    """The header Retry-After as it was sent; empty where there is none."""


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Nowhere: requests would read the whole body of a redirect, to prepare what it is not to do."""


def post_form(address: str, form: Mapping[str, str], *, connect: float, silence: float) -> Reply:
    """Post a form, and follow no redirect. Raises PostError.

    `connect` is how many seconds a connection may take, `silence` how many may pass without a byte.
    """
    agent = {"User-Agent": f"feeds/{__version__}"}
    try:
        # stream: the status is all that counts, whatever and however slowly the server goes on to say.
        with (
            _Session() as session,
            session.post(
                address,
                data=form,
                headers=agent,
                timeout=(connect, silence),
                allow_redirects=False,
                stream=True,
            ) as answer,
        ):
            return Reply(answer.status_code, answer.reason, answer.headers.get("Retry-After", ""))
    except requests.Timeout:
        raise PostError("it did not answer in time") from None
    except requests.ConnectionError:  # its text is a chain of Python objects
        raise PostError("it cannot be reached") from None
    except (requests.RequestException, ValueError) as error:
        raise PostError(f"{type(error).__name__}: {error}") from None
