"""Time-stamps, of an authority that the tests run: what is kept, and what is refused with which words."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import cms, core, tsp
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from foundation.errors import Unavailable
from reports.anchoring import time_stamps
from reports.anchoring.time_stamps import TimeStamp, Untrusted, certificates_read, time_stamp, token_read
from tests.acceptance.pages import dripping_page
from tests.architecture.source import ROOT
from tests.tsa import (
    POLICY,
    Authority,
    authority,
    granted,
    intermediate,
    root,
    signed,
    signer,
    signer_of_intermediate,
    token,
    trusted,
    without_token,
)

CONTENT = b'{"format":"drsorch-evidence-1"}'
SERVER_AUTH, TIME_STAMPING = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.TIME_STAMPING


@pytest.fixture
def tsa() -> Iterator[Authority]:
    with authority() as served:
        yield served


@pytest.fixture
def roots(tmp_path: Path) -> str:
    return trusted(tmp_path)


def stamp(tsa: Authority, roots: str) -> TimeStamp:
    return time_stamp(CONTENT, tsa.url, certificates_read(roots))


def refusal(tsa: Authority, roots: str) -> str:
    with pytest.raises(Unavailable) as refused:
        stamp(tsa, roots)
    return refused.value.detail.replace(tsa.url, "URL")


def test_a_time_stamp_says_when_and_by_whom(tsa: Authority, roots: str) -> None:
    made = stamp(tsa, roots)
    assert (made.serial_number, made.policy, made.authority) == (1, POLICY, "CN=Example TSA")
    assert abs(made.at - datetime.now(UTC)) < timedelta(minutes=1)
    assert token_read(made.token, CONTENT, certificates_read(roots)) == made
    assert tsa.headers[0]["Content-Type"] == "application/timestamp-query"


def test_it_is_asked_for_the_hash_alone_with_its_own_nonce_and_the_certificate(tsa: Authority, roots: str) -> None:
    stamp(tsa, roots)
    stamp(tsa, roots)
    first, second = (each.native for each in tsa.asked)
    assert first["message_imprint"]["hash_algorithm"]["algorithm"] == "sha256"
    assert len(first["message_imprint"]["hashed_message"]) == 32
    assert first["cert_req"] is True
    assert first["nonce"] != second["nonce"]


def test_one_that_was_granted_with_modifications_is_one(tsa: Authority, roots: str) -> None:
    tsa.answer = lambda request: granted(token(request, signer()), "granted_with_mods")
    assert stamp(tsa, roots).serial_number == 1


# --- answers that are no time-stamp of this -----------------------------------------------------------------------


def other_imprint(request: tsp.TimeStampReq, algorithm: str = "sha256", digest: bytes = b"x" * 32) -> bytes:
    imprint = {"hash_algorithm": {"algorithm": algorithm}, "hashed_message": digest}
    return granted(token(request, signer(), message_imprint=imprint))


def with_other_signature(request: tsp.TimeStampReq) -> bytes:
    made = token(request, signer())
    made["content"]["signer_infos"][0]["signature"] = signer("Example TSA 2").key.sign(b"x", ec.ECDSA(hashes.SHA256()))
    return granted(made)


def with_other_content(request: tsp.TimeStampReq) -> bytes:
    made, other = token(request, signer()), token(request, signer(), serial_number=77)
    content = other["content"]["encap_content_info"]["content"].parsed.dump()
    made["content"]["encap_content_info"]["content"] = core.ParsableOctetString(content)
    return granted(made)


def signed_twice(request: tsp.TimeStampReq) -> bytes:
    made, other = token(request, signer()), token(request, signer("Example TSA 2"))
    both = [made["content"]["signer_infos"][0], other["content"]["signer_infos"][0]]
    made["content"]["signer_infos"] = cms.SignerInfos(both)
    return granted(made)


NOT_KEPT = "The time-stamp of URL was not kept: it "


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (other_imprint, f"{NOT_KEPT}is over other content."),
        (
            lambda request: other_imprint(
                request, "sha512_256", request["message_imprint"]["hashed_message"].native
            ),
            f"{NOT_KEPT}is over other content.",
        ),
        (lambda request: granted(token(request, signer(), nonce=5)), f"{NOT_KEPT}answers another request."),
        (lambda request: granted(token(request, signer(), nonce=None)), f"{NOT_KEPT}answers another request."),
        (with_other_signature, f"{NOT_KEPT}is signed with a signature that is not valid."),
        (with_other_content, f"{NOT_KEPT}is signed with a signature that is not valid."),
        (signed_twice, f"{NOT_KEPT}is signed "),
        (lambda request: granted(signed(b"hello", signer(), "data")), f"{NOT_KEPT}cannot be read."),
        (lambda request: without_token("granted"), f"{NOT_KEPT}cannot be read."),
        (lambda request: b"<html>no such page</html>", f"{NOT_KEPT}cannot be read."),
        (lambda request: b"", f"{NOT_KEPT}cannot be read."),
        (
            lambda request: granted(token(request, signer(), at=datetime(2025, 1, 1, tzinfo=UTC))),
            f"{NOT_KEPT}says 1 Jan 2025 00:00:00 UTC, and drsorch's clock says ",
        ),
        (
            lambda request: without_token("rejection", "no contract", "since\u202e May."),
            "The time-stamping authority URL gave no time-stamp (rejection). It says: no contract since\ufffd May.",
        ),
        (
            lambda request: without_token("waiting"),
            "The time-stamping authority URL gave no time-stamp (waiting).",
        ),
    ],
)  # fmt: skip
def test_what_is_no_time_stamp_of_this_is_not_kept(
    tsa: Authority, roots: str, answer: Callable[[tsp.TimeStampReq], bytes], says: str
) -> None:
    tsa.answer = answer
    words = refusal(tsa, roots)
    assert words.startswith(says) if says.endswith(" ") else words == says


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"name": "Other TSA", "issuer": "Other Root"}, "unable to get local issuer certificate"),
        ({"name": "Old TSA", "until": datetime(2021, 1, 1, tzinfo=UTC)}, "certificate has expired"),
        ({"name": "Shop", "purposes": (SERVER_AUTH,)}, "unsuitable certificate purpose"),
        ({"name": "Both", "purposes": (SERVER_AUTH, TIME_STAMPING)}, "unsuitable certificate purpose"),
        ({"name": "Any", "purposes": ()}, "unsuitable certificate purpose"),
        ({"name": "Not critical", "critical": False}, "unsuitable certificate purpose"),
    ],
)
def test_whoever_is_no_trusted_authority_signs_nothing(
    tsa: Authority, roots: str, options: dict[str, Any], why: str
) -> None:
    tsa.by = signer(**options)
    assert refusal(tsa, roots) == f"{NOT_KEPT}is signed by a certificate that is not trusted ({why})."


def test_a_root_that_was_not_trusted_before_can_be_added(tsa: Authority, tmp_path: Path) -> None:
    tsa.by = signer("Other TSA", "Other Root")
    assert stamp(tsa, trusted(tmp_path, root(), root("Other Root"))).authority == "CN=Other TSA"


def test_an_intermediate_certificate_is_sent_or_stands_in_the_file(tsa: Authority, tmp_path: Path) -> None:
    deep, via = signer_of_intermediate(), intermediate()
    tsa.by = deep
    assert "unable to get local issuer certificate" in refusal(tsa, trusted(tmp_path))
    assert stamp(tsa, trusted(tmp_path, root(), via)).authority == "CN=Example TSA 3"
    tsa.answer = lambda request: granted(token(request, deep, chain=[via]))
    assert stamp(tsa, trusted(tmp_path)).authority == "CN=Example TSA 3"


@pytest.mark.parametrize("bit", [0x01, 0x80])
def test_no_byte_of_a_token_can_be_changed_to_say_something_else(tsa: Authority, roots: str, bit: int) -> None:
    """Some bytes say nothing, such as the name of the signature's algorithm; the event has the hash of all."""
    made, certificates = stamp(tsa, roots), certificates_read(roots)
    for position in range(len(made.token)):
        changed = bytearray(made.token)
        changed[position] ^= bit
        try:
            read = token_read(bytes(changed), CONTENT, certificates)
        except Untrusted:
            continue
        assert (read.at, read.serial_number, read.policy) == (made.at, made.serial_number, made.policy)


