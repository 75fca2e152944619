"""What an ID token must be, and what is read of it: keys and tokens made here, no network, no database."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from functools import cache
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from access.identity.claims import GroupsLeftOut, groups_of, is_reserved, methods_of, personal, username_of
from access.identity.id_tokens import BadToken, UnknownKey, signed_in_at, verified

ISSUER, CLIENT = "https://id.example.com", "drsorch"


@cache
def rsa_key(name: str = "1") -> Any:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def ec_key() -> Any:
    return ec.generate_private_key(ec.SECP256R1())


def shown(**more: Any) -> dict[str, Any]:
    return {**json.loads(RSAAlgorithm.to_jwk(rsa_key().public_key())), "kid": "1", "use": "sig", "alg": "RS256", **more}


def token(key: Any = None, alg: str = "RS256", headers: Any = None, **changes: Any) -> str:
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": CLIENT, "sub": "u-1", "nonce": "n", "iat": now, "exp": now + 300, **changes}
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key or rsa_key(), alg, {"kid": "1"} if headers is None else headers)


def read(text: str, keys: Any = None, access_token: str = "") -> dict[str, Any]:
    return verified(
        text, [shown()] if keys is None else keys, issuer=ISSUER, client_id=CLIENT, nonce="n", access_token=access_token
    )


def half(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).rstrip(b"=").decode()


def test_a_token_that_is_right_is_believed() -> None:
    assert read(token())["sub"] == "u-1"
    assert read(token(aud=[CLIENT]))["sub"] == "u-1"
    assert read(token(aud=[CLIENT, "other"], azp=CLIENT))["sub"] == "u-1"
    assert read(token(at_hash=half("secret")), access_token="secret")["sub"] == "u-1"
    assert read(token(exp=int(time.time()) - 30))["sub"] == "u-1", "clocks differ a little"


def test_a_token_signed_on_an_elliptic_curve_is_believed() -> None:
    keys = [{**json.loads(ECAlgorithm.to_jwk(ec_key().public_key())), "kid": "1"}]
    assert read(token(ec_key(), "ES256"), keys)["sub"] == "u-1"


def test_without_a_name_the_only_key_is_meant() -> None:
    assert read(token(headers={}))["sub"] == "u-1"
    with pytest.raises(UnknownKey):
        read(token(headers={}), [shown(), shown(kid="2")])


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"aud": "other"}, "Audience"),
        ({"aud": ["other"]}, "Audience"),
        ({"aud": None}, "aud"),
        ({"aud": [CLIENT, "other"]}, "azp"),
        ({"azp": "other"}, "azp"),
        ({"iss": "https://id.example.com/"}, "issuer"),
        ({"iss": None}, "iss"),
        ({"exp": 1}, "expired"),
        ({"exp": None}, "exp"),
        ({"iat": int(time.time()) + 3600}, "iat"),
        ({"iat": None}, "iat"),
        ({"nbf": int(time.time()) + 3600}, "nbf"),
        ({"nonce": "m"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"nonce": ""}, "nonce"),
        ({"sub": None}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sub": "u" * 192}, "sub"),
        ({"sub": "u\0"}, "sub"),
        ({"sub": "u\ud800"}, "sub"),
    ],
)
def test_a_claim_that_is_wrong_or_missing_is_a_bad_token(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(BadToken, match=why):
        read(token(**changes))


def test_a_number_is_nobody() -> None:
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": CLIENT, "sub": 7, "nonce": "n", "iat": now, "exp": now + 300}
    body = ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in ({"alg": "RS256", "kid": "1"}, claims)
    )
    signature = RSAAlgorithm(RSAAlgorithm.SHA256).sign(body.encode(), rsa_key())
    with pytest.raises(BadToken):
        read(f"{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}")


def test_another_access_token_was_not_meant() -> None:
    with pytest.raises(BadToken, match="at_hash"):
        read(token(at_hash=half("secret")), access_token="stolen")


@pytest.mark.parametrize("text", ["", "a", "a.b.c", "a.b.c.d.e", "e30.e30.", "\0"])
def test_what_is_no_token_is_a_bad_one(text: str) -> None:
    with pytest.raises(BadToken):
        read(text)


def test_who_can_sign_with_anything_else_than_the_providers_key_proves_nothing() -> None:
    with pytest.raises(BadToken, match="proves nothing"):
        read(jwt.encode({"sub": "u-1"}, "", "none", {"kid": "1"}))
    with pytest.raises(BadToken, match="proves nothing"):
        read(token("a secret that both sides know, of the right length", "HS256"))
    with pytest.raises(BadToken, match="Signature"):
        read(token(rsa_key("another")))
    with pytest.raises(UnknownKey):
        read(token(headers={"kid": "2"}))
    with pytest.raises(UnknownKey):
        read(token(), [shown(use="enc")])
    with pytest.raises(UnknownKey):
        read(token(), [shown(alg="RS512")])
    with pytest.raises(BadToken):
        read(token(), [{"kid": "1", "kty": "RSA"}])
    with pytest.raises(BadToken):
        read(token(), [{"kid": "1", "kty": "oct", "k": "c2VjcmV0"}])


def test_when_a_person_signed_in_there_is_said_by_auth_time_alone() -> None:
    assert signed_in_at({"auth_time": 940}, 1000) == 940
    assert signed_in_at({"auth_time": 1030}, 1000) == 1000, "clocks differ a little"
    assert signed_in_at({"iat": 1000}, 1000) is None
    assert signed_in_at({"auth_time": True}, 1000) is None
    assert signed_in_at({"auth_time": "1000"}, 1000) is None


@pytest.mark.parametrize(
    ("claims", "name", "groups"),
    [
        ({"groups": ["b", "a", "a"]}, "groups", ["a", "b"]),
        ({"cognito:groups": ["dr"]}, "cognito:groups", ["dr"]),
        ({"groups": "dr"}, "groups", ["dr"]),
        ({"https://example.com/groups": ["dr"]}, "https://example.com/groups", ["dr"]),
        ({"realm_access": {"roles": ["dr"]}}, "realm_access.roles", ["dr"]),
        ({"realm_access": ["dr"]}, "realm_access.roles", []),
        ({}, "groups", []),
        ({"groups": None}, "groups", []),
        ({"groups": {"dr": True}}, "groups", []),
        ({"groups": [7, None, "", "x" * 256, ["dr"], "/dr/ops"]}, "groups", ["/dr/ops"]),
        ({"groups": 7}, "groups", []),
        ({"groups": ["d\0r", "\ud800", "dr"]}, "groups", ["dr"]),
    ],
)
def test_groups_are_what_the_claim_names(claims: dict[str, Any], name: str, groups: list[str]) -> None:
    assert groups_of(claims, name) == groups


@pytest.mark.parametrize("claims", [{"_claim_names": {"groups": "src1"}}, {"hasgroups": True}])
def test_groups_that_were_left_out_are_not_no_groups(claims: dict[str, Any]) -> None:
    with pytest.raises(GroupsLeftOut):
        groups_of(claims, "groups")


def test_other_claims_that_are_elsewhere_do_not_matter() -> None:
    assert groups_of({"_claim_names": {"address": "src1"}, "groups": ["dr"]}, "groups") == ["dr"]


@pytest.mark.parametrize(
    ("claims", "username"),
    [
        ({"preferred_username": "omar", "email": "o@example.com", "sub": "1"}, "omar"),
        ({"preferred_username": "Omar Operator", "sub": "1"}, "Omar_Operator"),
        ({"preferred_username": " ", "email": "o@example.com", "sub": "1"}, "o@example.com"),
        ({"preferred_username": 7, "cognito:username": "omar", "sub": "1"}, "omar"),
        ({"preferred_username": "<>", "sub": "1"}, "1"),
        ({"sub": "auth0|1"}, "auth0_1"),
        ({"preferred_username": "x" * 200, "sub": "1"}, "x" * 150),
        ({"sub": "|"}, "unnamed"),
        ({"preferred_username": "ｏｍａｒ", "sub": "1"}, "omar"),
    ],
)
def test_a_username_is_what_the_provider_calls_the_person(claims: dict[str, Any], username: str) -> None:
    assert username_of(claims) == username


def test_nobody_is_called_as_the_engine_is_in_the_audit_trail() -> None:
    assert is_reserved("DRSorch")
    assert not is_reserved("dana")


def test_a_name_and_an_address_are_kept_as_far_as_they_fit() -> None:
    assert personal({"name": "Omar el Operator"}) == {"first_name": "Omar", "last_name": "el Operator", "email": ""}
    said = {"given_name": "Omar", "family_name": "Operator", "email": "omar@example.com", "name": "x"}
    assert personal(said) == {"first_name": "Omar", "last_name": "Operator", "email": "omar@example.com"}
    assert personal({"given_name": "x" * 151, "family_name": "a\nb", "email": "none"}) == {
        "first_name": "", "last_name": "", "email": "",
    }  # fmt: skip
    assert personal({"given_name": 7, "email": ["a@b"]}) == {"first_name": "", "last_name": "", "email": ""}


def test_how_somebody_signed_in_there_is_told_within_bounds() -> None:
    assert methods_of({"amr": ["pwd", "otp", 7]}) == ["pwd", "otp"]
    assert methods_of({"amr": "pwd"}) == []
    assert len(methods_of({"amr": ["x"] * 50})) == 10
