"""Time-stamps of RFC 3161: asked for, read, and verified before they are believed.

Trusted are the certificates of `DRSORCH_TIMESTAMP_CERTIFICATES` alone: what a system trusts for web sites makes no one
a time-stamping authority. Revocation is not looked up.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    PKIStatus,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from drs import foreign
from foundation.errors import Unavailable
from foundation.outside.asking import Unanswered, ask
from foundation.wording import clock

#: For the whole call, in seconds.
TIMEOUT: Final = 20.0
#: A token with a long chain has some 20,000 bytes.
MOST_BYTES: Final = 200_000
#: An authority whose clock is further from ours is wrong, or we are.
_CLOCKS_AGREE: Final = timedelta(hours=1)
_SHA256: Final = x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1")
#: `TimeStampResp` with the status “granted”, before its token.
_GRANTED: Final = bytes.fromhex("3003020100")
_HEADERS: Final = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
#: OpenSSL's reason, in the errors of the library.
_REASON: Final = re.compile(r"[Vv]erify error: ?([^\"]+)\"")


class Untrusted(ValueError):
    """It is no time-stamp of this content by an authority that is trusted. The message completes “the time-stamp …”."""


@dataclass(frozen=True, slots=True)
class TimeStamp:
    #: DER, as it came.
    token: bytes
    at: datetime
    serial_number: int
    policy: str
    #: Whose certificate signed it.
    authority: str


def certificates_read(path: str) -> Sequence[x509.Certificate]:
    """The certificates of a PEM file. Raises ValueError, with a sentence, unless there is a root among them."""
    try:
        found = x509.load_pem_x509_certificates(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read as certificates in PEM: {str(error).rstrip('.')}.") from error
    if not any(each.issuer == each.subject for each in found):
        raise ValueError(f"{path} has no root certificate: one that is its own issuer.")
    return found


def time_stamp(content: bytes, url: str, trusted: Sequence[x509.Certificate]) -> TimeStamp:
    """Have the authority stamp the SHA-256 of the content. Raises `Unavailable`. Not to be called in a transaction."""
    request = TimestampRequestBuilder().data(content).hash_algorithm(HashAlgorithm.SHA256).build()
    try:
        answer = ask("POST", url, seconds=TIMEOUT, most_bytes=MOST_BYTES + 1, body=request.as_bytes(), headers=_HEADERS)
    except Unanswered as silence:
        raise Unavailable(f"The time-stamping authority {silence}") from silence
    except ValueError as refusal:
        raise Unavailable(f"The time-stamping authority {url} was not asked: {str(refusal).rstrip('.')}.") from refusal
    if answer.status != 200:
        raise Unavailable(f"The time-stamping authority {url} answered {answer.status} instead of a time-stamp.")
    if len(answer.body) > MOST_BYTES:
        raise Unavailable(f"The time-stamping authority {url} answered with more than {MOST_BYTES:,} bytes.")
    try:
        made = token_read(_token_of(answer.body, url), content, trusted, nonce=request.nonce)
    except Untrusted as refusal:
        raise Unavailable(f"The time-stamp of {url} was not kept: it {refusal}.") from refusal
    now = datetime.now(UTC)
    if abs(now - made.at) > _CLOCKS_AGREE:
        raise Unavailable(
            f"The time-stamp of {url} was not kept: it says {clock(made.at, now)} UTC, and drsorch's clock says "
            f"{clock(now)} UTC. Correct the clock that is wrong."
        )
    return made


def token_read(
    token: bytes, content: bytes, trusted: Sequence[x509.Certificate], *, nonce: int | None = None
) -> TimeStamp:
    """What a token says of this content. Raises `Untrusted` unless it is signed by an authority that was trusted then.

    `nonce`: that of the request which it answers.
    """
    with _reading():
        response = decode_timestamp_response(_wrapped(token))
        info, signed = response.tst_info, response.signed_data
        imprint, at = info.message_imprint, info.gen_time
        if imprint.hash_algorithm != _SHA256 or imprint.message != hashlib.sha256(content).digest():
            raise Untrusted("is over other content")
        if nonce is not None and info.nonce != nonce:
            raise Untrusted("answers another request")
        _signature_check(response, trusted)
        return TimeStamp(
            token=bytes(token),
            at=at,
            serial_number=info.serial_number,
            policy=info.policy.dotted_string,
            authority=_name_of(signed.certificates, next(iter(signed.signer_infos)).serial_number),
        )


def _token_of(body: bytes, url: str) -> bytes:
    """The token in an authority's response. Raises `Untrusted`, and `Unavailable` if it refuses one."""
    with _reading():
        response = decode_timestamp_response(body)
        if response.status not in (PKIStatus.GRANTED, PKIStatus.GRANTED_WITH_MODS):
            status = {each.value: each.name for each in PKIStatus}.get(response.status, str(response.status))
            words = foreign.line(" ".join(response.status_string), 200).strip()
            says = f" It says: {words.rstrip('.')}." if words else ""
            raise Unavailable(
                f"The time-stamping authority {url} gave no time-stamp ({status.lower().replace('_', ' ')}).{says}"
            )
        return response.time_stamp_token()


def _signature_check(response: TimeStampResponse, trusted: Sequence[x509.Certificate]) -> None:
    """The signature over it, the chain to a root as it was at its time, and that the certificate is for time-stamps."""
    message = response.tst_info.message_imprint.message
    try:
        VerifierBuilder(roots=list(trusted)).build().verify(response, message)
    except VerificationError as error:
        reason = _REASON.search(str(error))
        if reason:
            why = f"by a certificate that is not trusted ({reason[1]})"
        elif "Error while verifying" in str(error):
            why = "with a signature that is not valid"
        else:
            why = f"by a certificate that is not trusted ({str(error).rstrip('.')})"
        raise Untrusted(f"is signed {why}") from error


@contextmanager
def _reading() -> Iterator[None]:
    """Whatever the library stumbles over in what others sent."""
    try:
        yield
    except (Untrusted, Unavailable):
        raise
    except (ValueError, StopIteration, x509.UnsupportedGeneralNameType, x509.DuplicateExtension) as error:
        raise Untrusted("cannot be read") from error
    except BaseException as error:
        # What Rust calls a panic is no Exception in Python.
        if type(error).__module__ != "pyo3_runtime":
            raise
        raise Untrusted("cannot be read") from None


def _name_of(certificates: set[bytes], serial_number: int) -> str:
    """The subject of the certificate that signed."""
    for each in map(x509.load_der_x509_certificate, certificates):
        if each.serial_number == serial_number:
            return foreign.line(each.subject.rfc4514_string())
    return ""


def _wrapped(token: bytes) -> bytes:
    """A token as a response has it, which is what the library reads."""
    content = _GRANTED + bytes(token)
    if len(content) < 0x80:
        length = bytes([len(content)])
    else:
        size = (len(content).bit_length() + 7) // 8
        length = bytes([0x80 | size]) + len(content).to_bytes(size, "big")
    return b"\x30" + length + content
