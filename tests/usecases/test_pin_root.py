"""Pinning a root: two people, and a fingerprint that came by another way."""

from dataclasses import replace
from hashlib import sha256

import pytest

from registry.core.tlog.entry import Kind
from registry.core.trust.believed_list import ListBelowThreshold
from registry.usecases import pin_root
from registry.usecases.identify_party import RoleMissing
from registry.usecases.pin_root import FingerprintDiffers, SameOperator, fingerprint
from tests.kit import Corridor


def test_one_person_proposes_a_pin_and_another_confirms_it_by_its_fingerprint(corridor: Corridor) -> None:
    by = corridor.by
    pin = by.node.pins["UZ"]
    spoken = fingerprint(pin)
    first = by.people["operator"]
    with by.tx() as tx:
        assert pin_root.propose(tx, pin, **by.by("operator")) == "UZ"
        typed = f" {spoken.upper()}\n"
        assert pin_root.confirm(tx, pin, typed, proposed_by=first.person, **by.by("second_operator")) == "UZ"
    (proposed,), (confirmed,) = by.acts(Kind.TRUST_PIN_PROPOSED), by.acts(Kind.TRUST_PIN_CONFIRMED)
    assert proposed.digest == confirmed.digest == sha256(pin.root).hexdigest() == spoken.replace(" ", "")
    assert proposed.person != confirmed.person


def test_nobody_confirms_their_own_pin_or_another_fingerprint(corridor: Corridor) -> None:
    by = corridor.by
    pin, first = by.node.pins["UZ"], by.people["operator"].person
    spoken = fingerprint(pin)
    with by.refuses(SameOperator) as same:
        pin_root.confirm(same.tx, pin, spoken, proposed_by=first, **by.by("operator"))
    assert str(same.value) == "whoever proposed it cannot confirm it: another operator does"
    other = fingerprint(by.node.pins["BY"])
    for typed in (other, "", spoken[:-1]):
        with by.refuses(FingerprintDiffers) as differs:
            pin_root.confirm(differs.tx, pin, typed, proposed_by=first, **by.by("second_operator"))
    assert "do not pin it" in str(differs.value)


def test_only_operators_pin(corridor: Corridor) -> None:
    by = corridor.by
    pin, first = by.node.pins["UZ"], by.people["operator"].person
    with by.refuses(RoleMissing) as refused:
        pin_root.propose(refused.tx, pin, **by.by("auditor"))
    with by.refuses(RoleMissing) as refused:
        pin_root.confirm(refused.tx, pin, fingerprint(pin), proposed_by=first, **by.by("signatory"))


def test_a_pin_under_which_the_adopted_list_is_believed_no_more_is_refused_before_anyone_confirms_it(
    corridor: Corridor,
) -> None:
    by = corridor.by
    pin, adopted = by.node.pins["UZ"], by.beliefs().list_of("UZ")
    pin_root.check_believed(pin, adopted)
    pin_root.check_believed(replace(pin, threshold=9), None)
    with pytest.raises(ListBelowThreshold, match="2 of 9 list keys signed"):
        pin_root.check_believed(replace(pin, threshold=9), adopted)
