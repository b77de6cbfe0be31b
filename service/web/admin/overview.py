"""The administrator's first page: what waits for me and for others, and figures of use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from consent.domain.document_kinds import DocumentKind
from service.auth.access_tokens import Audience
from service.web.admin import activity, lists, packages, usage
from service.web.admin.document import OPEN_STATES
from service.web.page import Page, PageRoute

WAITING_READ = 60
"""Open versions whose steps are read to tell whose turn it is; a city has a handful."""
AUTHORS = ("draft", "submit")
"""Steps whose author cannot approve the version."""


async def overview(page: Page) -> Response:
    """Show versions that wait for somebody, redemptions, and the number of documents of each kind."""
    counts, waiting, names = {}, [], {}
    for kind in DocumentKind:
        rows = await page.read_all(f"/v1/admin/{kind}")
        counts[str(kind)] = sum(row.get("in_force_version") is not None for row in rows)
        for row in rows:
            waiting += [row for row in lists.open_versions(str(kind), row) if row["state"] in OPEN_STATES]
        if kind is DocumentKind.BENEFITS:
            names = {row["id"]: row.get("name") for row in rows}
    waiting.sort(key=lambda version: (OPEN_STATES.index(version["state"]), version["kind"], version["id"]))
    for version in waiting[:WAITING_READ]:
        path = f"/v1/admin/{version['kind']}/{lists.quoted(version['id'])}/versions/{version['version']}/steps"
        version["steps"] = (await page.read(path))["data"]
        version["mine"] = _waits_for(page.staff_id, version)
    packaged = await packages.open_packages(page)
    members = {
        (member["kind"], member["id"], member["version"]) for package in packaged for member in package["documents"]
    }
    waiting = [version for version in waiting if (version["kind"], version["id"], version["version"]) not in members]
    mine = [package for package in packaged if _is_for(page.staff_id, package)]
    figures = await page.read("/v1/admin/statistics")
    used = {key: count for scene in figures["redemptions"].values() for key, count in scene.items()}
    return page.render(
        "admin/overview.html",
        counts=counts,
        my_packages=mine,
        other_packages=[package for package in packaged if package not in mine],
        mine=[version for version in waiting if version.get("mine")],
        others=[version for version in waiting if not version.get("mine")],
        weeks=await usage.weeks_of(page),
        figures=figures,
        used=sorted(used.items(), key=lambda row: -(row[1] or 0)),
        names=names,
        recent=await activity.recent(page),
    )


def _waits_for(staff_id: str, version: Mapping[str, Any]) -> bool:
    """Report whether the next step of an open version is this person's.

    A draft is its author's; a submitted version waits for somebody who wrote no draft of it; a restart that was
    requested waits for a second person. A review waits for an officer.
    """
    acts = [(step["act"], step["staff_id"]) for step in version["steps"]]
    if version["state"] == "draft":
        return ("draft", staff_id) in acts
    if version["state"] == "submitted":
        return not any(act in AUTHORS and who == staff_id for act, who in acts)
    if version["resume_requested"]:
        return next((who for act, who in reversed(acts) if act == "ask_to_resume"), staff_id) != staff_id
    return False


def _is_for(staff_id: str, package: Mapping[str, Any]) -> bool:
    """Report whether a package waits for this person: for an approval by another one than its author, or a new hash."""
    is_author = bool(package["submitted_by"] == staff_id)
    return is_author if package["changed"] else package["state"] == "submitted" and not is_author


ADMINISTRATOR = Audience.ADMINISTRATOR
ROUTES = (PageRoute("/admin", overview, ADMINISTRATOR),)