# --- authorities that do not answer -------------------------------------------------------------------------------


def test_another_status_is_no_answer(tsa: Authority, roots: str) -> None:
    tsa.status = 503
    assert refusal(tsa, roots) == "The time-stamping authority URL answered 503 instead of a time-stamp."


def test_an_answer_that_never_ends_is_not_read_to_the_end(tsa: Authority, roots: str) -> None:
    tsa.endless = True
    assert refusal(tsa, roots) == "The time-stamping authority URL answered with more than 200,000 bytes."


def test_an_answer_that_takes_too_long_is_given_up(roots: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_stamps, "TIMEOUT", 1.0)
    with dripping_page() as page, pytest.raises(Unavailable) as refused:
        time_stamp(CONTENT, page.url, certificates_read(roots))
    assert "did not answer completely: timed out after 1 seconds in all." in refused.value.detail


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://169.254.169.254/tsr", "was not asked: 169.254.169.254, a link-local or metadata address."),
        ("http://0.0.0.0/tsr", "Such addresses are refused unless DRSORCH_OUTBOUND_ALLOW names their network."),
        ("http://nowhere.invalid/tsr", "nowhere.invalid does not resolve: "),
        ("http://127.0.0.1:1/tsr", "did not answer: Connection refused."),
    ],
)
def test_an_authority_that_cannot_be_asked_is_named(roots: str, url: str, says: str) -> None:
    with pytest.raises(Unavailable) as refused:
        time_stamp(CONTENT, url, certificates_read(roots))
    assert refused.value.detail.startswith("The time-stamping authority ")
    assert says in refused.value.detail


# --- the file of certificates -------------------------------------------------------------------------------------


def test_a_file_without_a_root_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"tsa\.pem has no root certificate: one that is its own issuer\."):
        certificates_read(trusted(tmp_path, signer()))


@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n", None])
def test_a_file_that_holds_no_certificates_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "tsa.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"tsa\.pem cannot be read as certificates in PEM: .*[^.]\.$"):
        certificates_read(str(path))


# --- what the documents say ---------------------------------------------------------------------------------------


def test_the_documented_command_verifies_a_token_and_refuses_another_report(
    tsa: Authority, roots: str, tmp_path: Path
) -> None:
    documented = re.search(r"^openssl ts -verify .*$", (ROOT / "docs/evidence.md").read_text(), re.MULTILINE)
    assert documented
    (tmp_path / "report.tst").write_bytes(stamp(tsa, roots).token)
    for content, code in ((CONTENT, 0), (CONTENT + b" ", 1)):
        (tmp_path / "report.json").write_bytes(content)
        ran = subprocess.run(shlex.split(documented[0]), cwd=tmp_path, check=False, capture_output=True, text=True)
        assert (ran.returncode, "Verification: OK" in ran.stdout) == (code, code == 0), ran.stderr
