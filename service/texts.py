"""Sentences for people, in both languages, that are made when they are read."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from consent.messages import MessageKind

MESSAGES: Mapping[MessageKind, Mapping[str, str]] = MappingProxyType(
    {
        MessageKind.RECORD_CORRECTED: {
            "zh-CN": "来源 {source_id} 更正了您的一条记录，积分已随之更新。",
            "en": "{source_id} corrected one of your records; your points follow.",
        },
        MessageKind.RECORD_RETRACTED: {
            "zh-CN": "来源 {source_id} 撤回了您的一条记录，积分已随之更新。",
            "en": "{source_id} took back one of your records; your points follow.",
        },
        MessageKind.ACCOUNT_CLAIMED: {
            "zh-CN": "有人试图关联您在 {source_id} 的账号。您的关联不受影响，工作人员会核查。",
            "en": "Somebody tried to link your account at {source_id}. Your link stands; an officer will look into it.",
        },
        MessageKind.ACCOUNT_LINKED_ELSEWHERE: {
            "zh-CN": "您在 {source_id} 填写的账号已关联到他人。工作人员会核查。",
            "en": "The account you named at {source_id} is already linked elsewhere. An officer will look into it.",
        },
        MessageKind.REDEMPTION_REVERSED: {
            "zh-CN": "场所撤销了当天的一次权益核销（{benefit_id}），名额已退还。",
            "en": "The venue reversed today's redemption of {benefit_id}; your quota is back.",
        },
        MessageKind.OBJECTION_OPENED: {
            "zh-CN": "我们已收到您的异议，将在 {decide_by} 前由工作人员书面答复。处理期间积分不会因此减少。",
            "en": "We have your objection; a person decides in writing by {decide_by}. Nothing drops meanwhile.",
        },
    }
)


def message(kind: MessageKind, facts: Mapping[str, str | int], language: str) -> str:
    """The sentence of a message."""
    return MESSAGES[kind][language].format(**facts)
