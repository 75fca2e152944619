"""Every door of drsorch, read from the URL configuration: each address with each verb that its view takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from access.models import ProviderGroup, ProviderLink, Role, SignInSession
from tests.integration.api.operations import World

#: What a request may ask for. HEAD is a GET without a body, OPTIONS says what there is.
VERBS = ("get", "post", "put", "patch", "delete")
#: Where a pattern has no name: what stands for it in the table.
NAMELESS = {"admin/(?P<url>.*)$": "admin:*", "api/^": "api:*"}


@dataclass(frozen=True)
class Door:
    """An address. `name` is its key in the table; `parts` are what its address names."""

    name: str
    pattern: str
    parts: tuple[str, ...]
    #: Of a view of the API: verb -> action.
    actions: dict[str, str] | None

    def __str__(self) -> str:
        return self.name

    @property
    def is_api(self) -> bool:
        return self.pattern.startswith("api/")

    @property
    def is_screen(self) -> bool:
        return self.pattern.startswith("admin/")


def doors() -> list[Door]:
    """All of them, in the order in which Django tries them."""
    return list(_found(get_resolver().url_patterns))


def _found(patterns: Any, prefix: str = "", namespace: str = "", above: tuple[str, ...] = ()) -> Iterator[Door]:
    for each in patterns:
        pattern, parts = f"{prefix}{each.pattern}", (*above, *each.pattern.regex.groupindex)
        if isinstance(each, URLResolver):
            yield from _found(each.url_patterns, pattern, namespace or each.namespace or "", parts)
        elif isinstance(each, URLPattern):
            yield Door(_name(each, namespace, pattern), pattern, parts, _actions(each.callback))


def _name(each: URLPattern, namespace: str, pattern: str) -> str:
    if each.name:
        return f"{namespace}:{each.name}" if namespace else each.name
    # The admin leads addresses without “change/” there.
    return NAMELESS.get(pattern, pattern)


def _actions(callback: Any) -> dict[str, str] | None:
    if (view := getattr(callback, "cls", None)) is None:
        return None
    actions = getattr(callback, "actions", None) or {verb: verb for verb in VERBS if hasattr(view, verb)}
    return {verb: action for verb, action in actions.items() if verb in VERBS}


class Estate(World):
    """The small world of the API's operations, with something for every address of the screens, too."""

    def __init__(self, by: User) -> None:
        super().__init__(by)
        self.provider_group = ProviderGroup.objects.create(name="dr", role=Role.objects.get(name="viewer"))
        self.session = SignInSession.objects.create(user=by, session_key="0" * 32, ip="203.0.113.9")
        self.provider_link = ProviderLink.objects.create(user=by, provider="https://id.example.com", uid="p-1")

    def address(self, door: Door) -> str:
        """The door's address, of things that are there."""
        if door.name in ("admin:*", "api:*"):
            return "/admin/nowhere/" if door.is_screen else "/api/v1/nowhere/"
        values = {part: self._value(door, part) for part in door.parts if part not in ("final_dot", "format")}
        if "/" in door.name:  # without a name
            model = door.pattern.split("/")[2]
            return f"/admin/{door.pattern.split('/')[1]}/{model}/{values['object_id']}/"
        return reverse(door.name, kwargs=values)

    def _value(self, door: Door, part: str) -> Any:
        if door.is_api:
            prefix = max((one for one in self.names if door.name.startswith(one)), key=len)
            pk, more = self.names[prefix]
            return {"id": pk, "sha256": "0" * 64, "number": 1, **more}[part]
        known = {
            "plan_id": self.plan.pk, "site_id": self.names["site"][0], "server_id": self.names["source-server"][0],
            "execution_id": self.drill.pk, "number": 1, "name": "pause", "app_label": "plans", "content_type_id": 1,
            "form": "csv", "other": self.other.pk, "group_id": self.names["protection-group"][0],
            "account_id": self.service.pk, "proposal_id": self.proposal.pk,
            "user_id": self.token.user_id, "token_id": self.token.uid,
        }  # fmt: skip
        if part in known:
            return known[part]
        rows = {
            "site": self.names["site"][0], "sourceserver": self.names["source-server"][0],
            "protectiongroup": self.names["protection-group"][0], "execution": self.drill.pk,
            "apitoken": self.token.pk, "user": self.token.user_id, "finding": self.finding.pk, "role": 1,
            "event": 1, "serviceaccount": self.service.pk, "signinsession": self.session.pk,
            "providergroup": self.provider_group.pk,
            "providerlink": self.provider_link.pk, "<path:content_type_id>": 1, "webauthn": 1,
        }  # fmt: skip
        return rows[door.pattern.split("/")[2]]
