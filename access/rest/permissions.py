"""How the API asks the policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from access import policy
from foundation.errors import NotAllowed

if TYPE_CHECKING:  # DRF's settings import this module before its views are ready
    from rest_framework.views import APIView


class PolicyPermission(BasePermission):
    """Reads the view's `permissions`: action or method name -> permission; None lets in anybody who is signed in."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """False for strangers (401). Raises `NotAllowed` (403), which names the roles to ask for, and `Missing` (404)
        for what the person may not see, whatever the body of the request is."""
        if not request.user.is_authenticated:
            return False
        action = _action(request, view)
        if action is None:  # not a method of this view, or OPTIONS: DRF answers 405, or what the view can do
            return True
        permissions: dict[str, Any] = getattr(view, "permissions", {})
        if action not in permissions:
            raise NotAllowed("No one may do this: it has no permission assigned.")
        if (permission := permissions[action]) is not None:
            _require(request.user, permission)
            changes = request.method not in SAFE_METHODS and action not in getattr(view, "reads", ())
            if changes and getattr(request.auth, "read_only", False):
                raise NotAllowed("This token is read-only. Issue one that is not, to change something.")
            row = None if request.method in SAFE_METHODS else view.about()  # type: ignore[attr-defined] # an ApiView
            if hasattr(row, "touched") and isinstance(permission, str):
                policy.require(request.user, permission, on=row)
        return True


def _require(user: policy.Person, permission: str | tuple[str, ...]) -> None:
    """Of several, one is enough here: the service knows which of them is needed."""
    several = (permission,) if isinstance(permission, str) else permission
    if not any(policy.may(user, each) for each in several):
        policy.require(user, several[0])


def _action(request: Request, view: APIView) -> str | None:
    if hasattr(view, "action_map"):
        action = getattr(view, "action", None)
        return None if action == "metadata" else action
    method = (request.method or "").lower()
    if method == "options" or not hasattr(view, method):
        return None
    return "get" if method == "head" else method
