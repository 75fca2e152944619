"""The pages of signing in. Of allauth's, those that need no mail server: administrators make and mend accounts."""

from __future__ import annotations

from allauth.account import views
from django.urls import include, path

from access.identity import views as provider
from access.screens.signing_in import PasswordView, SignInView, sessions

urlpatterns = [
    path("login/", SignInView.as_view(), name="account_login"),
    path("logout/", views.logout, name="account_logout"),
    path("oidc/login/", provider.begin, name="oidc_login"),
    path("oidc/callback/", provider.callback, name="oidc_callback"),
    path("oidc/confirm/", provider.confirm, name="oidc_confirm"),
    path("signup/", views.signup, name="account_signup"),  # says that nobody signs up
    path("reauthenticate/", views.reauthenticate, name="account_reauthenticate"),
    path("password/change/", PasswordView.as_view(), name="account_change_password"),
    path("sessions/", sessions, name="sessions"),
    path("2fa/", include("allauth.mfa.urls")),
]
