"""Rows that are written once. Nobody edits or deletes them: not through the ORM, nor past it (`once.triggers`)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NoReturn, Self, TypeVar

from django.db import models

Row = TypeVar("Row", bound="AppendOnly")


class AppendOnlyError(TypeError):
    """Somebody tried to change or delete what is written once: a mistake in the code."""


def _refuse(model: type[models.Model]) -> NoReturn:
    raise AppendOnlyError(f"{model._meta.verbose_name_plural} are written once: they are never changed or deleted.")


class AppendOnlyQuerySet(models.QuerySet[Row]):
    """Creates and reads; everything else raises `AppendOnlyError`."""

    def update(self, **kwargs: Any) -> NoReturn:
        _refuse(self.model)

    async def aupdate(self, **kwargs: Any) -> NoReturn:
        _refuse(self.model)

    def delete(self) -> NoReturn:
        _refuse(self.model)

    async def adelete(self) -> NoReturn:
        _refuse(self.model)

    def _raw_delete(self, using: Any) -> NoReturn:
        _refuse(self.model)

    def bulk_update(self, objs: Iterable[Row], fields: Iterable[str], batch_size: int | None = None) -> NoReturn:
        _refuse(self.model)

    def update_or_create(self, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse(self.model)

    def bulk_create(  # noqa: PLR0917 # Django's own
        self,
        objs: Iterable[Row],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,
        update_conflicts: bool = False,
        update_fields: Collection[str] | None = None,
        unique_fields: Collection[str] | None = None,
    ) -> list[Row]:
        if update_conflicts or ignore_conflicts:
            _refuse(self.model)
        return super().bulk_create(objs, batch_size=batch_size)


class AppendOnly(models.Model):
    """A row that is written once. Each kind has `objects` of an `AppendOnlyQuerySet` of its own."""

    class Meta:
        abstract = True
        base_manager_name = "objects"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            _refuse(type(self))
        # An UPDATE of a row with this key is not tried first.
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse(type(self))

    @classmethod
    def models(cls) -> list[type[Self]]:
        """Every kind of row that is written once."""
        return cls.__subclasses__()

    @classmethod
    def tables(cls) -> list[str]:
        """Their tables, which the database guards (`audit.once.triggers`)."""
        return sorted(model._meta.db_table for model in cls.models())
