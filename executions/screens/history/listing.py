"""Django's list of a model, narrowed by the form above it, with what its columns need of a page read at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import cached_property
from unfold.views import ChangeList

from executions.history.achieved import achieved
from executions.models import Execution
from executions.screens.history.forms import HistoryForm, SavedLink, SaveForm
from executions.services.saved_filters import may_delete, may_share, saved_filters_of
from foundation.people import person
from foundation.references import id_of

#: Which saved filter the address came from; of no effect on what is listed.
SAVED = "saved"


#: Of a narrowed list, at most so many are counted and can be paged through: counting looks at each.
MOST: Final = 10_000


class FirstOfMany(Paginator):
    """Pages of the first of what was found, where that is more."""

    most: int = MOST

    @cached_property
    def counted(self) -> int:
        found: Any = self.object_list
        return int(found.order_by()[: self.most + 1].count())

    @cached_property
    def count(self) -> int:
        return min(self.counted, self.most)


class HistoryList(ChangeList):
    #: An address may hold these, and Django is not asked about them.
    own_parameters: ClassVar[frozenset[str]] = frozenset({*HistoryForm.base_fields, SAVED})

    #: Each has `achieved`.
    result_list: Any
    form: HistoryForm
    saved: Sequence[SavedLink]

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        self.form = HistoryForm(request.GET, timezone.now(), request.user)
        super().__init__(request, *args, **kwargs)
        #: The address to be saved, and to be had as a file.
        self.kept = self.form.query(request.GET).urlencode()
        self.saved = self._saved(request)
        self.current = next((link for link in self.saved if link.is_current), None)
        self.may_share = may_share(person(request))
        current = self.current.saved if self.current and not self.current.owner else None
        initial: dict[str, Any] = {"query": self.kept}
        if current is not None:
            initial |= {"name": current.name, "is_shared": current.is_shared}
        self.save_form = SaveForm(initial=initial)
        if not self.may_share:
            del self.save_form.fields["is_shared"]

    def get_filters_params(self, params: dict[str, Any] | None = None) -> dict[str, Any]:
        asked: dict[str, Any] = super().get_filters_params(params)
        return {name: value for name, value in asked.items() if name not in self.own_parameters}

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Execution]:
        found: QuerySet[Execution] = self.form.narrow(super().get_queryset(request, exclude_parameters))
        self.has_active_filters = bool(self.form.filters)
        return found

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        #: There are more than can be paged through.
        self.are_more = isinstance(self.paginator, FirstOfMany) and self.paginator.counted > self.paginator.most
        rows: list[Any] = list(self.result_list)
        known = achieved([row.pk for row in rows])
        for row in rows:
            row.achieved = known[row.pk]
        self.result_list = rows

    def _saved(self, request: HttpRequest) -> list[SavedLink]:
        reader, current = person(request), id_of(request.GET.get(SAVED, ""))
        return [
            SavedLink(
                saved,
                f"?{saved.query}{'&' if saved.query else ''}{SAVED}={saved.pk}",
                saved.owner.get_username() if saved.owner_id != reader.pk else "",
                saved.pk == current,
                may_delete(saved, reader),
            )
            for saved in saved_filters_of(reader)
        ]
