"""Views of the two routes."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.http import HttpResponse
from django.utils.cache import get_conditional_response
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.views import APIView

from loadtests.benchmarks.peers.common import http, rules
from loadtests.benchmarks.peers.common.problems import Problem
from loadtests.benchmarks.peers.django_drf.access import CallerThrottle, ResidentAuthentication, VenueAuthentication
from loadtests.benchmarks.peers.django_drf.models import Snapshot
from loadtests.benchmarks.peers.django_drf.redeeming import redeem
from loadtests.benchmarks.peers.django_drf.state import CATALOGUE


class DimensionSerializer(serializers.Serializer):
    """Points of one dimension."""

    dimension = serializers.CharField()
    points = serializers.IntegerField()
    cap = serializers.IntegerField()


class PointsSerializer(serializers.Serializer):
    """The answer of `GET /v1/me/points`."""

    total = serializers.IntegerField()
    dimensions = DimensionSerializer(many=True)
    scheme_version = serializers.CharField()
    as_of = serializers.CharField()
    valid_until = serializers.CharField(allow_null=True)


class HandleSerializer(serializers.Serializer):
    """The body of `POST /v1/venue/redemptions`: text, and no other member."""

    handle = serializers.CharField(max_length=64)

    def to_internal_value(self, data: Any) -> Any:
        """Refuse unknown members and what is no text; DRF would drop the former and convert the latter."""
        if not isinstance(data, dict) or data.keys() != {"handle"} or not isinstance(data["handle"], str):
            raise serializers.ValidationError({"handle": "text, and no other member"})
        return super().to_internal_value(data)


class PointsView(APIView):
    """My points."""

    authentication_classes = (ResidentAuthentication,)
    throttle_classes = (CallerThrottle,)

    def get(self, request: Any) -> Any:
        """Answer the resident's points, with an entity tag."""
        catalogue, now = CATALOGUE.read()
        index = settings.CITY.keyring.blind_index("subject", request.user.subject)
        balance = Snapshot.objects.filter(person__subject__subject_index=index, epoch=F("person__epoch")).first()
        if balance is None or not rules.is_usable(balance, catalogue, now):
            raise Problem(503, "not_computed", 5)
        content = JSONRenderer().render(PointsSerializer(rules.points_body(balance, now)).data)
        tag = http.entity_tag(content)
        response = HttpResponse(content, "application/json", headers={"ETag": tag, **http.CACHE_HEADERS})
        return get_conditional_response(request, etag=tag, response=response)


class RedemptionsView(APIView):
    """Redeem a ticket."""

    authentication_classes = (VenueAuthentication,)
    throttle_classes = (CallerThrottle,)

    def post(self, request: Any) -> Any:
        """Redeem a ticket once, or repeat the stored answer of the same Idempotency-Key."""
        raw = request.body
        body = HandleSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        client_id, sent = request.user.subject, request.META.get("HTTP_IDEMPOTENCY_KEY")
        key = http.answer_key(settings.CITY.keyring, client_id, sent, request.path, raw)
        with transaction.atomic():
            answer = redeem(client_id, rules.normal_handle(body.validated_data["handle"]), key)
        headers = http.REPLAYED if answer.replayed else None
        return HttpResponse(answer.body, "application/json", answer.status, headers=headers)
