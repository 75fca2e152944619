"""How the text of a setting is read: each kind says what it allows, and refuses everything else in a sentence.

Read by settings: no Django here.
"""

from __future__ import annotations

import ipaddress
import math
import re
import zoneinfo
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import environ

from foundation.outside.outbound import Network, networks_read
from foundation.wording import count, listing

_YES: Final = ("true", "yes", "on", "1")
_NO: Final = ("false", "no", "off", "0")
_HOST = re.compile(r"\.?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?", re.ASCII)


#: Longest address of an authority, and of a place in a bucket: as long as the column that keeps it.
MAX_PLACE: Final = 500
#: Longest address of an identity provider: as long as the column that says whose a person is.
MAX_ISSUER: Final = 200


class NotUnderstood(ValueError):
    """The text is not such a value; the message, if there is one, is a sentence more about it."""


class Kind(ABC):
    """One way to read a text."""

    #: What may be written.
    allowed: str = ""
    #: Its value is never repeated.
    secret = False
    #: Empty means the same as not being set.
    empty_is_none = False

    def what(self) -> str:
        """What may be written; follows “write”, in a refusal."""
        return self.allowed

    @abstractmethod
    def read(self, text: str) -> Any:
        """The value. Raises `NotUnderstood`."""

    def shown(self, text: str) -> str:
        """The text as a refusal repeats it: without a secret, and without what an address may hold of one."""
        if self.secret:
            return f"a text of {count(len(text), 'character')}"
        scheme, found, rest = text.partition("://")
        return repr(f"{scheme}://…" if found and "@" in rest else text)


@dataclass(frozen=True)
class Text(Kind):
    """Any text."""

    allowed: str = "any text"
    secret: bool = False
    empty_is_none: bool = True
    at_least: int = 0

    def read(self, text: str) -> str:
        if len(text) < self.at_least:
            raise NotUnderstood
        return text


@dataclass(frozen=True)
class Choice(Kind):
    """One of these words, in capitals or not."""

    words: Sequence[str]

    def what(self) -> str:
        return listing(self.words, None, "or")

    def read(self, text: str) -> str:
        if text.upper() not in self.words:
            raise NotUnderstood
        return text.upper()


@dataclass(frozen=True)
class Zone(Kind):
    """A time zone of the IANA database."""

    allowed: str = "a time zone such as UTC or Europe/Berlin"

    def read(self, text: str) -> str:
        if text not in zoneinfo.available_timezones():
            raise NotUnderstood
        return text


@dataclass(frozen=True)
class YesNo(Kind):
    allowed: str = "true or false"

    def read(self, text: str) -> bool:
        word = text.lower()
        if word not in _YES + _NO:
            raise NotUnderstood
        return word in _YES


@dataclass(frozen=True)
class Number(Kind):
    """A finite number from `low` to `high`."""

    low: float
    high: float
    unit: str = "seconds"
    whole: bool = False

    def what(self) -> str:
        of = f" of {self.unit}" if self.unit else ""
        return f"a {'whole ' if self.whole else ''}number{of} from {self.low:g} to {self.high:.12g}"

    def read(self, text: str) -> float:
        try:
            if not text.isascii() or "_" in text:
                raise NotUnderstood
            value = int(text) if self.whole else float(text)
        except ValueError as error:
            raise NotUnderstood from error
        if not (math.isfinite(value) and self.low <= value <= self.high):
            raise NotUnderstood
        return value


@dataclass(frozen=True)
class Hosts(Kind):
    """Names separated by commas, as Django's ALLOWED_HOSTS."""

    allowed: str = "host names separated by commas, without scheme, port or path, such as drsorch.example.com"
    empty_is_none: bool = True

    def read(self, text: str) -> list[str]:
        hosts = _several(text)
        if not all(_is_host(host) or host == "*" for host in hosts):
            raise NotUnderstood
        return hosts


@dataclass(frozen=True)
class Origins(Kind):
    """Origins separated by commas, as Django's CSRF_TRUSTED_ORIGINS."""

    allowed: str = "origins separated by commas, without a path, such as https://drsorch.example.com:8443"
    empty_is_none: bool = True

    def read(self, text: str) -> list[str]:
        origins = _several(text)
        for origin in origins:
            parts = _split(origin, ("http", "https"))
            if parts.path or parts.query or parts.fragment or parts.username is not None:
                raise NotUnderstood
        return origins


