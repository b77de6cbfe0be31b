"""Alerts, dashboard and docs name metrics that exist, and every alert has a runbook."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics_core import Metric

from service.observability import metrics

ROOT = Path(__file__).parents[3]
RULES = ROOT / "service" / "deployment" / "prometheus-rules.yaml"
DASHBOARD = ROOT / "service" / "deployment" / "grafana-dashboard.json"
METRICS_PAGE = ROOT / "docs" / "how-to" / "watch-a-city.md"
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}


def families() -> dict[str, Metric]:
    """The metrics by name, counters with the `_total` of their samples."""
    return {metric.name + "_total" * (metric.type == "counter"): metric for metric in metrics.REGISTRY.collect()}


def labels_of(metric: Metric) -> set[str]:
    """The labels as declared."""
    return set(metrics.REGISTRY._names_to_collectors[metric.name]._labelnames)  # type: ignore[attr-defined]


def alerts() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def expressions() -> list[str]:
    """Every expression of the alerts and of the dashboard, its variable included."""
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    drawn = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    return [rule["expr"] for rule in alerts()] + drawn + [item["query"] for item in board["templating"]["list"]]


@pytest.mark.parametrize("expression", expressions())
def test_an_expression_names_metrics_and_labels_that_exist(expression: str) -> None:
    series = {
        metric.name + suffix: metric for metric in families().values() for suffix in SUFFIXES[metric.type]
    }  # a counter's name has no `_total`
    named = re.findall(r"\b(credit_easy_\w+)(?:\{([^}]*)\})?", expression)
    assert named or expression in ('up{job="credit-easy"} == 0', "prometheus")
    for name, chosen in named:
        assert name in series, name
        labels = set(re.findall(r"(\w+)(?:=|!=|=~|!~)\"", chosen))
        assert labels <= labels_of(series[name]) | {"instance"}, (name, labels)


def test_every_alert_has_words_a_severity_and_a_runbook() -> None:
    headings = {
        re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^## (.+)$", (ROOT / "docs/runbooks/alerts.md").read_text(encoding="utf-8"), re.M)
    }
    linked = set()
    for rule in alerts():
        assert rule["labels"]["severity"] in ("page", "ticket"), rule["alert"]
        assert re.fullmatch(r"CreditEasy[A-Za-z]+", rule["alert"])
        assert rule["annotations"]["summary"]
        page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        assert page == "docs/runbooks/alerts.md"
        linked.add(anchor)
    assert linked == headings


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_prometheus_accepts_the_rules() -> None:
    done = subprocess.run(["promtool", "check", "rules", str(RULES)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_lists_every_metric_with_type_and_labels() -> None:
    rows = re.findall(r"^\| `(credit_easy_\w+)` \| (\w+) \| ([^|]*)\|", METRICS_PAGE.read_text(encoding="utf-8"), re.M)
    listed = {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    assert listed == {name: (metric.type, labels_of(metric)) for name, metric in families().items()}


def test_every_metric_is_on_the_dashboard() -> None:
    drawn = set(re.findall(r"credit_easy_\w+", DASHBOARD.read_text(encoding="utf-8")))
    for name, metric in families().items():
        assert {metric.name + suffix for suffix in SUFFIXES[metric.type]} & drawn, name
