"""Every call there is: path, shapes, errors and handler, one table an audience. OpenAPI is written from these."""

from __future__ import annotations

from http import HTTPMethod

from pydantic import BaseModel

from service import public, resident, source, venue
from service.doors import Endpoint, Handler, Key
from service.identity import Door
from service.openapi import Operation, Parameter
from service.shapes import common
from service.shapes import public as of_public
from service.shapes import resident as of_resident
from service.shapes import source as of_source
from service.shapes import venue as of_venue

PAGING = (
    Parameter("limit", {"type": "integer", "minimum": 1, "maximum": 200}, description="how many at most"),
    Parameter("cursor", {"type": "string"}, description="next_cursor of the page before"),
)
Model = type[BaseModel] | None


def _get(
    audience: Door | None,
    path: str,
    operation_id: str,
    summary: str,
    handle: Handler,
    answer: Model,
    *,
    query: tuple[Parameter, ...] = (),
    errors: tuple[str, ...] = (),
    writes: bool = False,
) -> Endpoint:
    operation = Operation(
        method=HTTPMethod.GET,
        path=path,
        operation_id=operation_id,
        door=audience,
        summary=summary,
        responses={200: answer},
        query=query,
        errors=errors,
        tags=(audience.value if audience else "public",),
    )
    return Endpoint(operation, handle, writes=writes)


def _post(
    audience: Door,
    path: str,
    operation_id: str,
    summary: str,
    handle: Handler,
    body: Model,
    answers: dict[int, Model],
    *,
    key: Key = "none",
    errors: tuple[str, ...] = (),
    method: HTTPMethod = HTTPMethod.POST,
    raw: bool = False,
) -> Endpoint:
    operation = Operation(
        method=method,
        path=path,
        operation_id=operation_id,
        door=audience,
        summary=summary,
        request=body,
        responses=answers,
        errors=errors,
        idempotent=key != "none",
        tags=(audience.value,),
    )
    return Endpoint(operation, handle, writes=not raw, key=key, raw=raw)


