"""`python -m drsorch.environment_documents`: write README's table of settings and `.env.example` from the one table."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Final

from drsorch.environment import (
    AWS,
    BASE_DIR,
    ENGINE,
    EYES,
    PEOPLE,
    PROOFS,
    REPORTS,
    REQUIRED,
    SETTINGS,
    STATE,
    TRAIL,
    WEB,
    Setting,
)
from drsorch.values import NEW_AUDIT_KEY, Number

BEGIN: Final = "<!-- settings: written by python -m drsorch.environment_documents -->"
END: Final = "<!-- end of settings -->"
SECTIONS: Final = (REQUIRED, TRAIL, WEB, PEOPLE, STATE, ENGINE, EYES, REPORTS, AWS, PROOFS)
_WIDTH: Final = 120

_HEAD: Final = """\
# drsorch is configured by environment variables only. A file named .env beside manage.py is read at the start;
# variables of the environment take precedence. `make run` creates a .env if there is none; `make demo` needs none.
# This file is written from the table in drsorch/environment.py.
"""
_NOTES: Final = {
    "SECRET_KEY": "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'",
    "DRSORCH_AUDIT_KEYS": NEW_AUDIT_KEY,
}


def table() -> str:
    """README's table, between its markers."""
    rows = [
        f"| `{one.name}` | {default(one)} | {one.meaning}{_range(one)} |"
        for section in SECTIONS
        for one in SETTINGS
        if one.section == section
    ]
    return "\n".join([BEGIN, "| variable | default | |", "|---|---|---|", *rows, END])


def readme(text: str) -> str:
    """The text of README with the table of now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{table()}{after}"


def template() -> str:
    """The text of `.env.example`."""
    return _HEAD + "".join(line for section in SECTIONS for line in _section(section))


def default(setting: Setting) -> str:
    if setting.default_words:
        return setting.default_words
    value = setting.default
    return f"`{str(value).lower()}`" if isinstance(value, bool | str) else f"{value:g}"


def _section(name: str) -> Iterator[str]:
    yield f"\n# --- {name} {'-' * (_WIDTH - len(name) - 7)}\n"
    for one in SETTINGS:
        if one.section == name:
            meaning = f"{one.meaning[:1].upper()}{one.meaning[1:]}{_range(one)}.".replace("`", "")
            yield "".join(f"# {line}\n" for line in textwrap.wrap(meaning, _WIDTH - 2))
            if one.name in _NOTES:
                yield f"#   {_NOTES[one.name]}\n"
            yield f"{'' if one.section == REQUIRED else '#'}{one.name}={_example(one)}\n"


def _example(one: Setting) -> str:
    if one.example or callable(one.default) or one.default == ():
        return one.example
    return str(one.default).lower() if isinstance(one.default, bool | str) else f"{one.default:g}"


def _range(one: Setting) -> str:
    return f" ({one.kind.low:g} to {one.kind.high:.12g})" if isinstance(one.kind, Number) else ""


def main() -> None:
    path = BASE_DIR / "README.md"
    path.write_text(readme(path.read_text()))
    (BASE_DIR / ".env.example").write_text(template())


if __name__ == "__main__":
    main()
