"""An index in the order of the API's pages."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import F


class NewestFirst(models.Index):
    """Serves `?ordering=-<column>`: largest first, nulls last, then by descending primary key."""

    def __init__(self, *, column: str, name: str) -> None:
        self.column = column
        super().__init__(F(column).desc(nulls_last=True), F("id").desc(), name=name)

    def deconstruct(self) -> Any:
        return f"{type(self).__module__}.{type(self).__qualname__}", (), {"column": self.column, "name": self.name}

    def clone(self) -> NewestFirst:
        return type(self)(column=self.column, name=self.name)

    def create_sql(
        self, model: type[models.Model], schema_editor: BaseDatabaseSchemaEditor, using: str = "", **kwargs: Any
    ) -> Any:
        if schema_editor.connection.vendor != "sqlite":
            return super().create_sql(model, schema_editor, using, **kwargs)
        # SQLite sorts nulls last when it sorts downwards, and takes no word about it in an index.
        plain = models.Index(F(self.column).desc(), F("id").desc(), name=self.name)
        return plain.create_sql(model, schema_editor, using, **kwargs)
