"""The register over all plans: "what would I hand to an auditor today"."""

from __future__ import annotations

from typing import Final

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from access import policy
from foundation.errors import Missing
from foundation.forms import text
from foundation.people import person
from foundation.screens import Pages, screen_response
from foundation.wording import count
from reports.core.register import narrowed
from reports.registers import register_of
from reports.rendering.register import REGISTER_FORMS, file_name
from reports.screens.register_page import plan_lines, totals

#: Plans on a page.
_PAGE = 100


class RegisterForm(forms.Form):
    q = text("Find plans", max_length=200, attrs={"type": "search", "autocomplete": "off"})


@require_safe
@gzip_page  # nothing secret is in it, and no token
def page(request: HttpRequest) -> HttpResponse:
    """Every plan in use, the worst first."""
    policy.require(request.user, "reports.view_report")
    form = RegisterForm(request.GET)
    wanted = form.cleaned_data["q"] if form.is_valid() else ""
    document = register_of(person(request))
    plans = narrowed(document, wanted)
    shown = Paginator(plans, _PAGE).get_page(request.GET.get("p"))
    return screen_response(
        request,
        "admin/reports/register.html",
        title="Register",
        form=form,
        wanted=wanted,
        found=count(len(plans), "plan"),
        query=urlencode({"q": wanted}) if wanted else "",
        totals=totals(document),
        lines=plan_lines(list(shown)),
        page=shown,
        now=timezone.now(),
    )


@require_safe
def download(request: HttpRequest, form: str) -> HttpResponse:
    """The whole register as a file."""
    policy.require(request.user, "reports.view_report")
    if form not in REGISTER_FORMS:
        raise Missing(f"The register has no form “{form}”: it has {', '.join(REGISTER_FORMS)}.")
    chosen, document = REGISTER_FORMS[form], register_of(person(request))
    return HttpResponse(
        chosen.make(document),
        content_type=chosen.media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{file_name(document, chosen)}"',
            "Cache-Control": "no-store",
        },
    )


PAGES: Final[Pages] = (
    ("register/", page, "register"),
    ("register/drsorch-register.<slug:form>", download, "register_file"),
)
