"""Paths of the two routes."""

from __future__ import annotations

from django.urls import path

from loadtests.benchmarks.peers.django_drf.views import PointsView, RedemptionsView

urlpatterns = [
    path("v1/me/points", PointsView.as_view()),
    path("v1/venue/redemptions", RedemptionsView.as_view()),
]
