"""The API over HTTP: what it refuses is a sentence, and what is lost on the way is asked again."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable
from typing import Any, Final

import httpx

from drsorch_cli import VERSION
from drsorch_cli.outcomes import Exit, Stop

Json = dict[str, Any]

_SECONDS: Final = 60.0
_CONNECT_SECONDS: Final = 10.0
#: The first request with the same key is still being worked on: its answer is waited for, this long at a time, and
#: not so long that drsorch takes it for dead, which it does after two minutes.
_IN_PROGRESS: Final = "urn:drsorch:problem:idempotency-in-progress"
_IN_PROGRESS_PAUSE: Final = 2.0
_IN_PROGRESS_LOOKS: Final = 25
_TWO_PERSONS: Final = "urn:drsorch:problem:two-persons"
#: Seconds between attempts; after the last, it is given up.
_PAUSES: Final = (0.5, 1, 2, 4, 8)
_LONGEST_PAUSE: Final = 60.0


class Refused(Stop):
    """drsorch said no; `problem` is what it said (RFC 9457)."""

    def __init__(self, status: int, problem: Json) -> None:
        self.status, self.problem = status, problem
        code = Exit.NOT_ALLOWED if status in (401, 403) else Exit.REFUSED
        if problem.get("type") == _TWO_PERSONS:
            code = Exit.SECOND_PERSON
        super().__init__(problem.get("detail") or problem.get("title") or f"drsorch answered {status}.", code)

    @property
    def errors(self) -> list[Json]:
        found: list[Json] = self.problem.get("errors") or []
        return found


class Unreachable(Stop):
    """No answer, or one that says: later."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, Exit.UNREACHABLE)


class Client:
    """`Client("https://drsorch.example.com", token)`; paths are below /api/v1/."""

    def __init__(
        self, url: str, token: str, *,
        sleep: Callable[[float], None] = time.sleep, transport: httpx.BaseTransport | None = None,
    ) -> None:  # fmt: skip
        _check(url, token)
        self.url = url.rstrip("/")
        self._sleep = sleep
        try:
            self._http = httpx.Client(
                base_url=f"{self.url}/api/v1/",
                headers={"Authorization": f"Bearer {token}", "User-Agent": f"drsorch-cli/{VERSION}"},
                timeout=httpx.Timeout(_SECONDS, connect=_CONNECT_SECONDS),
                # The token is for this address alone.
                follow_redirects=False,
                transport=transport,
            )
        except (OSError, ValueError, ImportError, httpx.InvalidURL) as error:
            raise Stop(f"Check HTTPS_PROXY and SSL_CERT_FILE, which cannot be used: {error}.", Exit.USAGE) from error

    def get(self, path: str, **query: Any) -> Any:
        return said(self.ask("GET", path, params=query))

    def post(self, path: str, body: Json, key: str | None = "", seconds: float = _SECONDS) -> Any:
        """Done once, however often it is sent: the same key goes with every attempt; None for what changes nothing. An
        attempt may take so many seconds."""
        headers = {} if key is None else {"Idempotency-Key": key or str(uuid.uuid4())}
        timeout = httpx.Timeout(seconds, connect=_CONNECT_SECONDS)
        answer = self.ask("POST", path, json=body, headers=headers, timeout=timeout)
        if answer.status_code == httpx.codes.ACCEPTED:
            title = said(answer).get("title") or "it"
            raise Stop(f"Proposed, and not done yet: {title}. A second person has to agree to it.", Exit.SECOND_PERSON)
        return said(answer)

    def ask(
        self, method: str, path: str, *, once: bool = False, headers: dict[str, str] | None = None, **request: Any
    ) -> httpx.Response:
        """The answer. Raises `Refused`, or `Unreachable` after a few attempts, with `once` after the first."""
        pauses, looks = iter(() if once else _PAUSES), 0
        while True:
            wait = 0.0
            try:
                answer = self._http.request(method, path, headers=headers, **request)
            except httpx.RequestError as error:
                trouble = f"{self.url} cannot be reached: {_reason(error)}."
            else:
                if answer.is_success or answer.status_code == httpx.codes.NOT_MODIFIED:
                    return answer
                if answer.is_redirect:
                    to = answer.headers.get("Location", "")
                    raise Stop(f"{self.url} redirects to {to}. Use the address of drsorch itself as DRSORCH_URL.")
                problem = _problem(answer)
                trouble = str(problem.get("detail") or f"{self.url} answered {answer.status_code}.")
                wait = _seconds(answer.headers.get("Retry-After", ""))
                if problem.get("type") == _IN_PROGRESS and looks < _IN_PROGRESS_LOOKS:
                    looks += 1
                    self._sleep(max(_IN_PROGRESS_PAUSE, wait))
                    continue
                # A fault of its own may be a database that is just being replaced.
                if answer.status_code < 500 and answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
                    raise Refused(answer.status_code, problem)
            pause = next(pauses, None)
            if pause is None:
                raise Unreachable(trouble)
            self._sleep(max(pause, wait))


def _check(url: str, token: str) -> None:
    """Raise `Stop` for what would go wrong on the way, with a message that might show it."""
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        address = httpx.URL()
    if address.scheme not in ("http", "https") or not address.host or address.userinfo:
        raise Stop(
            "The address of drsorch must look like https://drsorch.example.com, without a name or password.", Exit.USAGE
        )
    if not (token.isascii() and token.isprintable()):
        raise Stop("The API token has characters in it that no token has. Copy it again.", Exit.NOT_ALLOWED)


def said(answer: httpx.Response) -> Any:
    """What an answer says. Raises `Stop` for a page, such as that of a proxy which asks to sign in."""
    try:
        return answer.json()
    except ValueError as error:
        raise Stop(f"{answer.url} answered something else than JSON. Is this a drsorch?") from error


def _problem(answer: httpx.Response) -> Json:
    with contextlib.suppress(ValueError):
        if isinstance(found := answer.json(), dict):
            return found
    return {"detail": f"{answer.url} answered {answer.status_code} {answer.reason_phrase}. Is this a drsorch?"}


def _seconds(header: str) -> float:
    return min(float(header), _LONGEST_PAUSE) if header.isdecimal() else 0.0


def _reason(error: httpx.RequestError) -> str:
    return str(error).rstrip(".") or type(error).__name__
