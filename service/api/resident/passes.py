"""Residents' operations on offline passes: take some, list those that can be used, stop all."""

from __future__ import annotations

from benefits.passes import jose
from benefits.passes.refusals import PassRefused
from benefits.redemption.eligibility import Choice
from benefits.redemption.offline_passes import issuance, resident_passes
from benefits.redemption.offline_passes.issuance import PassRequest
from service.api import pass_signer
from service.api.resident import current_person, pass_schemas
from service.http import json_io
from service.http.endpoints import Answer, RequestContext
from service.http.problems import body_invalid


async def list_passes(context: RequestContext, _: None) -> Answer:
    """List the person's passes that can be used, by benefit and venue; nothing for somebody unknown."""
    person = await current_person.find(context)
    usable = [] if person is None else await resident_passes.list_usable(person, context.at)
    rows = [
        pass_schemas.UsablePassesRow(
            benefit_id=row.benefit_id,
            venue_id=row.venue_id,
            issuer_id=row.issuer_id,
            number=row.number,
            expires_at=json_io.rfc3339(row.expires_at),
        )
        for row in usable
    ]
    return Answer(pass_schemas.UsablePassesList(data=rows))


async def stop_passes(context: RequestContext, _: None) -> Answer:
    """Stop every pass of the person that can be used; none is no error. Has a tombstone for each."""
    person = await current_person.lock(context)
    ids = await resident_passes.open_ids(person, context.at)
    for pass_id in ids:
        context.app_context.tombstones.ticket_stopped(person.person_id, pass_id, context.at)
    await resident_passes.stop(person, ids, context.at)
    return Answer(pass_schemas.StoppedPasses(stopped=len(ids)))


async def issue_passes(context: RequestContext, body: pass_schemas.PassesRequest) -> Answer:
    """Issue passes for a benefit at a venue, one for each device key. Errors as `issuance.issue`."""
    keys = []
    for index, jwk in enumerate(body.keys):
        try:
            keys.append(jose.read_public_key(jwk.model_dump()))
        except PassRefused:
            raise body_invalid(f"/keys/{index}", "invalid", "This is no public key of P-256.") from None
    person = await current_person.get_or_create(context)
    issued = await issuance.issue(
        context.app_context.keyring,
        person,
        await context.app_context.catalogue.read(context.at),
        PassRequest(Choice(body.benefit_id, body.venue_id, body.accepted_terms_sha256, body.issuer_id), keys),
        await pass_signer.signer(context, "no_offline_pass"),
        context.civil_time,
    )
    # The members of PassesAnswer without the model: `pass` is a keyword of Python.
    passes = [
        {
            "pass": item.signed,
            **({} if item.compact is None else {"compact": jose.encode(item.compact)}),
            "expires_at": json_io.rfc3339(item.expires_at),
        }
        for item in issued
    ]
    return Answer({"passes": passes}, 201)
