"""What a step's texts may refer to, as in `{{private_ip:web-1}}`: filled in when the step runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

#: `{{ssm:name}}` is not ours: Systems Manager fills it in itself.
PATTERN: Final = re.compile(r"\{\{\s*(?!ssm:)([a-z_]+(?::[^{}\s]+)?)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    #: What it stands for, in a few words.
    meaning: str
    #: It stands for any number of values: in a list for as many texts, elsewhere joined by commas.
    several: bool = False
    #: It stands for something of the wave's own servers alone.
    of_wave: bool = False


#: Those that need no server's name.
VARIABLES: Final[Mapping[str, Variable]] = {
    one.name: one
    for one in (
        Variable("execution_id", "the id of the execution"),
        Variable("execution_kind", "drill or recovery"),
        Variable("plan", "the name of the plan"),
        Variable("wave", "the name of this wave"),
        Variable("instance_ids", "the recovery instances launched so far", several=True),
        Variable("private_ips", "their private IP addresses", several=True),
        Variable("wave_instance_ids", "the recovery instances of this wave", several=True, of_wave=True),
        Variable("wave_private_ips", "their private IP addresses", several=True, of_wave=True),
    )
}
#: Those of one server, by its host name or source server id.
OF_SERVER: Final[Mapping[str, Variable]] = {
    one.name: one
    for one in (
        Variable("instance_id", "the recovery instance of a server"),
        Variable("private_ip", "the private IP address of a server"),
    )
}


def written(name: str) -> str:
    """As it is typed."""
    return f"{{{{{name}}}}}"


def named_in(value: Any) -> list[str]:
    """The variables in the texts of a parameter, whatever is nested in it, each once."""
    return list(dict.fromkeys(_named_in(value)))


def _named_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from (match[1] for match in PATTERN.finditer(value))
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _named_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from _named_in(each)
