"""Which addresses a check may ask. Those of the machine's own link are refused.

A check is a request that a plan's author makes this server send; the metadata services of clouds answer on link-local
addresses and would hand out this server's credentials. The name is resolved once, every address is looked at, and the
connection goes to the address that was looked at.
"""

from __future__ import annotations

import ipaddress
import socket

from executions.engine.steps.outcome import StepOutcome, final

#: Seconds to connect, and to answer.
TIMEOUT = 10.0
#: Metadata and credential services that are not on link-local addresses.
_METADATA = (ipaddress.ip_network("fd00:ec2::/32"), ipaddress.ip_network("100.100.100.200/32"))


class Refused(ValueError):
    """An address that no check may ask."""


def ascii_host(host: str) -> str:
    """The host as the network writes it. Raises ValueError if it is none."""
    if not host:
        raise ValueError("it has no host name")
    return host if ":" in host else host.encode("idna").decode()


def allowed_address(host: str, port: int) -> str:
    """The host's first address. Raises `Refused` if any of them is not to be asked, OSError if it has none."""
    found = [info[4][0] for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    for text in found:
        address = ipaddress.ip_address(str(text).partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None) or address
        if mapped.is_link_local or mapped.is_multicast or mapped.is_unspecified or _is_metadata(mapped):
            raise Refused(f"{host} is {text}, a link-local or metadata address, and such addresses are refused.")
    return str(found[0])


def refusal(what: str, error: ValueError) -> StepOutcome:
    """What no later try can change. Variables are filled in after the plan was checked: anything may have come out."""
    if isinstance(error, Refused):
        return final(str(error))
    return final(f"“{what}” is not a valid address: {reason(error)}.")


def reason(error: Exception) -> str:
    """The part of a network error that a person can use."""
    return str(error).rpartition(": ")[2].rstrip(".)") or type(error).__name__


def _is_metadata(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return any(address in network for network in _METADATA)
