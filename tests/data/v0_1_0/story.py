"""The acts of people, sources, venues and staff in the city of the fixtures, sent to version 0.1.0."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.data.v0_1_0.api import Api

GREEN, VOLUNTEER, CIVIC = (("source", name) for name in ("green-travel", "volunteer-service", "civic-life"))
LIBRARY, PARKING = (("venue", name) for name in ("city-library-main", "riverside-parking-1"))
ADMIN, OTHER_ADMIN = (("administrator", f"admin-{number}") for number in (1, 2))
OFFICER = ("privacy", "officer-1")
RESIDENTS = ("wang", "li", "zhao", "chen", "sun", "zhou", "wu", "zheng", "qian")
TILE_WIDTH = 256
ALL_KINDS = {
    GREEN: (("bike_trip", 130), ("transit_trip", 40)),
    VOLUNTEER: (("volunteer_minutes", 1_500), ("tree_planted", 3)),
    CIVIC: (("community_meeting", 6), ("eco_course", 5), ("green_shop_month", 4)),
}


class Story:
    """The acts, in the order in which `begin` and `end` call them; `notes` has what a test needs of them later."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.notes: dict[str, Any] = {"stored_answers": [], "receipts": {}, "receipts_of_erasure": {}}

    def begin(self) -> None:
        """Do everything that needs the running service once."""
        self.people_take_part()
        self.sources_correct()
        self.people_object()
        self.people_redeem()
        self.people_stop_and_leave()
        self.administrators_publish()
        self.officers_review()

    def end(self) -> None:
        """Begin late what lives for minutes only: a withdrawal to undo, a code to type, a notice to answer."""
        zhou = ("resident", "zhou")
        stopped = self.consent("qian", "points.compute", "volunteer-service", "volunteer-9009", confirm=True)
        self.deliver(VOLUNTEER, ("qian-1", "volunteer-9009", "volunteer_minutes", 600, "2025-10-05"))
        self.api.post(("resident", "qian"), f"/v1/me/consents/{stopped['consent_id']}/withdraw")
        pending = self.consent("zhou", "points.compute", "green-travel", "bike-9006")
        asked = {"purpose": "benefit.check", "provider_id": "city-library", "language": "en"}
        self.notes |= {
            "undo": {
                "subject": "qian",
                "account": "volunteer-9009",
                "source_id": "volunteer-service",
                "consent_id": stopped["consent_id"],
            },
            "pending_link": {"subject": "zhou", "account": "bike-9006", **pending["link"]},
            "unanswered_notice": {"subject": "zhou", **self.api.post(zhou, "/v1/me/consent-requests", asked)},
        }

    def issue_a_ticket(self) -> dict[str, str]:
        """Issue the last ticket, which lives for seconds; return who has it, for which venue and until when."""
        asked = {"benefit_id": "bike-deposit", "venue_id": "city-bikes-kiosk"}
        ticket = self.api.post(("resident", "wang"), "/v1/me/tickets", asked)
        self.notes["open_ticket"] = {
            "subject": "wang",
            "venue_id": asked["venue_id"],
            "handle": ticket["handle"],
            "expires_at": ticket["expires_at"],
        }
        return dict(self.notes["open_ticket"])

    def consent(
        self, subject: str, purpose: str, counterpart: str, account: str | None = None, *, confirm: bool = False
    ) -> dict[str, Any]:
        """Let a resident read a notice and say yes to it; `confirm` has the account confirmed at the source."""
        me, member = ("resident", subject), "source_id" if account else "provider_id"
        asked = {"purpose": purpose, member: counterpart, "language": "zh-CN"} | (
            {"account": account} if account else {}
        )
        shown = self.api.post(me, "/v1/me/consent-requests", asked)
        given: dict[str, Any] = self.api.post(me, "/v1/me/consents", {"ticket": shown["ticket"]})
        if confirm:
            self.api.post(
                ("source", counterpart),
                "/v1/source/links/confirm",
                {"code": given["link"]["code"], "account": account},
            )
        return given

    def deliver(self, source: tuple[str, str], *rows: tuple[str, str, str, int, str]) -> None:
        """Deliver records: id, account, kind, quantity, day."""
        names = ("record_id", "account", "kind", "quantity", "occurred_on")
        body = {"records": [dict(zip(names, row, strict=True)) for row in rows]}
        answer = self.api.post(source, "/v1/source/records", body)
        assert answer["accepted"] == len(rows), answer

    def remember(self, who: tuple[str, str], path: str, body: dict[str, Any], key: str) -> Any:
        """Send a request with a key of its own and note its stored answer; return the answer."""
        text = json.dumps(body)
        answer = self.api.send(who, "POST", path, text, Idempotency_Key=key)
        assert answer.status_code in (200, 201), answer.text
        self.notes["stored_answers"].append(
            {
                "audience": who[0],
                "subject": who[1],
                "path": path,
                "key": key,
                "body": text,
                "status": answer.status_code,
                "answer": answer.text,
            }
        )
        return answer.json()

    def note_receipts(self) -> None:
        """Note the whole answer about the receipt of each of wang's and zhao's consents."""
        for subject in ("wang", "zhao"):
            for given in self.api.pages(("resident", subject), "/v1/me/consents"):
                path = f"/v1/me/consents/{given['consent_id']}/receipt"
                self.notes["receipts"][given["consent_id"]] = {
                    "subject": subject,
                    "answer": self.api.get(("resident", subject), path),
                }

    def people_take_part(self) -> None:
        """Give two residents every kind of record; refuse a notice; claim an account that is linked already."""
        for number, subject in enumerate(("wang", "li"), start=1):
            for source, kinds in ALL_KINDS.items():
                account = f"{source[1].partition('-')[0]}-900{number}"
                self.consent(subject, "points.compute", source[1], account, confirm=True)
                self.deliver(
                    source,
                    *((f"{subject}-{kind}", account, kind, quantity, "2025-05-20") for kind, quantity in kinds),
                )
            for provider in ("city-library", "riverside-parking", "second-hospital", "city-bikes"):
                self.consent(subject, "benefit.check", provider)
        lines = [
            {
                "record_id": f"wang-{day}",
                "account": "green-9001",
                "kind": "bike_trip",
                "quantity": 2,
                "occurred_on": day,
            }
            for day in ("2026-03-01", "2026-03-02", "2026-03-03")
        ]
        stream = "\n".join(json.dumps(line) for line in lines)
        media = "application/x-ndjson"
        assert self.api.send(GREEN, "POST", "/v1/source/records", stream, Content_Type=media).status_code == 200
        self.consent("zhao", "points.compute", "volunteer-service", "volunteer-9003", confirm=True)
        self.deliver(VOLUNTEER, ("zhao-1", "volunteer-9003", "volunteer_minutes", 7_200, "2025-06-01"))
        self.consent("zhao", "benefit.check", "city-library")
        asked = {"purpose": "benefit.check", "provider_id": "riverside-parking", "language": "en"}
        shown = self.api.post(("resident", "zhao"), "/v1/me/consent-requests", asked)
        self.api.post(("resident", "zhao"), "/v1/me/refusals", {"ticket": shown["ticket"]})
        # The second holder of an account: the first link stays and a review opens.
        claim = self.consent("chen", "points.compute", "green-travel", "green-9001")
        contested = {"code": claim["link"]["code"], "account": "green-9001"}
        self.api.post(GREEN, "/v1/source/links/confirm", contested, status=409)
        self.consent("chen", "points.compute", "civic-life", "civic-9004", confirm=True)
        self.deliver(CIVIC, ("chen-1", "civic-9004", "community_meeting", 9, "2025-09-09"))

    def sources_correct(self) -> None:
        """Let a source correct a record and take another back."""
        self.api.post(
            GREEN, "/v1/source/records/wang-2026-03-01/correction", {"quantity": 4, "reason_code": "counted_wrong"}
        )
        self.api.post(GREEN, "/v1/source/records/wang-2026-03-02/retraction", {"reason_code": "counted_twice"})

    def people_object(self) -> None:
        """Open four objections: corrected, rejected, acknowledged and stated about, and untouched."""
        wang = ("resident", "wang")
        records = {row["source_record_id"]: row["record_id"] for row in self.api.pages(wang, "/v1/me/records")}
        opened = []
        for source_record_id, reason in (("wang-eco_course", "wrong_quantity"), ("wang-tree_planted", "not_mine")):
            path = f"/v1/me/records/{records[source_record_id]}/objections"
            opened.append(self.api.post(wang, path, {"reason_code": reason, "statement": "Please read it again."}))
        missing = {"source_id": "civic-life", "reason_code": "missing", "statement": "One meeting is not there."}
        opened += [self.api.post(("resident", subject), "/v1/me/objections", missing) for subject in ("wang", "li")]
        corrected, stated, rejected, untouched = (answer["objection_id"] for answer in opened)
        self.api.post(OFFICER, f"/v1/privacy/objections/{corrected}/acknowledgement")
        self.api.post(
            OFFICER,
            f"/v1/privacy/objections/{corrected}/decision",
            {"decision": "upheld", "reason": "Six courses were attended.", "correction": {"quantity": 6}},
        )
        self.api.post(
            VOLUNTEER, f"/v1/source/objections/{stated}/statement", {"statement": "Three trees, by our list."}
        )
        self.api.post(OFFICER, f"/v1/privacy/objections/{stated}/acknowledgement")
        self.api.post(
            OFFICER,
            f"/v1/privacy/objections/{rejected}/decision",
            {"decision": "rejected", "reason": "The list of that day is complete."},
        )
        self.notes["objections"] = {"stated": stated, "untouched": untouched}

    def people_redeem(self) -> None:
        """Redeem with stored answers: a yes, a no, and a redemption that is reversed; check a ticket."""
        for subject in ("wang", "li"):
            me = ("resident", subject)
            asked = {"benefit_id": "library-deposit", "venue_id": "city-library-main"}
            handle = self.remember(me, "/v1/me/tickets", asked, f"ticket-{subject}")["handle"]
            assert self.api.post(LIBRARY, "/v1/venue/checks", {"handle": handle})["applies"] is True
            done = self.remember(LIBRARY, "/v1/venue/redemptions", {"handle": handle}, f"yes-{subject}")
            assert self.remember(LIBRARY, "/v1/venue/redemptions", {"handle": handle}, f"no-{subject}") == {
                "applies": False
            }
            self.notes[f"redeemed_by_{subject}"] = {"handle": handle, "redemption_id": done["redemption_id"]}
        asked = {"benefit_id": "parking-free-minutes", "venue_id": "riverside-parking-1"}
        handle = self.api.post(("resident", "wang"), "/v1/me/tickets", asked)["handle"]
        done = self.api.post(PARKING, "/v1/venue/redemptions", {"handle": handle})
        path = f"/v1/venue/redemptions/{done['redemption_id']}/reversal"
        self.remember(PARKING, path, {"reason_code": "mistaken_scan"}, "reversal")

    def people_stop_and_leave(self) -> None:
        """Withdraw and undo it, withdraw everything, erase two residents; the second of them comes back."""
        li, zheng = ("resident", "li"), ("resident", "zheng")
        given = next(row for row in self.api.pages(li, "/v1/me/consents") if row.get("source_id") == "civic-life")
        self.api.post(li, f"/v1/me/consents/{given['consent_id']}/withdraw")
        asked = {
            "purpose": "points.compute",
            "source_id": "civic-life",
            "language": "en",
            "previous_consent_id": given["consent_id"],
        }
        shown = self.api.post(li, "/v1/me/consent-requests", asked)
        self.remember(li, "/v1/me/consents", {"ticket": shown["ticket"]}, "undo")
        self.deliver(CIVIC, ("li-again", "civic-9002", "eco_course", 3, "2025-05-20"))
        self.consent("zheng", "points.compute", "green-travel", "bike-9008", confirm=True)
        self.consent("zheng", "points.compute", "civic-life", "civic-9008", confirm=True)
        self.deliver(GREEN, ("zheng-1", "bike-9008", "bike_trip", 60, "2025-04-04"))
        self.api.post(zheng, "/v1/me/withdrawals", {"scope": "all"})
        ended = {row["account"]: row["link_id"] for row in self.api.pages(CIVIC, "/v1/source/links?state=ended")}
        self.api.post(CIVIC, f"/v1/source/links/{ended['civic-9008']}/acknowledge")
        for number, subject in ((5, "sun"), (7, "wu")):
            me = ("resident", subject)
            self.consent(subject, "points.compute", "green-travel", f"bike-900{number}", confirm=True)
            self.deliver(GREEN, (f"{subject}-1", f"bike-900{number}", "bike_trip", 50, "2025-04-04"))
            self.consent(subject, "benefit.check", "city-library")
            self.api.get(me, "/v1/me/points")
            erased = self.api.send(me, "DELETE", "/v1/me")
            self.notes["receipts_of_erasure"][subject] = erased.json()
        self.consent("wu", "points.compute", "volunteer-service", "volunteer-9007", confirm=True)
        self.deliver(VOLUNTEER, ("wu-2", "volunteer-9007", "volunteer_minutes", 900, "2025-08-08"))

    def administrators_publish(self) -> None:
        """Bring documents into every state; be refused by a rule and for want of a second person; simulate."""
        benefit = self.api.get(ADMIN, "/v1/admin/benefits/library-deposit")["document"]
        ids = ("readers-evening", "readers-morning", "readers-draft", "readers-punished")
        drafted = {}
        for name in ids:
            body = {**benefit, "benefit_id": name}
            if name == "readers-punished":
                body["effect"] = {"kind": "fee_discount", "percent": 90}
            drafted[name] = self.api.post(ADMIN, "/v1/admin/benefits", body)
        paths = {name: f"/v1/admin/benefits/{name}/versions/1" for name in ids}
        hashes = {name: {"sha256": answer["sha256"]} for name, answer in drafted.items()}
        for name in ids[:2]:
            assert self.api.post(ADMIN, f"{paths[name]}/submit")["state"] == "submitted"
        self.api.post(ADMIN, f"{paths['readers-evening']}/approve", hashes["readers-evening"], status=403)
        self.api.post(OTHER_ADMIN, f"{paths['readers-evening']}/approve", hashes["readers-evening"])
        self.api.post(ADMIN, f"{paths['readers-punished']}/submit", status=422)
        self.edit("benefits", "readers-draft", {"quota": {"per_resident": {"count": 2, "period": "day"}}})
        self.publish_next_version("benefits", "swim-discount", {"assessment_id": "PIA-2026-301"})
        self.api.post(ADMIN, "/v1/admin/benefits/bill-delivery/versions/1/suspend")
        self.api.post(ADMIN, "/v1/admin/benefits/tool-deposit/versions/1/suspend")
        self.api.post(ADMIN, "/v1/admin/benefits/tool-deposit/versions/1/resume")
        self.api.post(ADMIN, "/v1/admin/benefits/market-gift/versions/1/retire", {"from": "2027-06-01"})
        self.api.post(ADMIN, f"{paths['readers-morning']}/simulate")
        self.api.get(ADMIN, "/v1/admin/statistics")
        source = self.api.get(ADMIN, "/v1/admin/sources/green-travel")["document"]
        for name in ("harbour-ferries", "hill-gardens"):
            body = {**source, "source_id": name, "client_id": name, "name": {"zh-CN": "渡轮", "en": name.title()}}
            answer = self.api.post(ADMIN, "/v1/admin/sources", body)
            assert self.api.post(ADMIN, f"/v1/admin/sources/{name}/versions/1/submit")["state"] == "in_review"
            self.notes[name] = answer["sha256"]

    def edit(self, kind: str, name: str, changes: dict[str, Any]) -> dict[str, Any]:
        """Put the next version of a document, as a draft; return the answer."""
        path = f"/v1/admin/{kind}/{name}"
        read = self.api.send(ADMIN, "GET", path)
        text = json.dumps({**read.json()["document"], **changes})
        answer = self.api.send(ADMIN, "PUT", path, text, If_Match=read.headers["etag"])
        assert answer.status_code == 200, answer.text
        drafted: dict[str, Any] = answer.json()
        return drafted

    def publish_next_version(self, kind: str, name: str, changes: dict[str, Any]) -> None:
        """Put the next version in force in the place of the one before."""
        drafted = self.edit(kind, name, changes)
        path = f"/v1/admin/{kind}/{name}/versions/{drafted['version']}"
        self.api.post(ADMIN, f"{path}/submit")
        assert self.api.post(OTHER_ADMIN, f"{path}/approve", {"sha256": drafted["sha256"]})["state"] == "in_force"

    def officers_review(self) -> None:
        """Open a case with counts, a sample and a consent; decide a review and leave another open."""
        opened = {"reason_code": "yearly_audit", "text": "The yearly audit."}
        case_id = self.remember(OFFICER, "/v1/privacy/cases", opened, "case")["case_id"]
        self.api.get(OFFICER, f"/v1/privacy/consents?case={case_id}")
        self.api.post(OFFICER, "/v1/privacy/samples", {"case": case_id, "size": 5})
        given = self.api.pages(("resident", "zhao"), "/v1/me/consents")[0]
        self.api.get(OFFICER, f"/v1/privacy/consents/{given['consent_id']}?case={case_id}")
        decision = {"decision": "approve", "reason": "Voluntary, and of no employer."}
        self.api.post(OFFICER, "/v1/privacy/reviews/sources.harbour-ferries.1/decision", decision)
        path = "/v1/admin/sources/harbour-ferries/versions/1/approve"
        self.api.post(OTHER_ADMIN, path, {"sha256": self.notes.pop("harbour-ferries")})
        self.notes["case_id"] = case_id
        for path in ("self-audit", "statistics", "processing-register", "propagations"):
            self.api.get(OFFICER, f"/v1/privacy/{path}")
        assert self.api.post(OFFICER, "/v1/privacy/verification")["ok"] is True
        # Every reading by an officer is a leaf: with these the log has a whole tile and a second level.
        for _ in range(TILE_WIDTH // 2):
            self.api.get(OFFICER, "/v1/privacy/reviews")


def write(path: Path, content: dict[str, Any]) -> None:
    """Write JSON for people: sorted, indented, Chinese unescaped."""
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")
