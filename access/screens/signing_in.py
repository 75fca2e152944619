"""The pages of signing in that are more than allauth's."""

from __future__ import annotations

from typing import Any

from allauth.account.utils import passthrough_next_redirect_url
from allauth.account.views import LoginView, PasswordChangeView
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from access.identity.provider import is_configured
from access.signing_in.sessions import other_sessions_end, session_end, session_list
from foundation.people import person
from foundation.wording import count


class SignInView(LoginView):
    """The provider first, where there is one."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        shown: dict[str, Any] = super().get_context_data(**kwargs)
        shown["local_accounts"] = settings.DRSORCH_LOCAL_ACCOUNTS
        if is_configured():
            url = passthrough_next_redirect_url(self.request, reverse("oidc_login"), REDIRECT_FIELD_NAME)
            shown |= {"provider_name": settings.DRSORCH_OIDC_NAME, "provider_url": url}
        return shown


@method_decorator(login_required, name="dispatch")
class PasswordView(PasswordChangeView):
    """Only for those who have a password here."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not person(request).has_usable_password():
            return TemplateResponse(request, "account/no_password.html", {"provider_name": settings.DRSORCH_OIDC_NAME})
        answer: HttpResponse = super().dispatch(request, *args, **kwargs)
        return answer


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sessions(request: HttpRequest) -> HttpResponse:
    """Where one is signed in; one of them, or all others, are ended by a POST."""
    by, key = person(request), request.session.session_key or ""
    if request.method == "POST":
        one = request.POST.get("session", "")
        if one.isdecimal() and len(one) < 19:
            session_end(session=get_object_or_404(session_list().filter(user=by), pk=int(one)), by=by)
            messages.success(request, "The session was ended.")
        else:
            messages.success(request, f"{count(other_sessions_end(user=by, session_key=key), 'session')} ended.")
        return HttpResponseRedirect(reverse("sessions"))
    found = [(each, each.session_key == key) for each in session_list().filter(user=by)]
    return TemplateResponse(request, "account/sessions.html", {"sessions": found, "others": len(found) > 1})
