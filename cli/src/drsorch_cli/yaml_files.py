"""YAML as drsorch reads it: a scalar is what YAML 1.2 says, so `no` is a word and an account id keeps its zero."""

from __future__ import annotations

import re
from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    """Without YAML 1.1's idea of booleans, numbers and dates, and without what JSON cannot say: anchors, tags, keys
    that are no texts. A key that is there twice is an error."""

    yaml_implicit_resolvers: dict[str, Any] = {}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise _wrong(f"anchors and aliases such as {event.anchor} are not allowed: write it out", event)
        if event.tag is not None:
            raise _wrong(f"tags such as {event.tag} are not allowed", event)
        return super().compose_node(parent, index)

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        text = super().construct_scalar(node)
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise _wrong("half of a surrogate pair is not a character: write the whole one", node)
        return text

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _wrong("a key must be a text", key)
            if key.value in seen:
                raise _wrong(f"“{key.value}” is there twice", key)
            seen.add(key.value)
            key.tag = "tag:yaml.org,2002:str"
        return super().construct_mapping(node, deep)


def _wrong(why: str, where: Any) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, why, where.start_mark)


def _resolves(tag: str, pattern: str, first: str) -> None:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"^(?:{pattern})$"), list(first))


_resolves("null", r"~|null|Null|NULL|", "~nN")
_Loader.yaml_implicit_resolvers.setdefault("", []).append(("tag:yaml.org,2002:null", re.compile(r"^$")))
_resolves("bool", r"true|True|TRUE|false|False|FALSE", "tTfF")
_resolves("int", r"[-+]?(?:0|[1-9][0-9]{0,17})", "-+0123456789")
_resolves("float", r"[-+]?(?:0|[1-9][0-9]*)\.[0-9]*(?:[eE][-+][0-9]+)?", "-+0123456789")


class _Dumper(yaml.SafeDumper):
    """Several lines as a block, and lists set in from what they belong to."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> Any:
    lines = text.split("\n")
    style = None
    if not all(map(str.isprintable, lines)):
        style = '"'  # PyYAML writes some line ends of Unicode as they are, and reads them as spaces
    elif len(lines) > 1 and text.strip() == text.rstrip("\n"):
        style = "|"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


class NotYaml(ValueError):
    """The message is a sentence with line and column."""


def read(text: str) -> Any:
    """The value that the text says. Raises `NotYaml`."""
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 # a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise NotYaml(f"{where}{error.problem or 'this is not YAML'}") from error
    except yaml.YAMLError as error:
        raise NotYaml(f"this is not YAML: {error}") from error
    except RecursionError as error:
        raise NotYaml("this is nested too deeply") from error


def written(value: Any) -> str:
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text
