"""A passkey that signs in alone: what its device says of the person counts, not what it was asked for."""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from typing import Any

import pytest
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.people import PASSWORD

pytestmark = [pytest.mark.any_database, pytest.mark.django_db]

NAME = b"one key"
#: https://www.w3.org/TR/webauthn-3/#authdata-flags
TOUCHED, ASKED_FOR_A_PIN, CREDENTIAL = 0x01, 0x04, 0x40


class SecurityKey:
    """A key without a PIN, or with one: it is touched, and says whether it asked for more."""

    def __init__(self, user: User) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._user = user
        where = self._key.public_key().public_numbers()
        x, y = where.x.to_bytes(32, "big"), where.y.to_bytes(32, "big")
        # CBOR, as WebAuthn writes it: a key for ES256, and an attestation of the format "none".
        public = b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20" + x + b"\x22\x58\x20" + y
        data = said(TOUCHED | CREDENTIAL) + bytes(16) + len(NAME).to_bytes(2, "big") + NAME + public
        attested = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58" + bytes([len(data)]) + data
        made = {"clientDataJSON": text(client_data("webauthn.create", "")), "attestationObject": text(attested)}
        Authenticator.objects.create(user=user, type="webauthn", data={"name": "key", "credential": self._sent(made)})

    def _sent(self, response: dict[str, Any]) -> dict[str, Any]:
        return {"id": text(NAME), "rawId": text(NAME), "type": "public-key", "response": response,
                "clientExtensionResults": {}}  # fmt: skip

    def answers(self, challenge: str, *, asked_for_a_pin: bool) -> str:
        """The answer to a challenge, as the browser sends it."""
        data = said(TOUCHED | ASKED_FOR_A_PIN if asked_for_a_pin else TOUCHED)
        client = client_data("webauthn.get", challenge)
        signature = self._key.sign(data + sha256(client).digest(), ec.ECDSA(SHA256()))
        return json.dumps(self._sent({
            "authenticatorData": text(data), "clientDataJSON": text(client), "signature": text(signature),
            "userHandle": text(user_pk_to_url_str(self._user).encode()),
        }))  # fmt: skip


def said(flags: int) -> bytes:
    """What a key says of itself: for which site, what happened, and how often it was used."""
    return sha256(b"testserver").digest() + bytes([flags]) + bytes(4)


def client_data(type: str, challenge: str) -> bytes:
    return json.dumps({"type": type, "challenge": challenge, "origin": "https://testserver"}).encode()


def text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def challenge_of_a_second_step(browser: Client, username: str) -> str:
    """That of the page after the password, which need not ask for a PIN: the password was asked for."""
    browser.post("/accounts/login/", {"login": username, "password": PASSWORD}, secure=True)
    page = browser.get("/accounts/2fa/authenticate/", secure=True)
    return str(page.context["js_data"]["request_options"]["publicKey"]["challenge"])


def alone(browser: Client, answer: str) -> bool:
    """Whether the key alone lets in, on the page for that."""
    browser.post("/accounts/2fa/webauthn/login/", {"credential": answer}, secure=True)
    return browser.get("/api/v1/me/", secure=True).status_code == 200


@pytest.mark.parametrize("asked_for_a_pin", [True, False])
def test_a_key_that_was_only_touched_lets_nobody_in_alone(dana: User, omar: User, asked_for_a_pin: bool) -> None:
    """Omar has his own password, and found Dana's key."""
    key, browser = SecurityKey(dana), Client()
    Authenticator.objects.create(user=omar, type="totp", data={"secret": "JBSWY3DPEHPK3PXP"})
    challenge = challenge_of_a_second_step(browser, "omar")
    browser.get("/accounts/signup/", secure=True)  # his own sign-in is given up, and its challenge is still good
    assert alone(browser, key.answers(challenge, asked_for_a_pin=asked_for_a_pin)) is asked_for_a_pin


def test_a_key_that_was_only_touched_is_a_second_factor(dana: User) -> None:
    key, browser = SecurityKey(dana), Client()
    answer = key.answers(challenge_of_a_second_step(browser, "dana"), asked_for_a_pin=False)
    browser.post("/accounts/2fa/authenticate/", {"credential": answer}, secure=True)
    assert browser.get("/api/v1/me/", secure=True).json()["username"] == "dana"


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "null",
        "[" * 100_000,
        "1",
        "[]",
        "{}",
        '{"id": "a"}',
        '{"rawId": "a", "response": []}',
        '{"id": 1, "rawId": 1}',
    ],
)
def test_what_is_no_answer_of_a_key_is_a_wrong_one(db: None, sent: str) -> None:
    answer = Client().post("/accounts/2fa/webauthn/login/", {"credential": sent}, secure=True)
    assert answer["Location"] == "/accounts/login/"
