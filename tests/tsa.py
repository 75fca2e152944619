"""A time-stamping authority (RFC 3161) on loopback: real certificates, real signatures, and every way to go wrong."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

POLICY = "1.3.6.1.4.1.99999.1"
LONG_AGO, LATER = datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Signer:
    """A key and its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)


def root(name: str = "Example Root") -> Signer:
    return _root(name)


@cache
def _root(name: str) -> Signer:
    return _certified(name, None, True, (), True, LATER)


@cache
def signer(
    name: str = "Example TSA",
    issuer: str = "Example Root",
    purposes: Sequence[x509.ObjectIdentifier] = (ExtendedKeyUsageOID.TIME_STAMPING,),
    critical: bool = True,
    until: datetime = LATER,
) -> Signer:
    return _certified(name, root(issuer), False, purposes, critical, until)


@cache
def intermediate(name: str = "Example Intermediate") -> Signer:
    return _certified(name, root(), True, (), True, LATER)


@cache
def signer_of_intermediate(name: str = "Example TSA 3") -> Signer:
    return _certified(name, intermediate(), False, (ExtendedKeyUsageOID.TIME_STAMPING,), True, LATER)


def _certified(
    name: str, issuer: Signer | None, ca: bool, purposes: Sequence[Any], critical: bool, until: datetime
) -> Signer:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject).issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(LONG_AGO).not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )  # fmt: skip
    if purposes:
        made = made.add_extension(x509.ExtendedKeyUsage(list(purposes)), critical=critical)
    return Signer(key, made.sign(issuer.key if issuer else key, hashes.SHA256()))


def token(
    request: tsp.TimeStampReq,
    by: Signer,
    *,
    at: datetime | None = None,
    serial_number: int = 1,
    chain: Sequence[Signer] = (),
    **changes: Any,
) -> cms.ContentInfo:
    """A token over what the request asks for. `chain` are sent beside the signer's certificate; `changes` are fields of
    its TSTInfo."""
    fields: dict[str, Any] = {
        "version": "v1",
        "policy": POLICY,
        "message_imprint": request["message_imprint"],
        "serial_number": serial_number,
        "gen_time": (at or datetime.now(UTC)).replace(microsecond=0),
        "nonce": request["nonce"],
        **changes,
    }
    content = tsp.TSTInfo({name: value for name, value in fields.items() if value is not None}).dump()
    return signed(content, by, chain=chain)


def signed(
    content: bytes, by: Signer, content_type: str = "tst_info", *, chain: Sequence[Signer] = ()
) -> cms.ContentInfo:
    certificate = asn1_x509.Certificate.load(by.der)
    sha256 = algos.DigestAlgorithm({"algorithm": "sha256"})
    named = tsp.SigningCertificateV2({
        "certs": [tsp.ESSCertIDv2({"hash_algorithm": sha256, "cert_hash": hashlib.sha256(by.der).digest()})]
    })  # fmt: skip
    attributes = cms.CMSAttributes([
        cms.CMSAttribute({"type": "content_type", "values": [content_type]}),
        cms.CMSAttribute({"type": "message_digest", "values": [hashlib.sha256(content).digest()]}),
        cms.CMSAttribute({"type": "signing_certificate_v2", "values": [named]}),
    ])  # fmt: skip
    info = cms.SignerInfo({
        "version": "v1",
        "sid": cms.SignerIdentifier({
            "issuer_and_serial_number": cms.IssuerAndSerialNumber({
                "issuer": certificate.issuer, "serial_number": certificate.serial_number,
            }),
        }),
        "digest_algorithm": sha256,
        "signed_attrs": attributes,
        "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"}),
        "signature": by.key.sign(attributes.dump(), ec.ECDSA(hashes.SHA256())),
    })  # fmt: skip
    document = cms.SignedData({
        "version": "v3",
        "digest_algorithms": [sha256],
        "encap_content_info": {"content_type": content_type, "content": core.ParsableOctetString(content)},
        "certificates": [certificate, *(asn1_x509.Certificate.load(each.der) for each in chain)],
        "signer_infos": [info],
    })  # fmt: skip
    return cms.ContentInfo({"content_type": "signed_data", "content": document})


def granted(made: cms.ContentInfo, status: str = "granted") -> bytes:
    answer = tsp.TimeStampResp({"status": {"status": status}, "time_stamp_token": made}).dump()
    return bytes(answer)


def without_token(status: str, *words: str) -> bytes:
    fields: dict[str, Any] = {"status": status, **({"status_string": list(words)} if words else {})}
    content = bytes(tsp.PKIStatusInfo(fields).dump())
    assert len(content) < 0x80
    return bytes([0x30, len(content)]) + content


@dataclass
class Authority:
    """`answer` makes of a request what is answered; by default a token of `by`."""

    port: int = 0
    by: Signer = field(default_factory=signer)
    answer: Callable[[tsp.TimeStampReq], bytes] | None = None
    status: int = 200
    #: Answers as much as anyone reads.
    endless: bool = False
    #: What it was asked, and with which headers.
    asked: list[tsp.TimeStampReq] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/tsr"

    def answered(self, body: bytes) -> bytes:
        request = tsp.TimeStampReq.load(body)
        self.asked.append(request)
        if self.answer is not None:
            return self.answer(request)
        return granted(token(request, self.by, serial_number=len(self.asked)))


@contextmanager
def authority(**options: Any) -> Iterator[Authority]:
    served = Authority(**options)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            served.headers.append(dict(self.headers))
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made = served.answered(body)
            self.send_response(served.status)
            self.send_header("Content-Type", "application/timestamp-reply")
            if not served.endless:
                self.send_header("Content-Length", str(len(made)))
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(made)
                while served.endless:
                    self.wfile.write(b"x" * 65_536)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", served.port), Handler) as server:
        served.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()


def trusted(folder: Path, *signers: Signer) -> str:
    """A file of certificates for `DRSORCH_TIMESTAMP_CERTIFICATES`."""
    path = folder / "tsa.pem"
    path.write_bytes(b"".join(each.pem for each in signers or (root(),)))
    return str(path)
