"""Whose request it is: behind any number of proxies, and while debugging."""

from __future__ import annotations

import pytest
from django.conf import settings as django_settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpResponse
from django.test import Client, RequestFactory

from drsorch.observing.requests import OneLine
from drsorch.requests import LONGEST_BODIES, LONGEST_BODY, BoundedBody, ClientAddress, DebugOnThisMachine
from reports.verifying import MAX_BYTES
from tests.factories.people import make_user
from tests.logs import logged


@pytest.mark.parametrize(
    ("proxies", "header", "address"),
    [
        (0, "203.0.113.9", "192.0.2.1"),
        (0, None, "192.0.2.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "198.51.100.7, 203.0.113.9", "203.0.113.9"),
        (2, "198.51.100.7, 203.0.113.9", "198.51.100.7"),
        (2, "10.9.9.9, 198.51.100.7,203.0.113.9", "198.51.100.7"),
        (2, "203.0.113.9", "192.0.2.1"),
        (2, None, "192.0.2.1"),
        (1, "unknown", "192.0.2.1"),
        (1, "", "192.0.2.1"),
        (1, "203.0.113.9:51234", "203.0.113.9"),
        (1, "2001:db8::7", "2001:db8::7"),
        (1, "[2001:db8::7]:51234", "2001:db8::7"),
        (1, "[2001:db8::7", "2001:db8::7"),
    ],
)
def test_the_client_is_the_nth_from_the_right(settings, proxies, header, address):
    settings.TRUSTED_PROXIES = proxies
    headers = {} if header is None else {"HTTP_X_FORWARDED_FOR": header}
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", **headers)
    ClientAddress(lambda request: HttpResponse())(request)
    assert request.META["REMOTE_ADDR"] == address
    assert "HTTP_X_FORWARDED_FOR" not in request.META


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "Client-IP", "True-Client-IP"])
def test_no_header_of_the_client_gets_into_the_log_as_its_address(header):
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", headers={header: "203.0.113.9"})
    with logged() as lines:
        OneLine(ClientAddress(lambda request: HttpResponse()))(request)
    assert lines.one("request")["ip"] == "192.0.2.1"


@pytest.mark.django_db
@pytest.mark.parametrize("proxies", [1, 2, 3])
def test_behind_several_proxies_one_who_guesses_locks_nobody_else_out(settings, proxies):
    settings.TRUSTED_PROXIES = proxies
    make_user("dana", "recovery manager")

    def sign_in(address, name, password):
        # Each proxy appends the address that asked it; the client makes one up before that.
        seen = ["10.0.0.9", address, *(f"192.0.2.{number}" for number in range(1, proxies))]
        client = Client(REMOTE_ADDR=f"192.0.2.{proxies}", headers={"X-Forwarded-For": ", ".join(seen)})
        return client.post("/accounts/login/", {"login": name, "password": password})

    for number in range(40):
        sign_in("203.0.113.66", f"nobody{number}", "wrong")
    assert sign_in("203.0.113.66", "dana", "correct horse battery staple").status_code != 302
    assert sign_in("198.51.100.7", "dana", "correct horse battery staple").status_code == 302


@pytest.mark.django_db
@pytest.mark.parametrize("proxies", [0, 1, 2])
def test_who_makes_up_another_address_for_each_try_is_stopped_all_the_same(settings, proxies):
    """What stands before the entries of our own proxies, and the whole header without any, is the client's to write."""
    settings.TRUSTED_PROXIES = proxies

    def guess(number):
        seen = [f"10.0.0.{number}", *["203.0.113.66", "192.0.2.1"][:proxies]]
        client = Client(REMOTE_ADDR="203.0.113.66" if not proxies else "192.0.2.9",
                        headers={"X-Forwarded-For": ", ".join(seen), "X-Real-IP": f"10.0.0.{number}"})  # fmt: skip
        return client.post("/accounts/login/", {"login": f"nobody{number}", "password": "wrong"})

    said = ["Too many attempts" in guess(number).content.decode() for number in range(12)]
    assert said == [False] * 10 + [True] * 2


@pytest.mark.parametrize(("address", "status"), [("127.0.0.1", 200), ("::1", 200), ("192.0.2.1", 403), ("", 403)])
def test_while_debugging_only_its_own_machine_is_answered(settings, address, status):
    settings.DEBUG = True
    answer = DebugOnThisMachine(lambda request: HttpResponse())(RequestFactory().get("/", REMOTE_ADDR=address))
    assert answer.status_code == status


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "Via"])
def test_while_debugging_nobody_behind_a_proxy_of_this_machine_is_answered(settings, header):
    settings.DEBUG = True
    request = RequestFactory().get("/", headers={header: "203.0.113.9"})
    assert ClientAddress(DebugOnThisMachine(lambda request: HttpResponse()))(request).status_code == 403


def test_otherwise_everybody_is(settings):
    with pytest.raises(MiddlewareNotUsed):
        DebugOnThisMachine(lambda request: HttpResponse())


@pytest.mark.parametrize(
    ("path", "length", "status"),
    [
        ("/accounts/login/", "", 200),
        ("/accounts/login/", str(LONGEST_BODY), 200),
        ("/accounts/login/", str(LONGEST_BODY + 1), 413),
        ("/accounts/login/", "99999999999999999999", 413),
        ("/accounts/login/", "-1", 413),
        ("/accounts/login/", "²", 413),
        ("/api/v1/plans/", str(LONGEST_BODY + 1), 413),
        ("/verify/", str(LONGEST_BODIES["/verify/"]), 200),
        ("/verify/", str(LONGEST_BODIES["/verify/"] + 1), 413),
        ("/verify/more", str(LONGEST_BODIES["/verify/"]), 413),
    ],
)
def test_a_body_that_is_too_large_is_refused_before_it_is_read(path, length, status):
    class Unread:
        def read(self, *args):
            raise AssertionError("It was read.")

    request = RequestFactory().post(path)
    request.META.update({"CONTENT_LENGTH": length, "wsgi.input": Unread()})
    answer = BoundedBody(lambda request: HttpResponse())(request)
    assert answer.status_code == status
    if status == 413:
        assert b"Nothing was saved." in answer.content
        assert (answer.headers["Content-Type"] == "application/problem+json") is path.startswith("/api/")


def test_a_body_without_a_length_is_refused_and_not_taken_for_an_empty_one():
    def never(request):
        raise AssertionError("It was taken.")

    for path, kind in (("/api/v1/plans/7/", "application/problem+json"), ("/accounts/login/", "text/plain")):
        request = RequestFactory().patch(path, headers={"transfer-encoding": "chunked"})
        request.META.pop("CONTENT_LENGTH", None)
        answer = BoundedBody(never)(request)
        assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (411, kind)
        assert b"Content-Length" in answer.content


def test_what_is_taken_where_files_come_in_is_not_refused_before():
    assert LONGEST_BODIES["/verify/"] > MAX_BYTES
    assert 2 * django_settings.DATA_UPLOAD_MAX_MEMORY_SIZE < LONGEST_BODY
