"""What the provider answers is read within bounds, and nowhere is asked that an issuer must not lead to. No network."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest

from access.identity import discovery
from access.identity.discovery import CodeRefused, ProviderFails
from drsorch.observing.logging import without_secrets
from foundation.outside.asking import Answer

ISSUER = "https://id.example.com"
DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/keys",
}
Asked = list[tuple[str, str, dict[str, list[str]], dict[str, str]]]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Callable[..., Asked]:
    """`answers({address: Answer or JSON})`: what is asked from now on."""
    settings.DRSORCH_OIDC_ISSUER, settings.DRSORCH_OIDC_CLIENT_ID = ISSUER, "drsorch"
    settings.DRSORCH_OIDC_CLIENT_SECRET = "hush~"

    def given(pages: dict[str, Any]) -> Asked:
        discovery.forget()
        asked: Asked = []

        def ask(
            method: str, url: str, *, seconds: float, most_bytes: int, body: Any, headers: Any, named: bool
        ) -> Answer:
            assert (seconds, most_bytes) == (10, 512 * 1024 + 1)
            asked.append((method, url, parse_qs((body or b"").decode()), dict(headers or {})))
            page = pages[url]
            return page if isinstance(page, Answer) else Answer(200, json.dumps(page).encode())

        monkeypatch.setattr(discovery, "ask", ask)
        return asked

    return given


def well_known(**changes: Any) -> dict[str, Any]:
    return {f"{ISSUER}{discovery.WELL_KNOWN}": {**DOCUMENT, **changes}}


def test_what_the_provider_offers_is_asked_for_once(answers: Any) -> None:
    asked = answers(well_known())
    assert discovery.configuration()["token_endpoint"] == f"{ISSUER}/token"
    discovery.configuration()
    assert [url for _, url, _, _ in asked] == [f"{ISSUER}{discovery.WELL_KNOWN}"]


def test_for_a_provider_that_does_not_answer_one_at_a_time_waits(answers: Any) -> None:
    """Each of them may wait for ten seconds, and the threads that are left let people in who sign in locally."""
    down = answers({f"{ISSUER}{discovery.WELL_KNOWN}": Answer(503, b"")})
    for asked in (1, 2):
        with pytest.raises(ProviderFails, match="the answer is 503"):
            discovery.configuration()
        assert len(down) == asked
    with discovery._waiting, pytest.raises(ProviderFails, match="the answer is 503"):  # another one waits
        discovery.configuration()
    assert len(down) == 2
    with pytest.raises(ProviderFails):
        discovery.configuration()
    assert len(down) == 3, "and when that is over, the next one asks"


def test_keys_are_asked_for_anew_but_not_by_every_token(answers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answers({**well_known(), DOCUMENT["jwks_uri"]: {"keys": [{"kid": "1"}]}})
    for _ in range(3):
        assert discovery.keys(anew=True) == [{"kid": "1"}]
    assert len(asked) == 2
    monkeypatch.setattr(discovery, "ANEW_SECONDS", 0)
    discovery.keys(anew=True)
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"issuer": "https://other.example.com"}, "calls itself"),
        ({"issuer": None}, "calls itself"),
        ({"token_endpoint": None}, "names no token_endpoint"),
        ({"token_endpoint": ""}, "names no token_endpoint"),
        ({"jwks_uri": "file:///etc/passwd"}, "names no jwks_uri"),
        ({"jwks_uri": "http://id.example.com/keys"}, "not HTTPS"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "names no authorization_endpoint"),
    ],
)
def test_a_document_that_is_wrong_is_not_followed(answers: Any, changes: dict[str, Any], why: str) -> None:
    answers(well_known(**changes))
    with pytest.raises(ProviderFails, match=why):
        discovery.configuration()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(200, b"x" * (512 * 1024 + 1)), "more than 524,288 bytes"),
        (Answer(200, b"<html>"), "not a JSON object"),
        (Answer(200, b"[]"), "not a JSON object"),
        (Answer(200, b"[" * 100_000), "not a JSON object"),
        (Answer(302, b""), "the answer is 302"),
        (Answer(500, b"oops"), "the answer is 500"),
    ],
)
def test_an_answer_that_is_none_fails_in_a_sentence(answers: Any, answer: Answer, why: str) -> None:
    answers({f"{ISSUER}{discovery.WELL_KNOWN}": answer})
    with pytest.raises(ProviderFails, match=why):
        discovery.configuration()


@pytest.mark.parametrize("keys", [{}, {"keys": {}}, {"keys": ["x"]}])
def test_keys_that_are_none_fail(answers: Any, keys: Any) -> None:
    answers({**well_known(), DOCUMENT["jwks_uri"]: keys})
    with pytest.raises(ProviderFails, match="does not list keys"):
        discovery.keys()


@pytest.mark.parametrize("address", ["http://169.254.169.254/keys", "http://[fd00:ec2::254]/keys"])
def test_a_provider_cannot_have_a_metadata_service_asked(settings: Any, address: str) -> None:
    """The real client refuses it before it connects."""
    with pytest.raises(ProviderFails, match="always refused"):
        discovery._document(address)


def test_a_provider_cannot_have_this_machine_asked_unless_it_stands_there(settings: Any) -> None:
    settings.DRSORCH_OUTBOUND_ALLOW, settings.DRSORCH_OIDC_ISSUER = (), "http://localhost:9"
    with pytest.raises(ProviderFails, match="refused unless"):
        discovery._document("http://127.0.0.1:9/keys")
    with pytest.raises(ProviderFails, match="did not answer"):
        discovery._document("http://localhost:9/keys")


@pytest.mark.parametrize(
    ("offered", "header"),
    [
        (None, True),
        (["client_secret_basic"], True),
        (["client_secret_post", "client_secret_basic"], True),
        (["client_secret_post"], False),
    ],
)
def test_the_secret_is_sent_as_the_provider_takes_it(answers: Any, offered: Any, header: bool) -> None:
    found = {} if offered is None else {"token_endpoint_auth_methods_supported": offered}
    asked = answers({**well_known(**found), DOCUMENT["token_endpoint"]: {"id_token": "x"}})
    discovery.tokens_for("code", redirect_uri="https://dr.example.com/", code_verifier="v")
    _, _, form, headers = asked[-1]
    assert (form["code"], form["code_verifier"], form["grant_type"]) == (["code"], ["v"], ["authorization_code"])
    assert ("Authorization" in headers, "client_secret" in form) == (header, not header)


def test_without_a_secret_none_is_sent(answers: Any, settings: Any) -> None:
    settings.DRSORCH_OIDC_CLIENT_SECRET = ""
    asked = answers({**well_known(), DOCUMENT["token_endpoint"]: {"id_token": "x"}})
    discovery.tokens_for("code", redirect_uri="https://dr.example.com/", code_verifier="v")
    assert ("Authorization" in asked[-1][3], asked[-1][2]["client_id"]) == (False, ["drsorch"])
    assert "client_secret" not in asked[-1][2]


def test_a_code_that_is_not_good_is_told_from_a_provider_that_fails(answers: Any) -> None:
    refusal = {"error": "invalid_grant", "error_description": "The code is used up."}
    answers({**well_known(), DOCUMENT["token_endpoint"]: Answer(400, json.dumps(refusal).encode())})
    with pytest.raises(CodeRefused, match="invalid_grant: The code is used up") as refused:
        discovery.tokens_for("code", redirect_uri="https://dr.example.com/", code_verifier="v")
    assert without_secrets(str(refused.value)) == str(refused.value), "nothing of it looks secret to the log"
