"""What gunicorn cannot read is answered as everything else of the API: with a problem."""

from __future__ import annotations

import json
import logging
import socket

import pytest
from gunicorn.http.errors import InvalidRequestMethod, LimitRequestHeaders, LimitRequestLine

from drsorch.serving import LINE_BYTES, Worker


@pytest.mark.parametrize(
    ("error", "status", "type_"),
    [
        (LimitRequestLine(9000, LINE_BYTES), 414, "uri-too-long"),
        (LimitRequestHeaders("limit request headers fields size"), 431, "headers-too-large"),
        (InvalidRequestMethod("G\x00T"), 400, "bad-request"),
    ],
)
def test_a_request_that_is_none_gets_a_problem(error: Exception, status: int, type_: str) -> None:
    worker = Worker.__new__(Worker)
    worker.log = logging.getLogger(__name__)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        worker.handle_error(None, ours, ("192.0.2.7", 4711), error)
        ours.shutdown(socket.SHUT_WR)
        head, _, body = theirs.makefile("rb").read().partition(b"\r\n\r\n")
    first, *headers = head.decode().split("\r\n")
    assert first.startswith(f"HTTP/1.1 {status} ")
    assert "Content-Type: application/problem+json" in headers
    assert f"Content-Length: {len(body)}" in headers
    assert json.loads(body)["type"] == f"urn:drsorch:problem:{type_}"
    assert json.loads(body)["detail"]
