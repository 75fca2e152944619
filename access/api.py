"""Who am I, what may I do, and my tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar

from django.db.models import F, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from access import policy
from access.models import ApiToken, ScopeKind, is_service_account
from access.places import Names, ids_of
from access.services import LONGEST, token_issue, token_of, token_revoke
from foundation.rest.schema import example
from foundation.rest.serializers import StrictSerializer
from foundation.rest.views import ApiView
from foundation.version import VERSION


class LimitedRoleSerializer(serializers.Serializer[Any]):
    role = serializers.CharField()
    kind = serializers.ChoiceField([kind.value for kind in ScopeKind], help_text="What it is limited to.")
    id = serializers.IntegerField(help_text="Id of the site or plan.")
    name = serializers.CharField(help_text="Name of the site or plan.")


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    id = serializers.UUIDField(source="uid")
    created_at = serializers.DateTimeField(source="created")
    expires_at = serializers.DateTimeField(source="expiry", allow_null=True)
    expires_soon = serializers.SerializerMethodField(
        help_text="True from 14 days before it expires: issue another one. Each answer says when, in Token-Expires-At."
    )
    permissions = serializers.ListField(
        child=serializers.CharField(),
        allow_null=True,
        help_text="It may do no more than this, and than you may. Null: all that you may.",
    )
    sites = serializers.SerializerMethodField(help_text="Names of the sites that it is limited to; null: all of yours.")
    plans = serializers.SerializerMethodField(help_text="Names of the plans that it is limited to; null: all of yours.")
    read_only = serializers.BooleanField(help_text="True: it can only read.")  # type: ignore[assignment]  # a field of that name, not the option
    last_used_at = serializers.DateTimeField(allow_null=True, help_text="To a few minutes; null: never.")
    last_used_from = serializers.CharField(help_text="The address that it was last used from.")

    class Meta:
        model = ApiToken
        fields = [
            "id", "name", "created_at", "expires_at", "expires_soon", "permissions", "sites", "plans", "read_only",
            "last_used_at", "last_used_from",
        ]  # fmt: skip
        read_only_fields = fields

    def get_expires_soon(self, token: ApiToken) -> bool:
        return token.is_expiring(timezone.now())

    @extend_schema_field(serializers.ListField(child=serializers.CharField(), allow_null=True))
    def get_sites(self, token: ApiToken) -> list[str] | None:
        return self._names(token).of_sites(token)

    @extend_schema_field(serializers.ListField(child=serializers.CharField(), allow_null=True))
    def get_plans(self, token: ApiToken) -> list[str] | None:
        return self._names(token).of_plans(token)

    def _names(self, token: ApiToken) -> Names:
        """Of a page of tokens, read once (`TokenViewSet.paginate_queryset`)."""
        names: Names = self.context.get("names") or Names.of([token])
        return names


class IssuedTokenSerializer(TokenSerializer):
    token = serializers.CharField(help_text="Shown only once.")

    class Meta(TokenSerializer.Meta):
        fields = [*TokenSerializer.Meta.fields, "token"]


class MeSerializer(serializers.Serializer[Any]):
    username = serializers.CharField()
    name = serializers.CharField(source="get_full_name")
    is_service_account = serializers.SerializerMethodField(help_text="True if you are nobody's person.")
    roles = serializers.SerializerMethodField(help_text="Those that you hold everywhere.")
    limited_roles = serializers.SerializerMethodField(
        help_text="Those that you hold at one site, or for one plan; with a token that is limited to sites or plans, "
        "those at these alone."
    )
    permissions = serializers.SerializerMethodField(
        help_text="What you may do, as `app.verb_object`: everywhere, or where one of your limited roles says."
    )
    version = serializers.SerializerMethodField(help_text="The version of drsorch that answers.")
    token = serializers.SerializerMethodField(help_text="The token of this request; null for a session.")

    def get_version(self, user: Any) -> str:
        return VERSION

    def get_is_service_account(self, user: Any) -> bool:
        return is_service_account(user)

    def get_roles(self, user: Any) -> list[str]:
        return policy.roles_of(user)

    @extend_schema_field(LimitedRoleSerializer(many=True))
    def get_limited_roles(self, user: Any) -> Any:
        names = ("role", "kind", "id", "name")
        return [dict(zip(names, each, strict=True)) for each in policy.limited_roles_of(user)]

    def get_permissions(self, user: Any) -> list[str]:
        return policy.permissions_of(user)

    @extend_schema_field(TokenSerializer(allow_null=True))
    def get_token(self, user: Any) -> Any:
        token = token_of(user)
        return None if token is None else TokenSerializer(token).data


class MeView(ApiView):
    """Read who you are. The signed-in user, with roles and permissions."""

    permissions: ClassVar[dict[str, str | None]] = {"get": None}

    @extend_schema(responses=MeSerializer)
    def get(self, request: Request) -> Response:
        return Response(MeSerializer(request.user).data)


def _limiting(longest: int, *, most: int, help_text: str) -> serializers.ListField:
    """Names that limit a token; null or omitted: no limit."""
    name = serializers.CharField(max_length=longest)
    return serializers.ListField(child=name, required=False, allow_null=True, max_length=most, help_text=help_text)


@example("A token for a pipeline, for 30 days", name="pipeline", expires_in_seconds=2_592_000)
class NewTokenSerializer(StrictSerializer):
    """A token to issue."""

    name = serializers.CharField(required=False, allow_blank=True, max_length=100, help_text="What it is for.")
    expires_in_seconds = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=int(LONGEST.total_seconds()),
        help_text="Null or omitted: the token does not expire, or with the token that issues it.",
    )
    permissions = _limiting(
        100,
        most=200,
        help_text="It may do no more than this. Null or omitted: all that you may, also what you may later.",
    )
    sites = _limiting(
        200, most=1000, help_text="Ids or names of sites. With sites, plans or both, it may act there alone."
    )
    plans = _limiting(200, most=1000, help_text="Ids or names of plans.")
    read_only = serializers.BooleanField(required=False, help_text="True: it can only read.")  # type: ignore[assignment]  # a field of that name, not the option


class TokenViewSet(ApiView, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[ApiToken]):
    """Your own API tokens."""

    permissions: ClassVar[dict[str, str | None]] = {
        "list": None,
        "retrieve": None,
        "create": "access.add_apitoken",
        "destroy": None,  # a token may always revoke itself; for the others `token_revoke` asks
    }
    queryset = ApiToken.objects.all()
    serializer_class = TokenSerializer
    lookup_field = "uid"
    lookup_url_kwarg = "id"
    ordering_fields: ClassVar[Any] = ("created_at", "expires_at", "name")

    _page: Sequence[ApiToken] | None = None

    def get_queryset(self) -> QuerySet[ApiToken]:
        mine = super().get_queryset().filter(user_id=self.request.user.pk)
        if (using := token_of(self.person)) is not None and not policy.may(self.person, _REVOKE):
            limits = using.limits
            if limits.permissions is not None or not limits.scope.everywhere:
                mine = mine.filter(pk=using.pk)  # what other tokens there are is not its business
        # By the names that the answers have.
        return mine.annotate(created_at=F("created"), expires_at=F("expiry"))

    def paginate_queryset(self, queryset: Any) -> Any:
        self._page = super().paginate_queryset(queryset)
        return self._page

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "names": Names.of(self._page) if self._page else None}

    @extend_schema(request=NewTokenSerializer, responses={201: IssuedTokenSerializer})
    def create(self, request: Request) -> Response:
        """Issue a token, and show it once. It can have no more than the token that you use, nor outlive it."""
        asked = NewTokenSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        data = asked.validated_data
        seconds = data.get("expires_in_seconds")
        token, text = token_issue(
            user=self.person,
            name=data.get("name", ""),
            expires_in=None if seconds is None else timedelta(seconds=seconds),
            permissions=data.get("permissions"),
            sites=ids_of(ScopeKind.SITE, data.get("sites"), self.person),
            plans=ids_of(ScopeKind.PLAN, data.get("plans"), self.person),
            read_only=data.get("read_only", False),
            by=self.person,
        )
        token.token = text
        # Neither kept nor compressed on its way: it is shown this once.
        headers = {"Location": self.reverse_action("detail", args=[token.uid]), "Cache-Control": "no-store"}
        return Response(IssuedTokenSerializer(token).data, status=status.HTTP_201_CREATED, headers=headers)

    def destroy(self, request: Request, id: str) -> Response:
        token_revoke(token=self.get_object(), by=self.person)
        return Response(status=status.HTTP_204_NO_CONTENT)


_REVOKE = "access.revoke_apitoken"
ROUTES = [("tokens", TokenViewSet, "token")]
