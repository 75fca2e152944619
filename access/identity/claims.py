"""What an ID token says of a person, as far as it is used: groups, a name to be called by, how they signed in. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

Claims = Mapping[str, Any]

#: Longest name of a group, and so of a row of the table.
MAX_GROUP: Final = 255
#: Longest identifier of a person (`sub`) that is kept. OpenID Connect allows 255; providers use 36 or so.
MAX_SUBJECT: Final = 191
_MAX_USERNAME: Final = 150
#: What stands for the name of a person, the best first. None of these says who it is: that is `sub` alone.
_NAMES: Final = ("preferred_username", "email", "cognito:username", "sub")
#: Names that the audit trail gives to what is no person.
_RESERVED: Final = frozenset({"drsorch"})
_NOT_IN_USERNAMES: Final = re.compile(r"[^\w.@+-]+")


class GroupsLeftOut(Exception):
    """The provider did not put the groups into the token, although there are some."""


def groups_of(claims: Claims, name: str) -> list[str]:
    """The groups that the claim of this name has, sorted; none if there is no such claim.

    Raises `GroupsLeftOut` where the provider says that they are elsewhere (Entra, for a person in more than 200).
    """
    elsewhere = claims.get("_claim_names")
    if claims.get("hasgroups") is True or (isinstance(elsewhere, Mapping) and name in elsewhere):
        raise GroupsLeftOut
    value = claims.get(name)
    if value is None and "." in name:
        value = _inside(claims, name.split("."))
    texts = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return sorted({text for text in texts if isinstance(text, str) and _is_group(text)})


def _is_group(text: str) -> bool:
    """A name that the table can have: any other gives nothing, and no database need keep it."""
    return 0 < len(text) <= MAX_GROUP and text.isprintable()


def _inside(value: Any, path: list[str]) -> Any:
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def username_of(claims: Claims) -> str:
    """What the person is called here: the provider's own name for them, in the characters that a username may have."""
    for name in _NAMES:
        said = claims.get(name)
        # One spelling of each name, as Django's forms have it: no second person looks like the first.
        text = unicodedata.normalize("NFKC", said) if isinstance(said, str) else ""
        username = _NOT_IN_USERNAMES.sub("_", text.strip())[:_MAX_USERNAME]
        if username.strip("_"):
            return username
    return "unnamed"


def is_reserved(username: str) -> bool:
    """True for a name that the audit trail gives to something else, so that no person may have it."""
    return username.lower() in _RESERVED


def personal(claims: Claims) -> dict[str, str]:
    """First name, last name and e-mail address, as far as they are said and fit."""
    given, family, whole = (_text(claims, name, 150) for name in ("given_name", "family_name", "name"))
    if not given and not family:
        given, _, family = whole.partition(" ")
    email = _text(claims, "email", 254)
    return {"first_name": given, "last_name": family, "email": email if "@" in email else ""}


def _text(claims: Claims, name: str, longest: int) -> str:
    said = claims.get(name)
    text = said.strip() if isinstance(said, str) else ""
    return text if text.isprintable() and len(text) <= longest else ""


def methods_of(claims: Claims) -> list[str]:
    """How the provider says that the person signed in there (`amr`, RFC 8176), for the audit trail."""
    said = claims.get("amr")
    return [each for each in said if isinstance(each, str)][:10] if isinstance(said, list) else []
