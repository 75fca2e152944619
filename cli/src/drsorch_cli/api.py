"""The API over HTTP: what it refuses is a sentence, and what is lost on the way is asked again."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx

from drsorch_cli import VERSION
from drsorch_cli.outcomes import Exit, Stop

Json = dict[str, Any]

_SECONDS: Final = 60.0
_CONNECT_SECONDS: Final = 10.0
#: Somebody on the way, or drsorch itself, is not ready at the moment.
_LATER: Final = frozenset({429, 502, 503, 504})
_IN_PROGRESS: Final = "urn:drsorch:problem:idempotency-in-progress"
#: Seconds between attempts; after the last, it is given up.
_PAUSES: Final = (0.5, 1, 2, 4, 8)
_LONGEST_PAUSE: Final = 60.0


class Refused(Stop):
    """drsorch said no; `problem` is what it said (RFC 9457)."""

    def __init__(self, status: int, problem: Json) -> None:
        self.status, self.problem = status, problem
        code = Exit.NOT_ALLOWED if status in (401, 403) else Exit.REFUSED
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
        self.url = url.rstrip("/")
        self._sleep = sleep
        self._http = httpx.Client(
            base_url=f"{self.url}/api/v1/",
            headers={"Authorization": f"Bearer {token}", "User-Agent": f"drsorch-cli/{VERSION}"},
            timeout=httpx.Timeout(_SECONDS, connect=_CONNECT_SECONDS),
            # The token is for this address alone.
            follow_redirects=False,
            transport=transport,
        )

    def get(self, path: str, *, once: bool = False, headers: dict[str, str] | None = None, **query: Any) -> Any:
        return self.ask("GET", path, params=query, once=once, headers=headers or {}).json()

    def list(self, path: str, **query: Any) -> Iterator[Json]:
        """Every element of a list, page by page."""
        page = self.get(path, **query)
        while True:
            yield from page["results"]
            if not page["next"]:
                return
            page = self.ask("GET", page["next"]).json()

    def post(self, path: str, body: Json, key: str | None = "", seconds: float = _SECONDS) -> Any:
        """Done once, however often it is sent: the same key goes with every attempt; None for what changes nothing. An
        attempt may take so many seconds."""
        headers = {} if key is None else {"Idempotency-Key": key or str(uuid.uuid4())}
        timeout = httpx.Timeout(seconds, connect=_CONNECT_SECONDS)
        return self.ask("POST", path, json=body, headers=headers, timeout=timeout).json()

    def ask(
        self, method: str, path: str, *, once: bool = False, headers: dict[str, str] | None = None, **request: Any
    ) -> httpx.Response:
        """The answer. Raises `Refused`, or `Unreachable` after a few attempts, with `once` after the first."""
        pauses = iter(() if once else _PAUSES)
        while True:
            wait = 0.0
            try:
                answer = self._http.request(method, path, headers=headers, **request)
            except httpx.TransportError as error:
                trouble = f"{self.url} cannot be reached: {_reason(error)}."
            except (httpx.InvalidURL, ValueError) as error:
                raise Stop(f"{self.url} is not an address: {error}.", Exit.USAGE) from error
            else:
                if answer.is_success or answer.status_code == httpx.codes.NOT_MODIFIED:
                    return answer
                if answer.is_redirect:
                    to = answer.headers.get("Location", "")
                    raise Stop(f"{self.url} redirects to {to}. Use the address of drsorch itself as DRSORCH_URL.")
                problem = _problem(answer)
                if answer.status_code not in _LATER and problem.get("type") != _IN_PROGRESS:
                    raise Refused(answer.status_code, problem)
                trouble = str(problem.get("detail") or f"{self.url} answered {answer.status_code}.")
                wait = _seconds(answer.headers.get("Retry-After", ""))
            pause = next(pauses, None)
            if pause is None:
                raise Unreachable(trouble)
            self._sleep(max(pause, wait))


def _problem(answer: httpx.Response) -> Json:
    try:
        found = answer.json()
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
    return {"detail": f"{answer.url} answered {answer.status_code} {answer.reason_phrase}. Is this a drsorch?"}


def _seconds(header: str) -> float:
    return min(float(header), _LONGEST_PAUSE) if header.isdecimal() else 0.0


def _reason(error: httpx.TransportError) -> str:
    return str(error).rstrip(".") or type(error).__name__
