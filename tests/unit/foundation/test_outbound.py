"""Which addresses may be asked because somebody typed them."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.outside import outbound
from foundation.outside.outbound import Refused, address_check, networks_read, resolved, url_refusal

NEVER = ["169.254.169.254", "169.254.170.2", "168.63.129.16", "100.100.100.200", "192.0.0.192"]
CLOSED = ["127.0.0.1", "127.9.9.9", "0.0.0.0", "0.1.2.3", "224.0.0.1", "239.1.1.1", "255.255.255.255", "240.0.0.1"]


def forms(text: str) -> list[str]:
    """IPv6 addresses that are, or lead to, an IPv4 address."""
    number = int(ipaddress.IPv4Address(text))
    made = {
        "mapped": (0xFFFF << 32) | number,
        "compatible": number,
        "nat64": (0x64FF9B << 96) | number,
        "local nat64": (0x64FF9B0001 << 80) | number,
        "local nat64, /48": (0x64FF9B0001 << 80) | (number >> 16 << 64) | ((number & 0xFFFF) << 40),
        "local nat64, /56": (0x64FF9B0001 << 80) | (number >> 24 << 64) | ((number & 0xFFFFFF) << 32),
        "local nat64, /64": (0x64FF9B0001 << 80) | (number << 24),
        "6to4": (0x2002 << 112) | (number << 80) | 1,
        "teredo server": (0x20010000 << 96) | (number << 64) | 0xFFFFFFFF,
        "teredo client": (0x20010000 << 96) | (number ^ 0xFFFFFFFF),
        "isatap": (0x20010DB8 << 96) | (0x5EFE << 32) | number,
        "isatap, global": (0x20010DB8 << 96) | (0x02005EFE << 32) | number,
    }
    return [str(ipaddress.IPv6Address(each)) for each in made.values()]


@pytest.fixture(autouse=True)
def nothing_allowed(settings: Any) -> None:
    settings.DRSORCH_OUTBOUND_ALLOW = ()


@pytest.mark.parametrize("text", [*NEVER, *CLOSED, "::", "::1", "fe80::1%eth0", "fd00:ec2::254", "ff02::1", "fec0::1"])
def test_closed_addresses_are_refused_with_what_they_are_and_what_opens_them(text: str) -> None:
    with pytest.raises(Refused) as refused:
        address_check(text, text)
    assert str(refused.value).startswith(text.partition("%")[0])
    assert "always refused" in str(refused.value) or "DRSORCH_OUTBOUND_ALLOW" in str(refused.value)


@pytest.mark.parametrize("text", [*NEVER, *CLOSED])
def test_and_so_is_every_form_that_carries_them(text: str) -> None:
    for form in forms(text):
        with pytest.raises(Refused):
            address_check("innocent.example", form)


@pytest.mark.parametrize("text", ["10.0.0.5", "192.168.7.1", "172.16.9.9", "93.184.215.14", "2001:db8::5", "fd12::5"])
def test_what_is_recovered_in_a_private_network_may_be_asked(text: str) -> None:
    address_check(text, text)


@given(st.ip_addresses())
def test_every_address_is_let_through_or_refused(address: Any) -> None:
    with contextlib.suppress(Refused):
        address_check("shop.example", str(address))


def test_what_a_company_needs_can_be_opened_but_never_metadata(settings: Any) -> None:
    settings.DRSORCH_OUTBOUND_ALLOW = networks_read(["0.0.0.0/0", "::/0"])
    for text in CLOSED:
        address_check(text, text)
        for form in forms(text):
            address_check(text, form)
    for text in NEVER:
        for form in (text, *forms(text)):
            with pytest.raises(Refused, match="always refused"):
                address_check(text, form)


def test_an_allowed_network_opens_no_more_than_itself(settings: Any) -> None:
    settings.DRSORCH_OUTBOUND_ALLOW = networks_read(["127.0.0.2/32"])
    address_check("shop.example", "127.0.0.2")
    address_check("shop.example", "::ffff:127.0.0.2")
    with pytest.raises(Refused):
        address_check("shop.example", "127.0.0.1")


def test_the_machines_own_addresses_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Way:
        def __init__(self, *args: Any) -> None: ...
        def __enter__(self) -> Way:
            return self

        def __exit__(self, *args: Any) -> None: ...
        def connect(self, address: tuple[str, int]) -> None: ...
        def getsockname(self) -> tuple[str, int]:
            return ("10.1.2.3", 40_000)

    monkeypatch.setattr(outbound.socket, "socket", Way)
    with pytest.raises(Refused, match="the machine that drsorch runs on"):
        address_check("shop.example", "10.1.2.3")
    address_check("shop.example", "10.1.2.4")


def test_the_machine_knows_itself(settings: Any) -> None:
    """Whatever this machine's address is, the rule finds it without a list."""
    assert outbound._is_own("127.0.0.1")
    assert not outbound._is_own("192.0.2.1")


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "0177.0.0.1", "127.1", "localhost", "0"])
def test_a_resolvers_spellings_are_looked_at_as_what_they_are(host: str) -> None:
    with pytest.raises(Refused):
        resolved(host, 80, seconds=5)


def test_one_closed_address_of_a_name_closes_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [(socket.AF_INET, 0, 0, "", (text, 80)) for text in ("192.0.2.1", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: answers)
    with pytest.raises(Refused, match=r"innocent\.example is 127\.0\.0\.1, a loopback address"):
        resolved("innocent.example", 80, seconds=5)


def test_a_look_up_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: over.wait(60) or [])
    with pytest.raises(OSError, match="timed out"):
        resolved("slow.example", 80, seconds=0.05)
    over.set()


@pytest.mark.parametrize(
    "host",
    ["169.254.169.254", "2852039166", "0xa9fea9fe", "[fd00:ec2::254]", "[::ffff:169.254.169.254]", "[fe80::1%25eth0]",
     "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::]"],
)  # fmt: skip
def test_an_administrators_url_leads_to_no_metadata(host: str) -> None:
    assert "metadata" in url_refusal(f"http://{host}:80/latest")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:5000", "https://drs.example", "http://[::1]:1", "http://10.0.0.1", ""]
)
def test_but_it_may_lead_to_this_machine_and_to_private_ones(url: str) -> None:
    assert url_refusal(url) == ""


def test_a_setting_that_is_no_network_is_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"DRSORCH_OUTBOUND_ALLOW contains “10\.0\.0\.1/8”"):
        networks_read(["10.0.0.1/8"])
    assert networks_read([" 10.0.0.0/8 ", ""]) == (ipaddress.ip_network("10.0.0.0/8"),)