@dataclass(frozen=True)
class Names(Kind):
    """Names separated by commas: of users, of roles."""

    allowed: str = "names separated by commas"
    empty_is_none: bool = True

    def read(self, text: str) -> list[str]:
        return _several(text)


@dataclass(frozen=True)
class Secrets(Names):
    """Secrets separated by commas."""

    allowed: str = "texts separated by commas"
    secret: bool = True


@dataclass(frozen=True)
class Scopes(Kind):
    """What is asked of an identity provider; `openid` is always among it."""

    allowed: str = "scopes separated by blanks, such as openid profile email groups"
    empty_is_none: bool = True

    def read(self, text: str) -> list[str]:
        scopes = text.replace(",", " ").split()
        # RFC 6749, appendix A.4
        if not all(re.fullmatch(r"[\x21\x23-\x5B\x5D-\x7E]+", scope, re.ASCII) for scope in scopes):
            raise NotUnderstood
        return list(dict.fromkeys(["openid", *scopes]))


@dataclass(frozen=True)
class Issuer(Kind):
    """The address that an identity provider calls itself by, as in its discovery document."""

    allowed: str = "an address such as https://id.example.com/realms/main, without a query"
    empty_is_none: bool = True

    def read(self, text: str) -> str:
        parts = _split(text, ("http", "https"))
        if parts.query or parts.fragment or parts.username is not None or len(text) > MAX_ISSUER:
            raise NotUnderstood
        if "/.well-known/" in text:
            raise NotUnderstood("Leave out what begins with /.well-known/.")
        return text


#: As many characters as 256 bits in base64, less what people lose when they copy.
_AUDIT_KEY_LENGTH = 40
NEW_AUDIT_KEY: Final = "python3 -c 'import secrets, time; print(time.strftime(\"%Y-%m:\") + secrets.token_urlsafe(48))'"


@dataclass(frozen=True)
class AuditKeys(Kind):
    """Keys of the audit trail, each with its id, in their order."""

    allowed: str = f"id:secret, several separated by commas (one is created by {NEW_AUDIT_KEY})"
    secret: bool = True
    empty_is_none: bool = True

    def read(self, text: str) -> tuple[tuple[str, str], ...]:
        keys: dict[str, str] = {}
        for number, part in enumerate(_several(text), start=1):
            id, colon, secret = part.partition(":")
            if not colon or not re.fullmatch(r"[A-Za-z0-9_.-]{1,32}", id, re.ASCII) or id.startswith("derived-"):
                raise NotUnderstood(f"Key {number} has no id, such as 2026-11.")
            if id in keys:
                raise NotUnderstood(f"Two keys have the id {id}. Give each key an id of its own.")
            if len(secret) < _AUDIT_KEY_LENGTH or len(set(secret)) < 12:
                raise NotUnderstood(
                    f"The key {id} could be guessed: its secret needs at least {_AUDIT_KEY_LENGTH} random characters."
                )
            keys[id] = secret
        return tuple(keys.items())


@dataclass(frozen=True)
class HeadsPlace(Kind):
    """A directory, or where in a bucket of S3."""

    allowed: str = "the path of a directory, or s3://bucket/prefix"
    empty_is_none: bool = True

    def read(self, text: str) -> str:
        if "://" in text and not _is_in_s3(text):
            raise NotUnderstood
        if "://" in text and text.endswith(".jsonl"):
            raise NotUnderstood(
                "The heads of each day become an object below the prefix, so it cannot be an object itself."
            )
        return text


@dataclass(frozen=True)
class Directory(Kind):
    """A directory, which is made if it is missing."""

    allowed: str = "the absolute path of a directory"
    empty_is_none: bool = True

    def read(self, text: str) -> str:
        if not text.startswith("/") or not text.isprintable():
            raise NotUnderstood
        return text


@dataclass(frozen=True)
class S3Place(Kind):
    """Where in a bucket of S3."""

    allowed: str = "s3://bucket/prefix"
    empty_is_none: bool = True

    def read(self, text: str) -> str:
        if not _is_in_s3(text):
            raise NotUnderstood
        return text.rstrip("/")


