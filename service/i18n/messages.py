"""Sentences for people, in both languages, that are made when they are read; and which language a caller prefers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType

from babel.dates import format_date

from consent.events.messages import MessageKind

LANGUAGES = ("zh-CN", "en")
"""What this service speaks; the first when nothing is said."""
LOCALES = {"zh-CN": "zh_Hans_CN", "en": "en_GB"}
PREFERENCES_MAX = 20
"""Languages of one header that are looked at."""
WEIGHT = re.compile(r"(0(\.[0-9]{0,3})?|1(\.0{0,3})?)", re.ASCII)

MESSAGE_TEXTS: Mapping[MessageKind, Mapping[str, str]] = MappingProxyType(
    {
        MessageKind.RECORD_CORRECTED: {
            "zh-CN": "来源“{source_id}”更正了您的一条记录，积分已随之更新。",
            "en": "{source_id} corrected one of your records; your points follow.",
        },
        MessageKind.RECORD_RETRACTED: {
            "zh-CN": "来源“{source_id}”撤回了您的一条记录，积分已随之更新。",
            "en": "{source_id} took back one of your records; your points follow.",
        },
        MessageKind.ACCOUNT_CLAIMED: {
            "zh-CN": "有人试图关联您在“{source_id}”的账号。您的关联不受影响，工作人员会核查。",
            "en": "Somebody tried to link your account at {source_id}. Your link stands; an officer will look into it.",
        },
        MessageKind.ACCOUNT_LINKED_ELSEWHERE: {
            "zh-CN": "您在“{source_id}”填写的账号已关联到他人。工作人员会核查。",
            "en": "The account you named at {source_id} is already linked elsewhere. An officer will look into it.",
        },
        MessageKind.CONSENT_ENDING: {
            "zh-CN": "您对“{counterpart}”的同意将于 {expires_on} 到期。愿意继续，再看告知并同意即可；否则自动停止。",
            "en": "Your consent for {counterpart} ends on {expires_on}. Agree once more to go on; otherwise it stops.",
        },
        MessageKind.LINK_RELEASED: {
            "zh-CN": "经核查，您在“{source_id}”的账号关联已解除，请重新关联本人账号。",
            "en": "After a review your link at {source_id} was released; please link your own account anew.",
        },
        MessageKind.REDEMPTION_REVERSED: {
            "zh-CN": "场所撤销了当天对“{benefit_id}”的核销，名额已退还。",
            "en": "The venue reversed today's redemption of “{benefit_id}”; your quota is back.",
        },
        MessageKind.OBJECTION_OPENED: {
            "zh-CN": "我们已收到您的异议，将在 {decide_by} 前由工作人员书面答复。处理期间积分不会因此减少。",
            "en": "We have your objection; a person decides in writing by {decide_by}. Nothing drops meanwhile.",
        },
        MessageKind.OBJECTION_ACKNOWLEDGED: {
            "zh-CN": "工作人员已受理您的异议，正在核查。",
            "en": "A person has taken up your objection and is looking into it.",
        },
        MessageKind.OBJECTION_DECIDED: {
            "zh-CN": "您的异议已有书面决定：{state}。理由：{reason}",
            "en": "Your objection is decided in writing: {state}. {reason}",
        },
    }
)
OBJECTION_MESSAGE_TEXTS: Mapping[MessageKind, Mapping[str, str]] = MappingProxyType(
    {
        MessageKind.RECORD_CORRECTED: {
            "zh-CN": "经您提出异议，工作人员更正了来自“{source_id}”的一条记录，积分已随之更新。",
            "en": "Upon your objection an officer corrected one of your records from {source_id}; your points follow.",
        },
        MessageKind.RECORD_RETRACTED: {
            "zh-CN": "经您提出异议，工作人员撤下了来自“{source_id}”的一条记录，积分已随之更新。",
            "en": "Upon your objection an officer took back one of your records from {source_id}; your points follow.",
        },
    }
)
"""What became of a record because an officer decided so, not its source."""
DECISION_TEXTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "upheld": {"zh-CN": "异议成立", "en": "you were right"},
        "corrected": {"zh-CN": "异议成立，记录已更正", "en": "you were right, and the record is corrected"},
        "rejected": {"zh-CN": "维持原记录", "en": "the record stays as it is"},
    }
)
ID_FACTS = ("source_id", "counterpart", "benefit_id")
"""Facts that are ids of what has a name."""
DAY_FACTS = ("expires_on", "decide_by")
"""Facts that are civil days."""


ACCESS_TEXTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "points.computed": {"zh-CN": "为您计算了积分。", "en": "Your points were computed for you."},
        "points.counted": {
            "zh-CN": "您的积分不具名地计入了本周用于试算新规则的人数。",
            "en": "Your points were counted, without your name, in this week's figures for trying out new rules.",
        },
        "ticket.issued": {
            "zh-CN": "您领取了“{organisation}”的“{what}”凭证。",
            "en": "You took a ticket for “{what}” at {organisation}.",
        },
        "benefit.checked": {
            "zh-CN": "“{organisation}”查询了权益“{what}”；结果：{outcome}。",
            "en": "{organisation} asked whether “{what}” applies: {outcome}.",
        },
        "benefit.redeemed": {
            "zh-CN": "“{organisation}”兑现了权益“{what}”。",
            "en": "{organisation} honoured “{what}”.",
        },
        "officer.looked": {
            "zh-CN": "隐私专员因监督查看了您的一份同意。",
            "en": "A privacy officer looked at one of your consents, for oversight.",
        },
    }
)
OUTCOME_TEXTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "applies": {"zh-CN": "适用", "en": "it applies"},
        "standard_terms": {"zh-CN": "按标准条款", "en": "standard terms"},
    }
)


def access_text(kind: str, organisation: str, what: str, outcome: str, language: str) -> str:
    """The sentence of a use of somebody's records or points; `organisation` and `what` are names in that language."""
    said = OUTCOME_TEXTS.get(outcome, {}).get(language, outcome)
    return ACCESS_TEXTS[kind][language].format(organisation=organisation, what=what, outcome=said)


def message_text(
    kind: MessageKind, facts: Mapping[str, str | int], names: Mapping[str, Mapping[str, str]], language: str
) -> str:
    """The sentence of a message: ids by their names (the id itself where there is none), days and codes in words."""
    said = dict(facts)
    for fact in ID_FACTS:
        if fact in said:
            said[fact] = names.get(str(said[fact]), {}).get(language, said[fact])
    for fact in DAY_FACTS:
        if fact in said:
            said[fact] = long_date(date.fromisoformat(str(said[fact])), language)
    if "state" in said:
        said["state"] = DECISION_TEXTS.get(str(said["state"]), {}).get(language, said["state"])
    sentences = OBJECTION_MESSAGE_TEXTS if facts.get("reason_code") == "objection_upheld" else MESSAGE_TEXTS
    return sentences[kind][language].format(**said)


def long_date(civil: date, language: str) -> str:
    """A civil day in words."""
    return format_date(civil, "long", locale=LOCALES[language])


def preferred_language(header: str) -> str:
    """The better of zh-CN and en for an Accept-Language header (RFC 9110, 12.5.4); Chinese when nothing is said."""
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
