"""Reading documents: each becomes the one full form that it is compared and saved in, and everything wrong is noted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from foundation.errors import FieldError, Invalid
from foundation.names import name_clean
from foundation.storable import unstorable
from foundation.wording import listing
from plans.core.document import normalise
from plans.core.fields import Fields, shown
from protection.core.site_rules import site_errors
from protection.core.tag_selector import selector_problem


class Kind(StrEnum):
    """In the order in which one refers to the one before it."""

    SITE = "site"
    GROUP = "protection_group"
    PLAN = "plan"

    @property
    def words(self) -> str:
        return self.value.replace("_", " ")


#: Members of every document that are not part of what it describes.
KIND: Final = "kind"
RENAMED_FROM: Final = "renamed_from"
MAX_DOCUMENTS: Final = 5000
_SITE_TEXT: Final = 2048


@dataclass(frozen=True, slots=True)
class Document:
    kind: Kind
    name: str
    #: The name that it had before, if the document says so.
    renamed_from: str
    #: Where it is among what was sent: `documents.3`.
    place: str
    #: All fields, in the order in which they are written. A site's `role_arn` is missing if it says none.
    body: Mapping[str, Any]

    @property
    def words(self) -> str:
        return f"{self.kind.words} “{self.name}”"


@dataclass(frozen=True, slots=True)
class Head:
    """A document of which only kind and name have been read."""

    kind: Kind
    name: str
    renamed_from: str
    place: str
    raw: Mapping[str, Any]


def heads_of(raw: Sequence[object], errors: list[FieldError]) -> list[Head]:
    """Kind and name of each document; those without a usable one are noted and left out."""
    if len(raw) > MAX_DOCUMENTS:
        errors.append(FieldError("documents", f"There are {len(raw)} documents; the maximum is {MAX_DOCUMENTS}."))
        return []
    found: list[Head] = []
    for index, one in enumerate(raw):
        place = f"documents.{index}"
        if why := unstorable(one):
            errors.append(FieldError(place, f"Document {index + 1} cannot be read: it {why}."))
        elif isinstance(one, Mapping):
            found += _head(one, place, index, errors)
        else:
            errors.append(
                FieldError(place, f"Document {index + 1} must be an object, not {shown(one)}.", "not_an_object")
            )
    _check_once(found, errors)
    return found


def _head(raw: Mapping[str, Any], place: str, index: int, errors: list[FieldError]) -> list[Head]:
    before = len(errors)
    kinds = [kind.value for kind in Kind]
    head = Fields(raw, place, f"Document {index + 1}", errors)
    kind = head.choice(KIND, kinds)
    if kind:
        head.subject = f"{Kind(kind).words.capitalize()} {index + 1}"
    name = head.name()
    renamed_from = head.name(RENAMED_FROM) if raw.get(RENAMED_FROM) is not None else ""
    if len(errors) > before:
        return []
    rest = {key: value for key, value in raw.items() if key not in (KIND, RENAMED_FROM)}
    return [Head(Kind(kind), name, renamed_from, place, rest)]


def _check_once(heads: Iterable[Head], errors: list[FieldError]) -> None:
    first: dict[tuple[Kind, str], str] = {}
    for head in heads:
        key = (head.kind, head.name)
        if key in first:
            sentence = f"There are two documents for {head.kind.words} “{head.name}”: {first[key]} and {head.place}."
            errors.append(FieldError(f"{head.place}.name", f"{sentence} Keep one.", "twice"))
        first.setdefault(key, head.place)


@dataclass(frozen=True, slots=True)
class Known:
    """What documents may refer to: what there will be, by name."""

    sites: Collection[str]
    groups: Collection[str]
    #: New names by old ones, for the remedy where a document uses an old one.
    renamed: Mapping[Kind, Mapping[str, str]]


def read(head: Head, known: Known, errors: list[FieldError]) -> Document | None:
    """The whole document; None if anything is wrong with it, which is noted."""
    before = len(errors)
    body = _READERS[head.kind](head, known, errors)
    if len(errors) > before:
        return None
    return Document(head.kind, head.name, head.renamed_from, head.place, body)


def _site(head: Head, known: Known, errors: list[FieldError]) -> dict[str, Any]:
    subject = f"Site “{head.name}”"
    site = Fields(head.raw, head.place, subject, errors)
    if "external_id" in head.raw:
        site.take("external_id")
        site.error(
            "external_id",
            f"{subject}: external_id is a secret and has no place in a document. Remove it, and set it once with "
            f"PATCH sites/{head.name}/.",
            "secret",
        )
    body: dict[str, Any] = {"name": site.name()}
    body |= {key: site.text(key, required=True, limit=_SITE_TEXT) for key in ("account_id", "region")}
    if site.take("role_arn") is not None:
        body["role_arn"] = site.line("role_arn", limit=_SITE_TEXT)
    body["endpoint_url"] = site.line("endpoint_url", limit=500)
    body["job_tags"] = _truth(site, "job_tags", default=True)
    site.finish()
    if not any(error.attr.startswith(f"{head.place}.") for error in errors):
        facts = {key: body.get(key, "") for key in ("account_id", "region", "role_arn", "endpoint_url")}
        for error in site_errors(**facts, external_id=""):
            site.error(error.attr, f"{subject}: {error.detail}", error.code)
    return body


def _truth(fields: Fields, key: str, *, default: bool) -> bool:
    value = fields.take(key, default)
    if isinstance(value, bool):
        return value
    fields.error(key, f"{fields.subject}: {key} must be true or false, not {shown(value)}.")
    return default


def _group(head: Head, known: Known, errors: list[FieldError]) -> dict[str, Any]:
    subject = f"Protection group “{head.name}”"
    group = Fields(head.raw, head.place, subject, errors)
    body: dict[str, Any] = {"name": group.name(), "description": group.text("description"), "site": group.name("site")}
    if body["site"] and body["site"] not in known.sites:
        group.error(
            "site",
            f"{subject}: there is no site {shown(body['site'])}.{_remedy(body['site'], Kind.SITE, known)}",
            "unknown",
        )
    servers = group.items("servers")
    for index, server in enumerate(servers):
        if not isinstance(server, str) or not server.strip():
            group.error(f"servers.{index}", f"{subject}: servers must contain source server ids, not {shown(server)}.")
    body["servers"] = list(dict.fromkeys(each.strip() for each in servers if isinstance(each, str)))
    selector = group.take("tag_selector", {})
    if problem := selector_problem(selector):
        group.error("tag_selector", f"{subject}: {problem}")
        selector = {}
    body["tag_selector"] = {key: list(dict.fromkeys(values)) for key, values in selector.items()}
    group.finish()
    if not head.raw.get("servers") and not head.raw.get("tag_selector"):
        group.error("tag_selector", f"{subject} selects nothing: give it a tag_selector, or servers by id.", "empty")
    return body


def _plan(head: Head, known: Known, errors: list[FieldError]) -> dict[str, Any]:
    subject = f"Plan “{head.name}”"
    try:
        # Groups by name alone: an id means nothing in another installation.
        return {**normalise(head.raw, groups={-at: name for at, name in enumerate(sorted(known.groups), 1)})}
    except Invalid as invalid:
        for error in invalid.errors:
            detail = error.detail if error.detail.startswith("The plan") else f"{subject}: {error.detail}"
            if error.code == "unknown" and ".protection_groups." in f".{error.attr}":
                detail += _group_remedy(head.raw, error.attr, known)
            errors.append(FieldError(f"{head.place}.{error.attr}".rstrip("."), detail, error.code))
        return {}


def _group_remedy(raw: Any, path: str, known: Known) -> str:
    """What to do about a group that does not exist; `path` is where the plan names it."""
    for part in path.split("."):
        raw = raw[int(part)] if part.isdecimal() else raw[part]
    return _remedy(name_clean(raw), Kind.GROUP, known) if isinstance(raw, str) else ""


def _remedy(name: str, kind: Kind, known: Known) -> str:
    if new := known.renamed[kind].get(name):
        return f" It is renamed to “{new}”: write that."
    there = known.sites if kind is Kind.SITE else known.groups
    alike = [other for other in sorted(there) if other.casefold() == name.casefold()]
    if alike:
        return f" Did you mean {listing([f'“{each}”' for each in alike], last='or')}?"
    return " Add a document for it, or correct the name."


_READERS: Final = {Kind.SITE: _site, Kind.GROUP: _group, Kind.PLAN: _plan}


def exported(bodies: Iterable[tuple[Kind, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Documents of what there is, in one order: by kind, then by name."""
    order = list(Kind)
    chosen = sorted(bodies, key=lambda one: (order.index(one[0]), one[1]["name"]))
    return [{KIND: kind.value, **body} for kind, body in chosen]