@dataclass(frozen=True)
class Networks(Kind):
    """IPv4 and IPv6 networks, separated by commas."""

    allowed: str = "networks separated by commas, such as 10.20.0.0/16"
    empty_is_none: bool = True

    def read(self, text: str) -> tuple[Network, ...]:
        try:
            return networks_read(text.split(","))
        except ValueError as error:
            raise NotUnderstood from error


@dataclass(frozen=True)
class Url(Kind):
    """An address with one of these schemes."""

    schemes: Collection[str]
    allowed: str
    #: Schemes that name no host.
    hostless: Collection[str] = ()
    empty_is_none: bool = False

    def read(self, text: str) -> Any:
        _split(text, self.schemes, self.hostless)
        return text


@dataclass(frozen=True)
class Authority(Url):
    """A time-stamping authority. Its address is kept with each time-stamp, so nothing secret may be in it."""

    schemes: Collection[str] = ("http", "https")
    allowed: str = "an address such as https://tsa.example.com/tsr, without a user name"
    empty_is_none: bool = True

    def read(self, text: str) -> str:
        parts = _split(text, self.schemes)
        if parts.username is not None or parts.fragment or len(text) > MAX_PLACE:
            raise NotUnderstood
        return text


@dataclass(frozen=True)
class Database(Url):
    """Django's settings of a database, from its address."""

    schemes: Collection[str] = ("sqlite", "postgres", "postgresql")
    allowed: str = (
        "sqlite:///path or postgres://user:password@host:5432/name, with special characters in the password as %XX"
    )

    def read(self, text: str) -> dict[str, Any]:
        # Hosts may be several, a socket's folder, or none: what the library understands is right.
        if text.partition("://")[0] not in self.schemes or "://" not in text or not text.isprintable():
            raise NotUnderstood
        try:
            parsed: dict[str, Any] = environ.Env().db_url_config(text)
        except ValueError as error:
            raise NotUnderstood from error
        if not parsed.get("NAME"):
            raise NotUnderstood
        return parsed


@dataclass(frozen=True)
class ExistingFile(Kind):
    allowed: str = "the path of a file or folder that exists"
    empty_is_none: bool = True

    def read(self, text: str) -> str:
        if text and not Path(text).exists():
            raise NotUnderstood
        return text


@dataclass(frozen=True)
class Point(Kind):
    """A crash point, and how often it is passed before it works."""

    allowed: str = "the name of a crash point, such as operation.after_intent or operation.after_intent:3"
    empty_is_none: bool = True

    def read(self, text: str) -> str:
        if text and not re.fullmatch(r"[a-z_]+\.[a-z_]+(:[1-9][0-9]{0,5})?", text, re.ASCII):
            raise NotUnderstood
        return text


def _is_in_s3(text: str) -> bool:
    scheme, separator, path = text.partition("://")
    bucket, _, prefix = path.partition("/")
    # What a bucket may be called: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    is_bucket = re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", bucket, re.ASCII)
    is_prefix = prefix.isprintable() and "//" not in prefix and not prefix.startswith("/") and len(text) <= MAX_PLACE
    return bool(separator and scheme == "s3" and is_bucket and is_prefix)


def is_loopback(host: str) -> bool:
    """True for this machine alone, however a host setting or an address writes it."""
    bare = host.strip("[]").lower()
    if bare == "localhost" or bare.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _several(text: str) -> list[str]:
    """What stands between commas, without blanks around it; what is empty is left out."""
    return [each for part in text.split(",") if (each := part.strip())]


def _is_host(host: str) -> bool:
    if host.startswith("["):
        try:
            return bool(ipaddress.IPv6Address(host.removeprefix("[").removesuffix("]"))) and host.endswith("]")
        except ValueError:
            return False
    return len(host) <= 253 and _HOST.fullmatch(host.lower()) is not None and ".." not in host


def _split(text: str, schemes: Collection[str], hostless: Collection[str] = ()) -> SplitResult:
    """The parts of an address with one of the schemes, and a host with a possible port. Raises `NotUnderstood`."""
    if not text.isprintable() or " " in text:
        raise NotUnderstood
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise NotUnderstood from error
    # A scheme alone, as in "redis", names no place.
    if parts.scheme not in schemes or "://" not in text or port == 0:
        raise NotUnderstood
    if parts.scheme not in hostless and not _is_host(f"[{name}]" if ":" in (name := parts.hostname or "") else name):
        raise NotUnderstood
    return parts
