"""The main job with a client made by openapi-python-client: consent, records, points, ticket, redemption, stop."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import uuid4

from credit_easy_client import AuthenticatedClient, models
from credit_easy_client.api.resident import (
    give_consent,
    issue_ticket,
    read_points,
    request_consent,
    withdraw_all,
)
from credit_easy_client.api.source import confirm_link, deliver_records
from credit_easy_client.api.venue import redeem_benefit

Answer = TypeVar("Answer")
ACCOUNT = f"bike-{uuid4().hex[:8]}"


def client_of(name: str) -> AuthenticatedClient:
    """Return a client with the token of an environment variable."""
    return AuthenticatedClient(os.environ.get("BASE", "http://127.0.0.1:8000"), token=os.environ[name])


def send(call: Callable[..., Any], client: AuthenticatedClient, kind: type[Answer], **options: Any) -> Answer:
    """Send a call; return its answer, or raise RuntimeError with the problem's code."""
    answer = call(client=client, **options)
    if not isinstance(answer, kind):
        raise RuntimeError(getattr(answer, "code", "no answer"))
    return answer


def agree(me: AuthenticatedClient, **body: Any) -> models.ConsentAnswer:
    """Request a notice and answer it with yes."""
    request = models.ConsentRequest.from_dict({"language": "en", **body})
    key = {"idempotency_key": uuid4().hex}
    shown = send(request_consent.sync, me, models.ShownAnswer, body=request, **key)
    ticket = models.TicketBody(ticket=shown.ticket)
    return send(give_consent.sync, me, models.ConsentAnswer, body=ticket, **key)


def main() -> None:
    """Do the main job and print what came of it."""
    me, bikes, library = client_of("ME"), client_of("BIKES"), client_of("LIBRARY")
    consent = agree(me, purpose="points.compute", source_id="green-travel", account=ACCOUNT)
    assert isinstance(consent.link, models.LinkAnswer)
    confirm = models.ConfirmBody(code=consent.link.code, account=ACCOUNT)
    send(confirm_link.sync, bikes, models.ConfirmAnswer, body=confirm, idempotency_key=uuid4().hex)
    day = f"{datetime.now(UTC).year - 1}-06-01"
    record = models.RecordBody(f"{ACCOUNT}.1", ACCOUNT, "bike_trip", 130, day)
    delivered = send(deliver_records.sync, bikes, models.RecordsAnswer, body=models.RecordsBody([record]))
    points = send(read_points.sync, me, models.PointsAnswer)
    agree(me, purpose="benefit.check", provider_id="city-library")
    request = models.TicketRequest("library-deposit", "city-library-main")
    ticket = send(issue_ticket.sync, me, models.TicketAnswer, body=request, idempotency_key=uuid4().hex)
    handle = models.HandleBody(ticket.handle)
    first = send(redeem_benefit.sync, library, models.RedemptionAnswer, body=handle, idempotency_key=uuid4().hex)
    second = send(redeem_benefit.sync, library, models.StandardTermsAnswer, body=handle, idempotency_key=uuid4().hex)
    everything = models.WithdrawAll.from_dict({"scope": "all"})
    stopped = send(withdraw_all.sync, me, models.WithdrawnCount, body=everything)
    print(
        json.dumps(
            {
                "accepted": delivered.accepted,
                "total": points.total,
                "first": first.applies,
                "deposit": first.effect.to_dict()["up_to_fen"],
                "second": second.applies,
                "withdrawn": stopped.withdrawn,
            }
        )
    )


if __name__ == "__main__":
    main()
