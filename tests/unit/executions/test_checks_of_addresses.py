"""HTTP and TCP checks against real servers on loopback, and the addresses that they refuse to ask."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from executions.engine.steps.http_check import http_check
from executions.engine.steps.outcome import Result, StepOutcome
from executions.engine.steps.tcp_check import tcp_check
from tests.acceptance.pages import dripping_page


@dataclass
class Shop:
    """A recovered server: what it answers, and what it was asked."""

    port: int = 0
    status: int = 200
    body: bytes = b'{"status": "up"}'
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def url(self, path: str = "/health", scheme: str = "http", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{host}:{self.port}{path}"


@contextmanager
def serving(shop: Shop, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Iterator[Shop]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shop.asked.append((self.path, dict(self.headers)))
            self.send_response(shop.status)
            for name, value in {"Content-Length": str(len(shop.body)), **shop.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(shop.body)

        def log_message(self, format: str, *args: Any) -> None:
            """Requests are in `asked`."""

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that does not trust the certificate goes away."""

    server = Server((host, 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    shop.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield shop
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def started() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def shop(started: ExitStack) -> Shop:
    return started.enter_context(serving(Shop()))


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """A name server of our own: what is not in it does not exist, addresses are themselves."""
    known: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def resolve(host: str, port: int, *args: Any, **options: Any) -> list[Any]:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            if host not in known:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known") from None
            return [answer for text in known[host] for answer in real(text, port, *args, **options)]
        return real(host, port, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return known


# --- HTTP ---------------------------------------------------------------------------------------------------------


def test_a_server_that_answers_as_expected(shop: Shop) -> None:
    probe = http_check(shop.url("/health?deep=1"))
    assert probe.result is Result.DONE
    assert "answered 200 as expected" in probe.text
    ((path, headers),) = shop.asked
    assert (path, headers["Host"]) == ("/health?deep=1", f"127.0.0.1:{shop.port}")


def test_the_root_if_the_address_has_no_path(shop: Shop) -> None:
    assert http_check(shop.url("")).result is Result.DONE
    assert shop.asked[0][0] == "/"


def test_another_status_does_not_hold_unless_it_is_the_expected_one(shop: Shop) -> None:
    shop.status = 503
    probe = http_check(shop.url())
    assert probe.result is Result.RETRY
    assert "answered 503, not 200" in probe.text
    assert http_check(shop.url(), expected_status=503).result is Result.DONE


def test_a_text_that_the_answer_must_contain(shop: Shop) -> None:
    assert http_check(shop.url(), contains='"up"').result is Result.DONE
    probe = http_check(shop.url(), contains="dönertier")
    assert probe.result is Result.RETRY
    assert "without the text “dönertier”" in probe.text


def test_of_a_long_answer_only_the_beginning_is_read(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executions.engine.steps.http_check._BODY_LIMIT", 1000)
    shop.body = b"start" + b" " * 5000 + b"end"
    assert http_check(shop.url(), contains="start").result is Result.DONE
    assert http_check(shop.url(), contains="end").result is Result.RETRY


def test_an_answer_in_no_known_encoding_is_read_all_the_same(shop: Shop) -> None:
    shop.body = b"\xff\xfe up \x80"
    assert http_check(shop.url(), contains=" up ").result is Result.DONE


def test_redirects_are_answers_and_are_not_followed(shop: Shop, started: ExitStack) -> None:
    elsewhere = started.enter_context(serving(Shop()))
    shop.status, shop.headers = 302, {"Location": elsewhere.url()}
    probe = http_check(shop.url())
    assert "answered 302, not 200" in probe.text
    assert http_check(shop.url(), expected_status=302).result is Result.DONE
    assert elsewhere.asked == []


def test_nobody_listens(closed_port: int) -> None:
    probe = http_check(f"http://127.0.0.1:{closed_port}/")
    assert probe.result is Result.RETRY
    assert "did not answer" in probe.text
    assert "Connection refused" in probe.text


def test_whoever_listens_may_not_speak_http(started: ExitStack) -> None:
    listener = started.enter_context(socket.create_server(("127.0.0.1", 0)))

    def speak() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

    thread = threading.Thread(target=speak)
    thread.start()
    probe = http_check(f"http://127.0.0.1:{listener.getsockname()[1]}/")
    thread.join()
    assert probe.result is Result.RETRY
    assert "did not answer" in probe.text


def test_no_answer_in_time(started: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executions.engine.steps.http_check.TIMEOUT", 0.2)
    listener = started.enter_context(socket.create_server(("127.0.0.1", 0)))
    probe = http_check(f"http://127.0.0.1:{listener.getsockname()[1]}/")
    assert probe.result is Result.RETRY
    assert "timed out" in probe.text


@pytest.mark.parametrize(
    "head",
    [
        b"",  # not even the first line comes to its end
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000000\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 3,
    ],
)
def test_a_page_that_answers_a_byte_at_a_time_has_a_deadline_in_all(
    head: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte comes in time; and what was read until then is no answer, even if it ends with the connection."""
    monkeypatch.setattr("executions.engine.steps.http_check.TIMEOUT", 0.8)
    with dripping_page(head) as page:
        probe = http_check(page.url)
    assert probe.result is Result.RETRY
    assert "timed out" in probe.text
    assert "in all" in probe.text


def test_a_page_over_tls_has_the_same_deadline(
    started: ExitStack, names: dict[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names["shop.example"] = ["127.0.0.1"]
    context, pem = certificate(tmp_path, "shop.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    monkeypatch.setattr("executions.engine.steps.http_check.TIMEOUT", 0.8)
    page = started.enter_context(dripping_page(tls=context))
    probe = http_check(f"https://shop.example:{page.port}/")
    assert probe.result is Result.RETRY
    assert "in all" in probe.text


def test_no_proxy_is_asked(shop: Shop, closed_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port}")
    assert http_check(shop.url()).result is Result.DONE


def test_by_its_name_a_server_is_told_which_one_was_asked(shop: Shop, names: dict[str, list[str]]) -> None:
    names["shop.example"] = ["127.0.0.1"]
    assert http_check(shop.url(host="shop.example")).result is Result.DONE
    assert shop.asked[0][1]["Host"] == f"shop.example:{shop.port}"


def test_a_name_is_resolved_once(shop: Shop, names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the second answer of a hostile name server could be another one than was looked at."""
    names["shop.example"] = ["127.0.0.1"]
    resolve, asked = socket.getaddrinfo, []

    def counting(host: str, *args: Any, **options: Any) -> Any:
        asked.append(host)
        return resolve(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", counting)
    assert http_check(shop.url(host="shop.example")).result is Result.DONE
    assert asked.count("shop.example") == 1


def test_a_name_that_does_not_exist_may_exist_later(names: dict[str, list[str]]) -> None:
    for probe in (http_check("http://nowhere.example/"), tcp_check("nowhere.example", 22)):
        assert probe.result is Result.RETRY
        assert "nowhere.example" in probe.text


def test_over_ipv6(started: ExitStack) -> None:
    shop = started.enter_context(serving(Shop(), host="::1"))
    assert http_check(shop.url(host="[::1]")).result is Result.DONE
    assert tcp_check("::1", shop.port).result is Result.DONE


# --- TLS ----------------------------------------------------------------------------------------------------------


def certificate(folder: Path, *names: str) -> tuple[ssl.SSLContext, Path]:
    """A server's side of TLS for these names, and the file of the certificate that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = folder / f"{names[0]}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context, pem


def test_a_certificate_has_to_be_trusted_and_to_be_of_the_name(
    started: ExitStack, names: dict[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names |= {"shop.example": ["127.0.0.1"], "other.example": ["127.0.0.1"]}
    context, pem = certificate(tmp_path, "shop.example")
    shop = started.enter_context(serving(Shop(), tls=context))
    probe = http_check(shop.url(scheme="https", host="shop.example"))
    assert probe.result is Result.RETRY
    assert "certificate" in probe.text
    assert shop.asked == []
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    assert http_check(shop.url(scheme="https", host="shop.example")).result is Result.DONE
    assert http_check(shop.url(scheme="https", host="other.example")).result is Result.RETRY


# --- TCP ----------------------------------------------------------------------------------------------------------


def test_a_port_accepts_or_does_not(started: ExitStack, closed_port: int) -> None:
    listener = started.enter_context(socket.create_server(("127.0.0.1", 0)))
    port = listener.getsockname()[1]
    assert tcp_check("127.0.0.1", port).result is Result.DONE
    assert tcp_check("localhost", port).result is Result.DONE
    probe = tcp_check("127.0.0.1", closed_port)
    assert probe.result is Result.RETRY
    assert f"127.0.0.1:{closed_port} does not accept connections" in probe.text


# --- what is refused ----------------------------------------------------------------------------------------------

REFUSED = [
    "169.254.169.254",  # the metadata service of EC2 and of most other clouds
    "169.254.170.2",  # credentials of ECS tasks
    "169.254.0.1",
    "fe80::1",
    "fe80::1%lo",
    "fd00:ec2::254",  # EC2's metadata service over IPv6
    "fd00:ec2::23",  # credentials of EKS pods
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "100.100.100.200",
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "ff02::1",
]


@pytest.fixture
def no_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*args: Any, **options: Any) -> None:
        raise AssertionError("a connection is being made")

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.mark.parametrize("address", REFUSED)
@pytest.mark.usefixtures("no_connections")
def test_addresses_of_the_link_and_of_metadata_are_not_asked(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    for probe in (http_check(f"http://{host}/latest/meta-data/"), tcp_check(address, 80)):
        assert probe.result is Result.FINAL
        assert "refused" in probe.text


@pytest.mark.parametrize("address", ["2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518"])
@pytest.mark.usefixtures("no_connections")
def test_nor_are_they_in_another_spelling(address: str) -> None:
    assert http_check(f"http://{address}/").result is Result.FINAL
    assert tcp_check(address, 80).result is Result.FINAL


@pytest.mark.parametrize("others", [[], ["127.0.0.1"], ["::1", "127.0.0.1"]])
@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1", "fd00:ec2::254"])
@pytest.mark.usefixtures("no_connections")
def test_nor_are_names_that_lead_there_even_if_they_lead_elsewhere_as_well(
    names: dict[str, list[str]], address: str, others: list[str]
) -> None:
    names["innocent.example"] = [*others, address]
    for probe in (http_check("https://innocent.example/"), tcp_check("innocent.example", 443)):
        assert probe.result is Result.FINAL
        assert "innocent.example is" in probe.text
        assert address in probe.text


def test_a_redirect_does_not_lead_there_either(shop: Shop) -> None:
    shop.status, shop.headers = 302, {"Location": "http://169.254.169.254/latest/meta-data/"}
    assert "answered 302" in http_check(shop.url()).text


@pytest.mark.parametrize(
    "check",
    [
        lambda: http_check("http://web-1:99999/"),
        lambda: http_check("http://web-1:http/"),
        lambda: http_check("http://[::1/"),
        lambda: http_check("http:///health"),
        lambda: http_check(f"http://{'a' * 70}.example/"),
        lambda: http_check("http://web..example/"),
        lambda: tcp_check("web..example", 80),
        lambda: tcp_check("", 80),
    ],
)
def test_what_is_no_address_is_a_sentence(check: Callable[[], StepOutcome]) -> None:
    """Variables are filled in after a plan is saved, so what comes out may be anything."""
    probe = check()
    assert probe.result is Result.FINAL
    assert "is not a valid address" in probe.text


def test_a_host_in_another_alphabet(shop: Shop, names: dict[str, list[str]]) -> None:
    names["xn--r8jz45g.example"] = ["127.0.0.1"]
    assert http_check(shop.url(host="例え.example")).result is Result.DONE
    assert shop.asked[0][1]["Host"] == f"xn--r8jz45g.example:{shop.port}"
    assert tcp_check("例え.example", shop.port).result is Result.DONE
