"""Proposals under /api/v1/proposals/."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from access.models import Proposal
from access.proposals import proposal_agree, proposal_get, proposal_reject, proposals_for, shown
from foundation.errors import Missing
from foundation.rest.serializers import StrictSerializer
from foundation.rest.views import ApiView


class ProposalSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    kind = serializers.CharField(help_text="Such as `plan.delete`.")
    title = serializers.CharField(help_text="What is proposed, for people.")
    subject_type = serializers.CharField()
    subject_id = serializers.CharField()
    subject_name = serializers.CharField()
    changes = serializers.ListField(child=serializers.CharField(), help_text="What would change, a line each.")
    state = serializers.ChoiceField([each.value for each in Proposal.State])
    proposed_by = serializers.CharField()
    proposed_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    decided_by = serializers.CharField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    comment = serializers.CharField(help_text="Of who decided.")

    def to_representation(self, instance: Proposal) -> Any:
        return super().to_representation(shown(instance))


class ProposalDecisionSerializer(StrictSerializer):
    comment = serializers.CharField(required=False, allow_blank=True, max_length=2000)


class ProposalViewSet(ApiView, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Proposal]):
    """What takes a second person. Your own proposals; all of them for who agrees or oversees."""

    permissions: ClassVar[dict[str, str | None]] = {
        "list": None,
        "retrieve": None,
        "agree": "access.agree_proposal",
        "reject": None,  # whoever proposed it withdraws it so; for others `proposal_reject` asks
    }
    queryset = Proposal.objects.all()
    serializer_class = ProposalSerializer
    lookup_field = "pk"
    lookup_url_kwarg = "id"
    ordering_fields: ClassVar[Any] = ("proposed_at", "expires_at")

    def get_queryset(self) -> QuerySet[Proposal]:
        return proposals_for(self.person)

    def get_object(self) -> Proposal:
        try:
            id = UUID(self.kwargs["id"])
        except ValueError as error:
            raise Missing("There is no such proposal.") from error
        return proposal_get(self.person, id)

    @extend_schema(request=ProposalDecisionSerializer, responses=ProposalSerializer)
    @action(detail=True, methods=["post"])
    def agree(self, request: Request, id: str) -> Response:
        """Agree, and so do what is proposed. 409 if what it is about has changed since."""
        return Response(ProposalSerializer(proposal_agree(**self._asked(request))).data)

    @extend_schema(request=ProposalDecisionSerializer, responses=ProposalSerializer)
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, id: str) -> Response:
        """Reject a proposal, or withdraw one of your own."""
        return Response(ProposalSerializer(proposal_reject(**self._asked(request))).data)

    def _asked(self, request: Request) -> dict[str, Any]:
        asked = ProposalDecisionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        comment = asked.validated_data.get("comment", "")
        return {"proposal": self.get_object(), "comment": comment, "by": self.person}


ROUTES = [("proposals", ProposalViewSet, "proposal")]
