"""Closed sentences for administrators: the vocabulary, and the texts of a benefit composed from it."""

from __future__ import annotations

from benefits.publishing import composition
from benefits.publishing.sentences.texts import ClosedSentence
from benefits.publishing.sentences.vocabulary import MEMBERS, VOCABULARY
from consent.kernel.faults import DocumentInvalid
from service.api.admin import sentence_schemas
from service.http import json_io
from service.http.endpoints import Answer, RequestContext
from service.http.problems import Problem
from service.i18n import findings


async def list_sentences(_: RequestContext, __: None) -> Answer:
    """Return the vocabulary in its order: each sentence with its places and the benefits that it suits."""
    return Answer(
        sentence_schemas.Sentences(
            data=[
                sentence_schemas.SentenceAnswer(
                    sentence_id=sentence.sentence_id,
                    members=[member for member in MEMBERS if member in sentence.members],
                    group=sentence.group or None,
                    effects=sorted(sentence.effects),
                    services=sorted(sentence.services),
                    text=dict(sentence.text),
                    places=[
                        sentence_schemas.SentencePlace(fact=fact, unit=unit or None)
                        for fact, unit in sentence.placeholders
                    ],
                )
                for sentence in VOCABULARY.sentences
            ]
        )
    )


async def compose(context: RequestContext, body: sentence_schemas.ComposeBody) -> Answer:
    """Compose a benefit's texts from its structured part and the catalogue in force; stores nothing.

    Problem body_invalid with pointers for a faulty structured part, a service that is not in force or an unknown key.
    """
    try:
        composed = await composition.compose(body.document, body.choose, context.at)
    except DocumentInvalid as error:
        errors = [
            {
                "pointer": fault.pointer,
                "code": fault.code,
                "detail": findings.detail_text(fault.code, fault.pointer, fault.values, context.language),
            }
            for fault in error.faults[: json_io.ERRORS_MAX]
        ]
        raise Problem("body_invalid", errors=errors) from None
    return Answer(
        sentence_schemas.ComposedTexts(
            texts={member: dict(text) for member, text in composed.texts.items()},
            sentences={
                member: [_offered(sentence, offered.used) for sentence in offered.sentences]
                for member, offered in composed.offered.items()
            },
        )
    )


def _offered(sentence: ClosedSentence, used: frozenset[str]) -> sentence_schemas.OfferedSentence:
    return sentence_schemas.OfferedSentence(
        key=sentence.key, text=dict(sentence.text), recommended=sentence.recommended, used=sentence.key in used
    )
