"""Who has which right, and why; and that somebody has reviewed it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe

from access import policy
from access.accounts import review
from access.accounts.review import Holder
from access.screens.tokens import TokenLine, token_line
from foundation.errors import DomainError
from foundation.files.downloads import csv_download
from foundation.forms import DomainErrorsMixin, choice_or_none, lines, offer, text
from foundation.people import person
from foundation.screens import Pages, screen_response
from foundation.storable import unstorable
from foundation.wording import Badge, Tone, clock_utc, count

#: Accounts on a page.
_PAGE: Final = 25
_RIGHT: Final = "access.review_access"


class FindForm(forms.Form):
    q = text("Find accounts", max_length=150, attrs={"type": "search", "autocomplete": "off"})
    right = choice_or_none("With the right to", (), none="any right")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rights = sorted(((policy.meaning(each), each) for each in policy.POLICY), key=lambda pair: pair[0])
        offer(self, "right", [("", "any right"), *((each, meaning) for meaning, each in rights)])


class ReviewForm(DomainErrorsMixin, forms.Form):
    comment = lines(
        "What you reviewed, and what follows from it", max_length=2000, help_text="Recorded, with the time."
    )


@dataclass(frozen=True, slots=True)
class RoleLine:
    role: str
    where: str
    since: str
    meanings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """An account, as the page shows it."""

    holder: Holder
    page: str
    badges: tuple[Badge, ...]
    roles: tuple[RoleLine, ...]
    tokens: list[TokenLine]
    last_sign_in: str


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Every account with its rights; a POST records that they were reviewed."""
    policy.require(request.user, _RIGHT)
    form = ReviewForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            review.review_record(comment=form.cleaned_data["comment"], by=person(request))
        except DomainError as refusal:
            form.add_domain_error(refusal)
        else:
            messages.success(request, "The review was recorded.")
            return HttpResponseRedirect(reverse("admin:access_review"))
    asked = FindForm(request.GET)
    wanted = asked.cleaned_data if asked.is_valid() else {"q": "", "right": ""}
    rows, right = review.everyone(), wanted["right"]
    if wanted["q"]:
        named = Q(username__icontains=wanted["q"]) | Q(first_name__icontains=wanted["q"])
        rows = rows.none() if unstorable(wanted["q"]) else rows.filter(named | Q(last_name__icontains=wanted["q"]))
    if right:
        rows = rows.filter(pk__in=policy.anyone_with(right).values("pk"))
    shown, now = Paginator(rows, _PAGE).get_page(request.GET.get("p")), timezone.now()
    return screen_response(
        request,
        "admin/access/review.html",
        title="Access review",
        status=400 if form.is_bound else 200,
        find=asked,
        form=form,
        found=_found(shown.paginator.count, right),
        query=urlencode({name: value for name, value in wanted.items() if value}),
        lines=[_line(holder, now) for holder in review.holders_of(list(shown))],
        page=shown,
        reviews=[(clock_utc(each.at), each.by, each.comment) for each in review.last_reviews(5)],
    )


def _found(number: int, right: str) -> str:
    """Of those that are inactive, too: they hold the role, and may nothing while they are."""
    holds = "holds" if number == 1 else "hold"
    return count(number, "account") + (f" {holds} a role that may {policy.meaning(right)}" if right else "")


@require_safe
def download(request: HttpRequest) -> StreamingHttpResponse:
    """All of it as CSV."""
    policy.require(request.user, _RIGHT)
    return csv_download(f"drsorch-access-{timezone.now():%Y-%m-%d}.csv", review.COLUMNS, review.review_rows())


def _line(holder: Holder, now: datetime) -> Line:
    user = holder.user
    kind = "access_serviceaccount" if holder.is_service_account else "auth_user"
    badges = [Badge("service account", Tone.NEUTRAL, "smart_toy")] if holder.is_service_account else []
    if not user.is_active:
        badges.append(Badge("inactive", Tone.NEUTRAL, "person_off"))
    elif not holder.is_service_account and not holder.has_second_factor:
        badges.append(Badge("no second factor", Tone.WARN, "phonelink_lock"))
    return Line(
        holder=holder,
        page=reverse(f"admin:{kind}_change", args=[user.pk]),
        badges=tuple(badges),
        roles=tuple(
            RoleLine(
                held.role,
                held.where,
                f"since {clock_utc(held.given.at)}, given by {held.given.by}"
                if held.given
                else "given before drsorch recorded it",
                tuple(
                    sorted(
                        policy.meaning(each)
                        for each in held.permissions
                        if not (holder.is_service_account and each in policy.PERSONAL)
                        and not (held.where != review.EVERYWHERE and each in policy.WHOLE)
                    )
                ),
            )
            for held in holder.roles
        ),
        tokens=[token_line(token, limits, now) for token, limits in zip(holder.tokens, holder.limits, strict=True)],
        last_sign_in=clock_utc(user.last_login) or "never",
    )


PAGES: Final[Pages] = (
    ("review/", page, "review"),
    ("review/drsorch-access.csv", download, "review_csv"),
)
