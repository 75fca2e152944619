"""A real identity provider for the tests: Canaille, in a process of its own, over HTTP.

In a process of its own because it sets a broker for all of dramatiq, and as providers are elsewhere. What happens there
is said on its standard input, a line of JSON for each; people sign in by its own forms, as a browser does.

It is run as a script: nothing of ours may be imported at the top.
"""

from __future__ import annotations

import http.cookiejar
import json
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from html import unescape
from typing import Any

CLIENT_ID, CLIENT_SECRET = "drsorch-at-canaille", "the-secret~of.drsorch_at-canaille"
CALLBACK = "http://testserver/accounts/oidc/callback/"
PASSWORD = "correct horse battery staple"


class IdentityProvider:
    """The parent's side: starts it, says what happens there, and signs people in."""

    def __init__(self, port: int) -> None:
        self.issuer = f"http://localhost:{port}"
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._answer()

    def stop(self) -> None:
        """As when the provider is down: nobody listens there any more."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def say(self, do: str, **what: Any) -> Any:
        """Have something happen there, and wait until it has."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **what}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the identity provider has ended"
        return json.loads(line)

    def person(self, username: str, *groups: str, **fields: Any) -> None:
        """A person who is there, in these groups and no other."""
        self.say("person", username=username, groups=groups, fields=fields)


class Redirects(urllib.request.HTTPRedirectHandler):
    """Followed at the provider; where it leads back to drsorch, there is the answer."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if newurl.startswith(CALLBACK):
            raise urllib.error.HTTPError(newurl, code, msg, headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class Visitor:
    """A browser at the provider: it keeps cookies, follows redirects and fills in forms."""

    def __init__(self) -> None:
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
            Redirects(),
        )

    def goes(self, address: str, username: str, password: str = PASSWORD, answer: str = "accept") -> str:
        """Where the provider leads back to, once its forms are filled in."""
        typed = {"login": username, "password": password, "answer": answer}
        data: bytes | None = None
        for _ in range(6):
            try:
                with self._opener.open(address, data, timeout=20) as page:
                    address, body = page.url, page.read().decode()
            except urllib.error.HTTPError as led:
                if led.url and led.url.startswith(CALLBACK):
                    return str(led.url)
                raise AssertionError(f"{led.status} {led.read().decode()[:3000]}") from led
            address, data = _form(address, body, typed)
        raise AssertionError(f"still at {address}")


def _form(address: str, body: str, typed: dict[str, str]) -> tuple[str, bytes]:
    """Where the page's form is sent to, and with what."""
    for form in re.findall(r"<form.*?</form>", body, re.S):
        fields = dict(re.findall(r'<input[^>]*?name="([^"]+)"[^>]*?value="([^"]*)"', form))
        asked = {name for name in typed if f'name="{name}"' in form}
        if asked:
            action = re.search(r'<form[^>]*action="([^"]*)"', form)
            where = urllib.parse.urljoin(address, unescape(action[1])) if action and action[1] else address
            sent = {**fields, **{name: typed[name] for name in asked}}
            return where, urllib.parse.urlencode(sent).encode()
    raise AssertionError(f"no form at {address}: {body[:3000]}")


# --- the process ------------------------------------------------------------------------------------------------------


def main(port: int) -> None:
    """Serve until standard input ends."""
    import os

    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
    from canaille import create_app
    from canaille.backends import Backend
    from joserfc.jwk import RSAKey
    from pytest_iam import Server

    def new_key(kid: str = "") -> dict[str, Any]:
        key = RSAKey.generate_key(2048, {"kid": kid} if kid else None, auto_kid=not kid)
        return dict(key.as_dict(private=True))

    oidc = {"ACTIVE_JWKS": [new_key()]}
    app = create_app(
        config={
            "TESTING": True,
            "SECRET_KEY": "canaille-in-the-tests-of-drsorch",
            "WTF_CSRF_ENABLED": False,
            "PREFERRED_URL_SCHEME": "http",
            "SERVER_NAME": f"localhost:{port}",
            "CANAILLE": {"DATABASE": "memory", "JAVASCRIPT": False, "LOGGING": {"version": 1}},
            "CANAILLE_OIDC": oidc,
        }
    )
    server = Server(app, port, Backend.instance)
    models, backend = server.models, Backend.instance
    with app.app_context():
        others = models.Client(client_id="another", client_name="another", redirect_uris=["http://testserver/"])
        backend.save(others)
        client = models.Client(
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            client_name="drsorch",
            client_uri="http://testserver",
            redirect_uris=[CALLBACK],
            grant_types=["authorization_code"],
            response_types=["code"],
            scope=["openid", "profile", "email", "groups"],
            token_endpoint_auth_method="client_secret_basic",
        )
        backend.save(client)
        client.audience = [client]
        backend.save(client)

    def groups_are(user: Any, names: list[str]) -> None:
        for group in backend.query(models.Group):
            members = [each for each in group.members if each.user_name != user.user_name]
            if group.display_name in names:
                members.append(user)
                names = [name for name in names if name != group.display_name]
            if members:
                backend.update(group, members=members)
                backend.save(group)
            else:
                backend.delete(group)
        for name in names:
            backend.save(models.Group(display_name=name, members=[user]))

    def person(username: str, groups: list[str], fields: dict[str, Any]) -> None:
        user = backend.get(models.User, user_name=username) or models.User(
            user_name=username, formatted_name=username.title(), family_name=username.title(), password=PASSWORD
        )
        backend.update(user, emails=[f"{username}@example.com"], display_name=username, **fields)
        backend.save(user)
        groups_are(user, list(groups))

    def rotate(same_id: bool = False) -> None:
        """Sign with a new key from now on; the old one is no longer shown."""
        jwks = app.config["CANAILLE_OIDC"]["ACTIVE_JWKS"]
        app.config["CANAILLE_OIDC"]["ACTIVE_JWKS"] = [new_key(jwks[0]["kid"] if same_id else "")]

    def audience(other: bool) -> None:
        client.audience = [others] if other else [client]
        backend.save(client)

    def comes_back_to(address: str) -> None:
        client.redirect_uris = [*client.redirect_uris, address]
        backend.save(client)

    def agrees(username: str) -> None:
        """The person has agreed that drsorch reads who they are."""
        server.consent(backend.get(models.User, user_name=username), client)

    def forget_codes() -> None:
        """Codes that nobody came for: with its database in memory, it takes one of these for another of the client."""
        for code in backend.query(models.AuthorizationCode):
            backend.delete(code)

    doing = {act.__name__: act for act in (person, rotate, audience, forget_codes, comes_back_to, agrees)}
    threading.Thread(target=server.httpd.serve_forever, daemon=True).start()
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        with app.app_context():
            answer = doing[asked.pop("do")](**asked)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