ME = Door.RESIDENT
RESIDENT = (
    _post(
        ME,
        "/v1/me/consent-requests",
        "requestConsent",
        "Be shown a notice",
        resident.request_consent,
        of_resident.ConsentRequest,
        {201: of_resident.ShownAnswer},
        key="required",
        errors=("account_required", "account_forbidden", "not_in_force"),
    ),
    _post(
        ME,
        "/v1/me/consents",
        "giveConsent",
        "Answer a notice with yes",
        resident.give_consent,
        of_resident.TicketBody,
        {201: of_resident.ConsentAnswer},
        key="required",
        errors=("notice_changed", "ticket_consumed", "ticket_of_another", "ticket_expired", "already_given"),
    ),
    _post(
        ME,
        "/v1/me/refusals",
        "refuseConsent",
        "Answer a notice with no; it costs nothing",
        resident.refuse_consent,
        of_resident.TicketBody,
        {201: of_resident.ConsentAnswer},
        key="optional",
        errors=("ticket_consumed", "ticket_of_another", "ticket_expired"),
    ),
    _get(
        ME,
        "/v1/me/consents",
        "listConsents",
        "My consents",
        resident.list_consents,
        of_resident.ConsentList,
        query=PAGING,
    ),
    _get(
        ME,
        "/v1/me/consents/{consent_id}",
        "readConsent",
        "One consent",
        resident.read_consent,
        of_resident.ConsentAnswer,
        errors=("not_found",),
    ),
    _post(
        ME,
        "/v1/me/consents/{consent_id}/withdraw",
        "withdrawConsent",
        "Stop one consent",
        resident.withdraw_consent,
        None,
        {200: of_resident.WithdrawnAnswer},
        errors=("not_found",),
    ),
    _post(
        ME,
        "/v1/me/withdrawals",
        "withdrawAll",
        "Stop everything",
        resident.withdraw_everything,
        of_resident.WithdrawAll,
        {200: of_resident.WithdrawnCount},
    ),
    _get(ME, "/v1/me/points", "readPoints", "My points", resident.read_points, of_resident.PointsAnswer),
    _get(
        ME,
        "/v1/me/points/explanation",
        "explainPoints",
        "Why I have them",
        resident.explain_points,
        of_resident.ExplanationAnswer,
    ),
    _get(
        ME,
        "/v1/me/benefits",
        "listMyBenefits",
        "What applies to me and what it takes",
        resident.list_benefits,
        of_resident.BenefitList,
        query=PAGING,
    ),
    _post(
        ME,
        "/v1/me/tickets",
        "issueTicket",
        "A one-time code for a venue",
        resident.issue_ticket,
        of_resident.TicketRequest,
        {201: of_resident.TicketAnswer},
        key="required",
        errors=("benefit_not_available", "consent_needed", "not_found"),
    ),
    _get(
        ME,
        "/v1/me/messages",
        "listMessages",
        "What I must be told",
        resident.list_messages,
        of_resident.MessageList,
        query=PAGING,
    ),
    _get(
        ME,
        "/v1/me/access-log",
        "listAccesses",
        "Who used my records or points",
        resident.list_accesses,
        of_resident.AccessList,
        query=PAGING,
    ),
    _get(
        ME,
        "/v1/me/records",
        "listRecords",
        "The records held about me",
        resident.list_records,
        of_resident.RecordList,
        query=PAGING,
    ),
    _post(
        ME,
        "/v1/me/records/{record_id}/objections",
        "objectToRecord",
        "A record is wrong",
        resident.object_to_record,
        of_resident.ObjectionBody,
        {201: of_resident.ObjectionAnswer},
        key="required",
        errors=("not_found",),
    ),
    _post(
        ME,
        "/v1/me/objections",
        "objectToMissing",
        "A record is missing",
        resident.object_to_missing,
        of_resident.MissingObjectionBody,
        {201: of_resident.ObjectionAnswer},
        key="required",
        errors=("not_in_force",),
    ),
    _get(
        ME,
        "/v1/me/objections",
        "listObjections",
        "My objections",
        resident.list_objections,
        of_resident.ObjectionList,
        query=PAGING,
    ),
    _get(ME, "/v1/me/export", "exportEverything", "Everything held about me", resident.export_everything, None),
    _post(ME, "/v1/me", "eraseMe", "Erase me", resident.erase_me, None, {200: None}, method=HTTPMethod.DELETE),
)

SOURCE = (
    _post(
        Door.SOURCE,
        "/v1/source/links/confirm",
        "confirmLink",
        "The holder proved the account",
        source.confirm_link,
        of_source.ConfirmBody,
        {200: of_source.ConfirmAnswer},
        key="optional",
        errors=("code_unknown", "account_linked_elsewhere", "suspended"),
    ),
    _get(
        Door.SOURCE,
        "/v1/source/links",
        "listLinks",
        "Accounts to deliver for, or ended links",
        source.list_links,
        of_source.LinkList,
        query=(Parameter("state", {"type": "string", "enum": ["confirmed", "ended"]}), *PAGING),
        errors=("bad_query", "suspended"),
    ),
    _post(
        Door.SOURCE,
        "/v1/source/links/{link_id}/acknowledge",
        "acknowledgeLink",
        "An ended link was dealt with",
        source.acknowledge_link,
        None,
        {200: of_source.Acknowledged},
        errors=("not_found", "suspended"),
    ),
    _post(
        Door.SOURCE,
        "/v1/source/records",
        "deliverRecords",
        "Deliver records, JSON or NDJSON",
        source.deliver_records,
        of_source.RecordsBody,
        {200: of_source.RecordsAnswer},
        raw=True,
        errors=("suspended",),
    ),
    _post(
        Door.SOURCE,
        "/v1/source/records/{record_id}/correction",
        "correctRecord",
        "Correct a record",
        source.correct_record,
        of_source.CorrectionBody,
        {200: of_source.RecordState},
        key="optional",
        errors=("not_found", "suspended"),
    ),
    _post(
        Door.SOURCE,
        "/v1/source/records/{record_id}/retraction",
        "retractRecord",
        "Take a record back",
        source.retract_record,
        of_source.RetractionBody,
        {200: of_source.RecordState},
        key="optional",
        errors=("not_found", "suspended"),
    ),
)

