"""Two spellings of one address are one DRS."""

from __future__ import annotations

import pytest

from protection.core.identity import endpoint_key

ONE = [
    "http://drs.example:8001",
    "http://DRS.Example:8001/",
    "https://drs.example:8001",
    "http://drs.example.:8001//",
    "http://someone:secret@drs.example:8001",
    " http://drs.example:8001 ",
    "HTTP://drs.example:8001",
]
THIS_MACHINE = [
    "http://localhost:8001",
    "http://LOCALHOST:8001/",
    "http://127.0.0.1:8001",
    "http://127.1:8001",
    "http://2130706433:8001",
    "http://0x7f000001:8001",
    "http://[::1]:8001",
    "http://[0:0:0:0:0:0:0:1]:8001",
    "http://[::ffff:127.0.0.1]:8001",
    "http://0.0.0.0:8001",
]
OF_AWS = [
    "",
    "https://drs.eu-central-1.amazonaws.com",
    "https://drs.eu-central-1.amazonaws.com:443/",
    "https://drs-fips.us-east-1.amazonaws.com",
    "https://drs.eu-central-1.api.aws",
    "https://vpce-0a1b2c-drs.drs.eu-central-1.vpce.amazonaws.com",
    "https://drs.cn-north-1.amazonaws.com.cn",
]


@pytest.mark.parametrize("spellings", [ONE, THIS_MACHINE, OF_AWS], ids=["a host", "this machine", "AWS"])
def test_all_spellings_of_an_address_are_one(spellings: list[str]) -> None:
    assert len({endpoint_key(url) for url in spellings}) == 1


def test_a_default_port_goes_without_saying() -> None:
    assert endpoint_key("https://drs.example") == endpoint_key("https://drs.example:443/")
    assert endpoint_key("http://drs.example") == endpoint_key("http://drs.example:80")


def test_other_addresses_are_others() -> None:
    urls = [
        "http://drs.example:8001",
        "http://drs.example:8002",
        "http://drs.example:8001/tenant",
        "http://drs2.example:8001",
        "http://127.0.0.1:8001",
        "http://10.0.0.1:8001",
        "http://notamazonaws.com",
        "",
    ]
    assert len({endpoint_key(url) for url in urls}) == len(urls)


def test_what_cannot_be_read_is_its_own_key() -> None:
    assert endpoint_key("http://host:port") == endpoint_key("HTTP://host:port")
    assert endpoint_key("http://[::1") != ""


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("drs.example", "drs.example:443"),
        ("//drs.example", "drs.example:443"),
        ("https://BO%58.", "box:443"),
        ("drs.example:8001/tenant", "drs.example:8001/tenant"),
        ("ftp://drs.example", "drs.example:443"),
        ("http://drs.example//Tenant/a/", "drs.example:80/Tenant/a"),
        ("https://drs%2Eexample./", "drs.example:443"),
        ("https://büro.example", "xn--bro-hoa.example:443"),
        ("https://drs.localhost", "localhost:443"),
        ("https://notlocalhost", "notlocalhost:443"),
        ("https://drs.localhost.example", "drs.localhost.example:443"),
        ("http://[::]:8001", "localhost:8001"),
        ("http://127.8.9.1", "localhost:80"),
        ("http://10.1", "10.0.0.1:80"),
        ("http://[::ffff:10.0.0.1]", "10.0.0.1:80"),
        ("http://[2001:DB8::0:1]", "2001:db8::1:80"),
        ("http://HOST:port", "http://host:port"),
        ("http:///Path", "http:///path"),
        ("https://amazonaws.com", ""),
        ("https://a..b/", "a..b:443"),
    ],
)
def test_the_key_of_an_address(url: str, key: str) -> None:
    assert endpoint_key(url) == key
