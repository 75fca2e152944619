"""Who am I, what may I do, and my tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.db.models import F, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from access import policy
from access.models import ApiToken, ScopeKind
from access.services import LONGEST, token_issue, token_revoke
from foundation.rest.schema import example
from foundation.rest.serializers import StrictSerializer
from foundation.rest.views import ApiView
from foundation.version import VERSION


class LimitedRoleSerializer(serializers.Serializer[Any]):
    role = serializers.CharField()
    kind = serializers.ChoiceField([kind.value for kind in ScopeKind], help_text="What it is limited to.")
    id = serializers.IntegerField(help_text="Id of the site or plan.")
    name = serializers.CharField(help_text="Name of the site or plan.")


class MeSerializer(serializers.Serializer[Any]):
    username = serializers.CharField()
    name = serializers.CharField(source="get_full_name")
    roles = serializers.SerializerMethodField(help_text="Those that you hold everywhere.")
    limited_roles = serializers.SerializerMethodField(help_text="Those that you hold at one site, or for one plan.")
    permissions = serializers.SerializerMethodField(
        help_text="What you may do, as `app.verb_object`: everywhere, or where one of your limited roles says."
    )
    version = serializers.SerializerMethodField(help_text="The version of drsorch that answers.")

    def get_version(self, user: Any) -> str:
        return VERSION

    def get_roles(self, user: Any) -> list[str]:
        return policy.roles_of(user)

    @extend_schema_field(LimitedRoleSerializer(many=True))
    def get_limited_roles(self, user: Any) -> Any:
        names = ("role", "kind", "id", "name")
        return [dict(zip(names, each, strict=True)) for each in policy.limited_roles_of(user)]

    def get_permissions(self, user: Any) -> list[str]:
        return policy.permissions_of(user)


class MeView(ApiView):
    """Read who you are. The signed-in user, with roles and permissions."""

    permissions: ClassVar[dict[str, str | None]] = {"get": None}

    @extend_schema(responses=MeSerializer)
    def get(self, request: Request) -> Response:
        return Response(MeSerializer(request.user).data)


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    id = serializers.UUIDField(source="uid")
    created_at = serializers.DateTimeField(source="created")
    expires_at = serializers.DateTimeField(source="expiry", allow_null=True)

    class Meta:
        model = ApiToken
        fields = ["id", "name", "created_at", "expires_at"]
        read_only_fields = fields


class IssuedTokenSerializer(TokenSerializer):
    token = serializers.CharField(help_text="Shown only once.")

    class Meta(TokenSerializer.Meta):
        fields = [*TokenSerializer.Meta.fields, "token"]


@example("A token for a pipeline, for 30 days", name="pipeline", expires_in_seconds=2_592_000)
class NewTokenSerializer(StrictSerializer):
    """A token to issue."""

    name = serializers.CharField(required=False, allow_blank=True, max_length=100, help_text="What it is for.")
    expires_in_seconds = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=int(LONGEST.total_seconds()),
        help_text="Null or omitted: the token does not expire.",
    )


class TokenViewSet(ApiView, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[ApiToken]):
    """Your own API tokens."""

    permissions: ClassVar[dict[str, str | None]] = {"list": None, "retrieve": None, "create": None, "destroy": None}
    queryset = ApiToken.objects.all()
    serializer_class = TokenSerializer
    lookup_field = "uid"
    lookup_url_kwarg = "id"
    ordering_fields: ClassVar[Any] = ("created_at", "expires_at", "name")

    def get_queryset(self) -> QuerySet[ApiToken]:
        mine = super().get_queryset().filter(user_id=self.request.user.pk)
        # By the names that the answers have.
        return mine.annotate(created_at=F("created"), expires_at=F("expiry"))

    @extend_schema(request=NewTokenSerializer, responses={201: IssuedTokenSerializer})
    def create(self, request: Request) -> Response:
        asked = NewTokenSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        seconds = asked.validated_data.get("expires_in_seconds")
        token, text = token_issue(
            user=self.person,
            name=asked.validated_data.get("name", ""),
            expires_in=None if seconds is None else timedelta(seconds=seconds),
            by=self.person,
        )
        token.token = text
        # Neither kept nor compressed on its way: it is shown this once.
        headers = {"Location": self.reverse_action("detail", args=[token.uid]), "Cache-Control": "no-store"}
        return Response(IssuedTokenSerializer(token).data, status=status.HTTP_201_CREATED, headers=headers)

    def destroy(self, request: Request, id: str) -> Response:
        token_revoke(token=self.get_object(), by=self.person)
        return Response(status=status.HTTP_204_NO_CONTENT)


ROUTES = [("tokens", TokenViewSet, "token")]