VENUE = (
    _post(
        Door.VENUE,
        "/v1/venue/checks",
        "checkBenefit",
        "Does it apply? Spends nothing",
        venue.check,
        of_venue.HandleBody,
        {200: of_venue.CheckAnswer},
        errors=("suspended",),
    ),
    _post(
        Door.VENUE,
        "/v1/venue/redemptions",
        "redeemBenefit",
        "Redeem it, once",
        venue.redeem,
        of_venue.HandleBody,
        {201: of_venue.RedemptionAnswer, 200: of_venue.Ordinary},
        key="required",
        errors=("suspended",),
    ),
    _post(
        Door.VENUE,
        "/v1/venue/redemptions/{redemption_id}/reversal",
        "reverseRedemption",
        "Take it back today",
        venue.reverse,
        of_venue.ReversalBody,
        {200: of_venue.ReversalAnswer},
        key="optional",
        errors=("not_found", "reversal_not_possible", "suspended"),
    ),
    _get(
        Door.VENUE,
        "/v1/venue/benefits",
        "listVenueBenefits",
        "What is honoured here",
        venue.list_benefits,
        common.DocumentList,
        query=PAGING,
        errors=("suspended",),
    ),
    _get(
        Door.VENUE,
        "/v1/venue/redemptions",
        "listRedemptions",
        "My own day, without persons",
        venue.list_redemptions,
        of_venue.RedemptionList,
        query=(Parameter("day", {"type": "string", "format": "date"}), *PAGING),
        errors=("suspended",),
    ),
)

PUBLIC = (
    _get(None, "/v1/public/notices", "listNotices", "Notices in force", public.list_notices, of_public.NoticeList),
    _get(
        None, "/v1/public/scheme", "readScheme", "The scheme of this year", public.read_scheme, of_public.SchemeAnswer
    ),
    _get(
        None,
        "/v1/public/schemes/{version}",
        "readSchemeVersion",
        "One scheme version",
        public.read_scheme_version,
        of_public.SchemeAnswer,
        errors=("not_found",),
    ),
    _get(None, "/v1/public/sources", "listSources", "Data sources", public.list_sources, of_public.SourceList),
    _get(
        None,
        "/v1/public/benefits",
        "listBenefits",
        "Benefits, each with what everybody gets anyway",
        public.list_benefits,
        of_public.PublicBenefits,
        query=(Parameter("scene", {"type": "string"}), Parameter("division", {"type": "string"}), *PAGING),
    ),
    _get(
        None,
        "/v1/public/prohibited-uses",
        "listProhibitedUses",
        "What points can never be used for",
        public.list_barred_uses,
        of_public.BarredUses,
    ),
    _get(None, "/.well-known/jwks.json", "readKeys", "Public keys of this service", public.read_keys, None),
    _get(None, "/healthz", "readHealth", "The process lives", public.health, of_public.Health),
    _get(None, "/readyz", "readReadiness", "It can work", public.readiness, of_public.Health),
)

DOORS = {
    (Door.RESIDENT, "/v1/me"): RESIDENT,
    (Door.SOURCE, "/v1/source"): SOURCE,
    (Door.VENUE, "/v1/venue"): VENUE,
    (Door.ADMINISTRATOR, "/v1/admin"): (),
    (Door.PRIVACY, "/v1/privacy"): (),
}
"""Administrators and privacy officers have their doors from the first day; what stands behind them comes later."""

OPERATIONS = tuple(endpoint.operation for endpoints in (*DOORS.values(), PUBLIC) for endpoint in endpoints)
