"""Providers of one organisation: by owner, by client, by a like name."""

from __future__ import annotations

import pytest

from benefits.publishing.rules import organisations
from benefits.publishing.rules.organisations import Organisation, fold_name


def organisation(name: str, *owners: str, names: tuple[str, ...] = (), clients: tuple[str, ...] = ()) -> Organisation:
    folded = frozenset(fold_name(text) for text in names)
    return Organisation(name, folded, frozenset({name, *owners}), frozenset(clients))


def known(*listed: Organisation) -> dict[str, Organisation]:
    return {organisation.provider_id: organisation for organisation in listed}


def test_an_organisation_shares_owners_and_clients_also_by_a_third() -> None:
    city = known(
        organisation("a", "bureau"),
        organisation("b", "bureau", clients=("till-1",)),
        organisation("c", clients=("till-1", "till-2")),
        organisation("d", clients=("till-3",)),
        organisation("e", "c"),
    )
    assert organisations.same_organisation("a", city) == {"a", "b", "c", "e"}
    assert organisations.same_organisation("d", city) == {"d"}
    assert organisations.same_organisation("unknown", city) == {"unknown"}


def test_similar_providers_are_the_organisation_and_like_names_without_oneself() -> None:
    city = known(
        organisation("a", "bureau", names=("森林公园景区", "Forest Park")),
        organisation("b", "bureau", names=("东山", "East Hill")),
        organisation("c", names=("森林公园景區", "Woods")),
        organisation("d", names=("市图书馆", "City Library")),
    )
    assert organisations.possibly_same_organisation("a", city) == {"b", "c"}
    assert organisations.possibly_same_organisation("d", city) == frozenset()


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Forest Park", "FOREST  PARK"),
        ("Forest Park", "Forest Park East"),
        ("Forest Park", "Forrest Park"),
        ("Forest Park 1", "Forest Park 2"),
        ("森林公园", "森林公園景区"),
        ("滨河停车", "滨河·停车"),
    ],
)
def test_like_names(name: str, other: str) -> None:
    assert organisations.are_alike(fold_name(name), fold_name(other))


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Riverside Hotel", "Riverside Parking"),
        ("滨河宾馆", "滨河停车"),
        ("City Library", "City Bikes"),
        ("Spa", "Spartak Sports"),
        ("市图书馆", "市政务服务大厅"),
    ],
)
def test_names_that_are_not_alike(name: str, other: str) -> None:
    assert not organisations.are_alike(fold_name(name), fold_name(other))
