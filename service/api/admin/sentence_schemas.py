"""Request and answer schemas of the closed sentences for texts of benefits."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from service.api.common_schemas import Localized
from service.http.json_io import ApiModel

KEYS_MAX = 100
"""Keys of sentences for one text: more than the vocabulary offers for any, at a few venues."""


class SentencePlace(ApiModel):
    """A place of a sentence: the fact of the benefit that stands there and, for a number, its unit."""

    fact: str
    """The fact of the benefit."""
    unit: str | None = None
    """The unit of a number."""


class SentenceAnswer(ApiModel):
    """A closed sentence of the vocabulary: the texts that it may stand in, and the benefits that it suits.

    Of the suitable sentences with one `group` the first is recommended.
    """

    sentence_id: str
    """The id of the sentence."""
    members: list[str]
    """The members of a benefit whose texts it may stand in."""
    group: str | None = None
    """The group of sentences of which the first suitable one is recommended."""
    effects: list[str]
    """The kinds of effect that it suits."""
    services: list[str]
    """The kinds of service that it suits."""
    text: Localized
    """The sentence with its places in braces."""
    places: list[SentencePlace]
    """The places of the sentence."""


class Sentences(ApiModel):
    """The vocabulary of closed sentences, in the order in which they stand in a text."""

    data: list[SentenceAnswer]
    """The sentences."""


class ComposeBody(ApiModel):
    """A benefit's document, of which `effect` and `service_id` are needed, and chosen sentences.

    `choose` has keys of sentences by member. A member that is left out gets the recommended sentences, one with an
    empty list gets no text.
    """

    document: dict[str, Any]
    """The structured part of a benefit."""
    choose: dict[str, Annotated[list[str], Field(max_length=KEYS_MAX)]] = Field(default_factory=dict)
    """Keys of sentences by member."""


class OfferedSentence(ApiModel):
    """A closed sentence with the values of the benefit; `used` if the document's text has it now."""

    key: str
    """The key by which `choose` names the sentence."""
    text: Localized
    """The sentence with the values of the benefit."""
    recommended: bool
    """True where it is used unless `choose` says otherwise."""
    used: bool
    """True where the document's text has it now."""


class ComposedTexts(ApiModel):
    """Texts by member, ready to be put into the document, and all sentences that suit, by member."""

    texts: dict[str, Localized]
    """Texts by member, ready to be put into the document."""
    sentences: dict[str, list[OfferedSentence]]
    """All sentences that suit, by member."""
