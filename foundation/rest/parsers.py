"""JSON in, and YAML: what RFC 8259 allows and every database of ours can store, nothing else."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import IO, Any, NoReturn

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, JSONParser

from foundation.files.yaml_text import MEDIA_TYPE, NotYaml, read
from foundation.storable import unstorable


class StrictJSONParser(JSONParser):
    """A JSON object that can be stored. Nothing is lost on the way: a member that is there twice is refused."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            text = stream.read().decode("utf-8")
            data = json.loads(text, object_pairs_hook=_members, parse_constant=_no_constant, parse_float=_finite_float)
        except RecursionError as error:
            raise ParseError("The JSON is nested too deeply.") from error
        except UnicodeDecodeError as error:
            raise ParseError("The JSON is not UTF-8.") from error
        except ValueError as error:
            raise ParseError(f"The body is not valid JSON: {error}.") from error
        if why := unstorable(data):
            raise ParseError(f"The JSON {why}.")
        if not isinstance(data, dict):
            raise ParseError(f"The body must be a JSON object, not {_noun(data)}.")
        return data


class MergePatchParser(StrictJSONParser):
    """What changes, as RFC 7396 writes it. In JSON, an object replaces the other whole; here they are merged."""

    media_type = "application/merge-patch+json"


def merged(current: Any, patch: Any) -> Any:
    """What the patch makes of it (RFC 7396): null removes a member."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(current) if isinstance(current, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


class StrictYamlParser(BaseParser):
    """The same in YAML, for documents that people keep in files."""

    media_type = MEDIA_TYPE

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            data = read(stream.read().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise ParseError("The YAML is not UTF-8.") from error
        except NotYaml as error:
            raise ParseError(f"The body is not valid YAML. {error}") from error
        if why := unstorable(data):
            raise ParseError(f"The YAML {why}.")
        if not isinstance(data, dict):
            raise ParseError(f"The body must be a YAML mapping, not {_noun(data)}.")
        return data


def _members(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"it has {json.dumps(name[:60])} twice in one object")
        found[name] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _finite_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is too large a number")
    return value


def _noun(data: object) -> str:
    match data:
        case None:
            return "null"
        case list():
            return "a list"
        case str():
            return "a text"
        case bool():
            return "true" if data else "false"
        case _:
            return "a number"
