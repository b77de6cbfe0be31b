"""Messages and access-log lines in the reader's language, and the choice of a language from Accept-Language.

Texts are in `messages.toml`. They are filled in when they are read, so that a person who changes language sees all of
them in the new one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from babel.dates import format_date

from consent.domain.corrections import OBJECTION_UPHELD, DecidedBy
from consent.events.messages import MessageKind
from consent.kernel import bilingual
from consent.kernel.bilingual import LANGUAGES

LOCALES = {"zh-CN": "zh_Hans_CN", "en": "en_GB"}
PREFERENCES_MAX = 20
"""Entries of one Accept-Language header that are read; a longer header costs no more."""
WEIGHT = re.compile(r"(0(\.[0-9]{0,3})?|1(\.0{0,3})?)", re.ASCII)

_TABLES = bilingual.load("service.i18n", "messages.toml")
MESSAGE_TEXTS = bilingual.by_language(_TABLES["messages"], "messages")
"""Messages to a resident, by `MessageKind` and language."""
OBJECTION_MESSAGE_TEXTS = bilingual.by_language(_TABLES["objection_messages"], "objection_messages")
"""Messages about a record that was changed because an officer decided so, not its source; by kind."""
DECISION_TEXTS = bilingual.by_language(_TABLES["decisions"], "decisions")
"""Decisions of an objection, by its state."""
NOTE_TEXTS = bilingual.by_language(_TABLES["notes"], "notes")
"""Sentences that follow a message which has the fact they are named after."""
CAUSE_TEXTS = bilingual.by_language(_TABLES["causes"], "causes")
"""Reasons of a source for a change of a record, by code."""
ANSWER_TEXTS = bilingual.by_language(_TABLES["answers"], "answers")
"""Reasons of a source that has no record to deliver, by code."""
ACCESS_TEXTS = bilingual.by_language(_TABLES["access"], "access")
"""Lines of the access log, by the kind of event; for one outcome alone by `KIND.OUTCOME`."""
OUTCOME_TEXTS = bilingual.by_language(_TABLES["outcomes"], "outcomes")
"""Answers that a venue received, by their code."""
JOINED = {"zh-CN": "", "en": " "}
"""The white space between two sentences."""
ID_FACTS = ("source_id", "counterpart", "benefit_id")
"""Facts of a message that are ids of something with a name."""
DAY_FACTS = ("expires_on", "decide_by", "answer_by", "reply_by", "object_until", "occurred_on", "due_on")
"""Facts of a message that are civil days."""


def access_text(kind: str, organisation: str, what: str, outcome: str, language: str) -> str:
    """Return the access-log line for an event of `kind`; `organisation` and `what` are names in that language."""
    outcome_text = OUTCOME_TEXTS.get(outcome, {}).get(language, outcome)
    texts = ACCESS_TEXTS.get(f"{kind}.{outcome}", ACCESS_TEXTS[kind])
    return texts[language].format(organisation=organisation, what=what, outcome=outcome_text)


def message_text(
    kind: MessageKind, facts: Mapping[str, str | int | None], names: Mapping[str, Mapping[str, str]], language: str
) -> str:
    """Return the text of a message.

    Ids among the facts are replaced by their name in `names` (by id and language) where there is one, civil days
    (ISO 8601) by the date in words, and a decision's state and a source's reason by their text.
    """
    values = {name: value for name, value in facts.items() if value is not None}
    for fact in ID_FACTS:
        if fact in values:
            values[fact] = names.get(str(values[fact]), {}).get(language, str(values[fact]))
    for fact in DAY_FACTS:
        if fact in values:
            values[fact] = long_date(date.fromisoformat(str(values[fact])), language)
    if "state" in values:
        values["state"] = DECISION_TEXTS.get(str(values["state"]), {}).get(language, str(values["state"]))
    values["cause"] = CAUSE_TEXTS.get(str(values.get("reason_code")), CAUSE_TEXTS["other"])[language]
    if "answer" in values:
        values["answer"] = ANSWER_TEXTS[str(values["answer"])][language]
    texts = OBJECTION_MESSAGE_TEXTS if _by_officer(facts) and kind in OBJECTION_MESSAGE_TEXTS else MESSAGE_TEXTS
    sentences = [texts[kind], *(text for name, text in NOTE_TEXTS.items() if name in values)]
    return JOINED[language].join(text[language].format(**values) for text in sentences)


def _by_officer(facts: Mapping[str, str | int | None]) -> bool:
    """Report whether an officer decided the change of a record. Messages of version 0.1.0 have the reason alone."""
    return facts.get("decided_by", facts.get("reason_code")) in (DecidedBy.OFFICER, OBJECTION_UPHELD)


def long_date(civil: date, language: str) -> str:
    """Return a civil day in words, such as 3 March 2026 or 2026年3月3日."""
    return format_date(civil, "long", locale=LOCALES[language])


def preferred_language(header: str) -> str:
    """Return `zh-CN` or `en`, whichever an Accept-Language header (RFC 9110, 12.5.4) prefers; Chinese by default."""
    best, best_weight = LANGUAGES[0], 0.0
    for part in header.split(",")[:PREFERENCES_MAX]:
        tag, _, parameters = part.strip().partition(";")
        weight = _weight(parameters)
        language = "en" if tag.lower().split("-")[0] == "en" else "zh-CN" if tag.lower().startswith("zh") else None
        if language and weight > best_weight:
            best, best_weight = language, weight
    return best


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if not parameters.strip():
        return 1.0
    if name.strip().lower() != "q" or not WEIGHT.fullmatch(value.strip()):
        return 0.0
    return float(value)
