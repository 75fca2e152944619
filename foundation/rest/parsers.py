"""JSON in: what RFC 8259 allows and every database of ours can store, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from foundation.storable import unstorable


class StrictJSONParser(JSONParser):
    """JSON that can be stored."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            data = super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise ParseError("The JSON is nested too deeply.") from error
        if why := unstorable(data):
            raise ParseError(f"The JSON {why}.")
        return data
