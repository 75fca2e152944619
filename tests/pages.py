"""Pages as a browser holds them: a form carries what it showed, and sends it with what was typed."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import AbstractBaseUser
from django.test import Client
from django.urls import get_resolver


def browser_of(user: AbstractBaseUser) -> Client:
    """In which the user is signed in."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def registry() -> dict[Any, Any]:
    """Model -> its pages in the admin, which are loaded with the addresses, not before."""
    assert get_resolver().url_patterns
    return admin.site._registry


class _Form(HTMLParser):
    """What the (last) form of a page would send if nothing were typed."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: dict[str, list[str]] = {}
        self._select = self._area = ""
        self._text = ""

    def _put(self, name: str, value: str) -> None:
        self.sent.setdefault(name, []).append(value)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        name, kind = given.get("name", ""), given.get("type", "text")
        if tag == "select":
            self._select = name
        elif tag == "option" and "selected" in given and self._select:
            self._put(self._select, given.get("value", ""))
        elif tag == "textarea":
            self._area, self._text = name, ""
        elif tag == "input" and name and kind not in ("submit", "button", "file", "search"):
            if kind not in ("checkbox", "radio"):
                self._put(name, given.get("value", ""))
            elif "checked" in given:
                self._put(name, given.get("value", "on"))

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
        elif tag == "textarea" and self._area:
            # HTML drops the first line break of a text area.
            self._put(self._area, self._text.removeprefix("\n"))
            self._area = ""


def form_of(response: Any) -> dict[str, list[str]]:
    """What the page's form would send if nothing were typed; Django's own token is left out."""
    parser = _Form()
    parser.feed(response.content.decode())
    return {name: values for name, values in parser.sent.items() if name != "csrfmiddlewaretoken"}


def shown_form(client: Client, url: str) -> dict[str, list[str]]:
    """The same, of the page at an address."""
    response = client.get(url)
    assert response.status_code == 200, response.status_code
    return form_of(response)


def press(client: Client, url: str, typed: dict[str, Any] | None = None, **options: Any) -> Any:
    """Open the page, type, and send its form."""
    return client.post(url, {**shown_form(client, url), **(typed or {})}, **options)


def text_of(response: Any) -> str:
    """What a person reads: without tags, in single spaces."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())).strip()
