"""Organisations behind providers: the providers of one owner or client, and those whose names are alike.

Baselines and thresholds are compared over all providers of an organisation, so that another id does not hide them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

from benefits.publishing import wording

NAME_LIKENESS_PERCENT_MIN = 80
"""Two names with this share of characters in common are alike: a letter, a mark or a number is another. Below it the
chance resemblances begin, such as Riverside Hotel and Riverside Parking (60)."""
NAME_PART_MIN = 4
"""Characters of a name that, inside another name, make the two alike; many names contain a shorter one, such as Spa."""
HAN_NAME_PART_MIN = 3
"""The same for names in Chinese, which are shorter."""


@dataclass(frozen=True, slots=True)
class Organisation:
    """A provider with everything that tells who it is, over all its versions that are or were known.

    `names` are folded names in any language, `owners` the ids of its owners and its own, `clients` those of its venues.
    """

    provider_id: str
    names: frozenset[str]
    owners: frozenset[str]
    clients: frozenset[str] = frozenset()


def fold_name(name: str) -> str:
    """Return a name in the form that is compared: folded, without spaces and marks."""
    return wording.fold(name).replace(" ", "")


def same_organisation(provider_id: str, known: Mapping[str, Organisation]) -> frozenset[str]:
    """Return the providers that share an owner or a client with one, directly or by a third; itself included."""
    members = {provider_id}
    while True:
        owners = frozenset[str]().union(*(known[member].owners for member in members if member in known))
        clients = frozenset[str]().union(*(known[member].clients for member in members if member in known))
        joined = {name for name, other in known.items() if other.owners & owners or other.clients & clients}
        if joined <= members:
            return frozenset(members)
        members |= joined


def possibly_same_organisation(provider_id: str, known: Mapping[str, Organisation]) -> frozenset[str]:
    """Return the other providers that are or may be the same organisation, by owner, client or a similar name."""
    named = known[provider_id].names if provider_id in known else frozenset()
    like = {
        name
        for name, other in known.items()
        if any(are_alike(ours, theirs) for ours in named for theirs in other.names)
    }
    return (same_organisation(provider_id, known) | like) - {provider_id}


def are_alike(name: str, other: str) -> bool:
    """Report whether two folded names are the same, nearly the same, or one a part of the other."""
    shorter, longer = sorted((name, other), key=len)
    least = NAME_PART_MIN if shorter.isascii() else HAN_NAME_PART_MIN
    if shorter == longer or (len(shorter) >= least and shorter in longer):
        return True
    matcher = SequenceMatcher(None, name, other, autojunk=False)
    return matcher.quick_ratio() * 100 >= NAME_LIKENESS_PERCENT_MIN <= matcher.ratio() * 100
