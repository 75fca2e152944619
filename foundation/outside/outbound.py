"""Which addresses drsorch may ask because somebody typed them: the one rule, for checks and all else that takes a URL.

A check is a request that a plan's author makes this server send. Clouds' metadata services would hand out this server's
credentials, and on loopback answers what is meant for this machine alone. So a name is resolved once, every address it
has is looked at, in whatever form it carries an IPv4 address, and the connection goes to an address that was looked at.

`DRSORCH_OUTBOUND_ALLOW` opens networks that a company needs. It never opens metadata and link-local addresses.
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from urllib.parse import urlsplit

from django.conf import settings

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

SETTING = "DRSORCH_OUTBOUND_ALLOW"


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


#: Refused whatever is allowed: metadata and credential services of AWS, Azure, Alibaba, Oracle and Google (the last two
#: of IPv4 beside link-local), and the link itself.
_NEVER = _networks(
    "169.254.0.0/16", "fe80::/10", "fd00:ec2::/32", "168.63.129.16/32", "100.100.100.200/32", "192.0.0.192/32",
    "fd20:ce::254/128",
)  # fmt: skip
#: Refused unless allowed, with what they are.
_CLOSED: tuple[tuple[str, tuple[Network, ...]], ...] = (
    ("a loopback address", _networks("127.0.0.0/8", "::1/128")),
    ("not the address of a host", _networks("0.0.0.0/8", "::/128")),
    ("a multicast or broadcast address", _networks("224.0.0.0/4", "240.0.0.0/4", "ff00::/8")),
    # Where in these a translator looks for the IPv4 address is the network operator's choice (RFC 8215).
    ("an address that is translated to IPv4", _networks("64:ff9b:1::/48")),
    ("a site-local address", _networks("fec0::/10")),
)
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
#: The interface identifier of ISATAP, before its IPv4 address (RFC 5214).
_ISATAP = (0x00005EFE, 0x02005EFE)


class Refused(ValueError):
    """An address that drsorch may not ask; the message is a sentence that names it and the setting."""


def networks_read(texts: Iterable[str]) -> tuple[Network, ...]:
    """The networks of the setting. Raises ValueError, with a sentence, for one that is none."""
    found: list[Network] = []
    for text in (text.strip() for text in texts):
        if not text:
            continue
        try:
            found.append(ipaddress.ip_network(text))
        except ValueError as error:
            raise ValueError(
                f"{SETTING} contains “{text}”, which is not a network ({error}): write networks such as 10.20.0.0/16, "
                "separated by commas."
            ) from None
    return tuple(found)


def address_check(host: str, text: str, *, named: bool = False) -> None:
    """Raise `Refused` unless the address, as `host` was resolved to it, may be asked.

    `named`: a setting names this very host, so it may stand on this machine; metadata and link-local addresses may not.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    for each in (mapped,) if mapped else (address, *embedded(address)):
        what = _why_not(each, named)
        if what:
            said = text if host == text else f"{host} is {text}"
            inside = "" if each == address else f", which stands for {each}"
            raise Refused(f"{said}{inside}, {what}.")


def resolved(host: str, port: int, *, seconds: float, named: bool = False) -> list[str]:
    """The host's addresses, all of which may be asked; connect to one of these, not to the name.

    Raises `Refused` if any of them may not be asked, OSError if there is none or the look-up takes longer.
    """
    addresses = list(dict.fromkeys(_looked_up(host, port, seconds)))
    for address in addresses:
        address_check(host, address, named=named)
    if not addresses:
        raise OSError(f"{host} has no address.")
    return addresses


def url_refusal(url: str) -> str:
    """Why an address that an administrator enters, such as a site's endpoint, is refused; empty if it is not.

    Metadata and link-local addresses only, in any spelling; a name is not looked up. What stands on this machine, or in
    a private network, is an administrator's to use.
    """
    try:
        host = (urlsplit(url).hostname or "").partition("%")[0]
        address = literal(host)
    except ValueError:
        return ""
    for each in () if address is None else (address, *embedded(address)):
        if _is_in(each, _NEVER):
            return f"{host} is {each}, a link-local or metadata address. Such addresses are refused."
    return ""


def literal(host: str) -> Address | None:
    """The address that a host is, in any spelling that a resolver takes (2852039166); None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def embedded(address: Address) -> Iterator[IPv4Address]:
    """The IPv4 addresses that an IPv6 address is a form of, or leads to."""
    if isinstance(address, IPv4Address):
        return
    low = IPv4Address(int(address) & 0xFFFFFFFF)
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    isatap = (int(address) >> 32) & 0xFFFFFFFF in _ISATAP
    if address in _NAT64 or isatap or (address in _COMPATIBLE and int(address) > 1):
        yield low


def _perhaps(address: Address) -> Iterator[IPv4Address]:
    """The IPv4 addresses that a local translator may take an address for, by the length of its prefix (RFC 6052)."""
    if address in _LOCAL_NAT64:
        bits = int(address)
        yield IPv4Address(bits & 0xFFFFFFFF)
        yield IPv4Address((bits >> 64 & 0xFFFF) << 16 | bits >> 40 & 0xFFFF)
        yield IPv4Address((bits >> 64 & 0xFF) << 24 | bits >> 32 & 0xFFFFFF)
        yield IPv4Address(bits >> 24 & 0xFFFFFFFF)


def _why_not(address: Address, named: bool) -> str:
    """What is wrong with the address; empty if it may be asked."""
    if any(_is_in(each, _NEVER) for each in (address, *_perhaps(address))):
        return "a link-local or metadata address. Such addresses are always refused"
    if named or _is_in(address, settings.DRSORCH_OUTBOUND_ALLOW):
        return ""
    what = next((what for what, closed in _CLOSED if _is_in(address, closed)), "")
    what = what or ("an address of the machine that drsorch runs on" if _is_own(str(address)) else "")
    return what and f"{what}. Such addresses are refused unless {SETTING} names their network"


def _is_in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _is_own(address: str) -> bool:
    """True if this machine would speak to itself. Nothing is sent: a datagram socket that connects finds its route."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as way:
            way.connect((address, 9))
            return str(way.getsockname()[0]).partition("%")[0] == address
    except OSError:
        return False


def _looked_up(host: str, port: int, seconds: float) -> list[str]:
    """`getaddrinfo` knows no deadline, so a thread of its own asks, and is left behind if it takes too long."""
    answers: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put([str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)])
        except Exception as error:
            answers.put(error)

    threading.Thread(target=ask, name="drsorch-lookup", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise OSError(f"the look-up of {host} timed out") from None
    if isinstance(answer, Exception):
        raise answer
    return answer
