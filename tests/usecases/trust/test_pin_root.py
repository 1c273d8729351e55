"""Pinning a root: two people, and a fingerprint that came by another way."""

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy.orm import Session

from registry.core.tlog.entry import Kind
from registry.core.trust.believed_list import ListBelowThreshold
from registry.core.trust.pin import Pin
from registry.usecases.party.confirm_proposal import SameOperator
from registry.usecases.party.identify_party import RoleMissing
from registry.usecases.trust import pin_root
from registry.usecases.trust.pin_root import FingerprintDiffers, PinNotProposed, PinTermsDiffer, fingerprint
from tests.kit import Corridor, Country


def confirms(
    tx: Session, country: Country, who: str, pin: Pin, typed: str | None = None, **terms: Any
) -> tuple[str, str]:
    said = {"threshold": pin.threshold, "epoch": pin.epoch} | terms
    return pin_root.confirm(tx, pin, typed or fingerprint(pin), **said, **country.by(who))


def test_one_person_proposes_a_pin_and_another_confirms_it_by_its_fingerprint(corridor: Corridor) -> None:
    by = corridor.by
    pin = by.node.pins["UZ"]
    spoken = fingerprint(pin)
    first = by.people["operator"].person
    with by.tx() as tx:
        assert pin_root.propose(tx, pin, **by.by("operator")) == "UZ"
        assert confirms(tx, by, "second_operator", pin, f" {spoken.upper()}\n") == ("UZ", first)
    (proposed,), (confirmed,) = by.acts(Kind.TRUST_PIN_PROPOSED), by.acts(Kind.TRUST_PIN_CONFIRMED)
    assert proposed.digest == confirmed.digest == sha256(pin.root).hexdigest() == spoken.replace(" ", "")
    assert (proposed.subject, proposed.private) == (confirmed.subject, confirmed.private)
    assert proposed.person != confirmed.person


def test_nobody_confirms_their_own_pin_or_another_fingerprint(corridor: Corridor) -> None:
    by = corridor.by
    pin = by.node.pins["UZ"]
    spoken = fingerprint(pin)
    with by.tx() as tx:
        pin_root.propose(tx, pin, **by.by("operator"))
    with by.refuses(SameOperator) as same:
        confirms(same.tx, by, "operator", pin)
    assert str(same.value) == "whoever proposed it cannot confirm it: another operator does"
    other = fingerprint(by.node.pins["BY"])
    for typed in (other, " ", spoken[:-1]):
        with by.refuses(FingerprintDiffers) as differs:
            confirms(differs.tx, by, "second_operator", pin, typed)
    assert "do not pin it" in str(differs.value)


def test_only_a_pin_that_an_act_proposed_is_confirmed_and_all_of_it(corridor: Corridor) -> None:
    by = corridor.by
    pin = by.node.pins["UZ"]
    with by.refuses(PinNotProposed) as unknown:
        confirms(unknown.tx, by, "second_operator", pin)
    assert str(unknown.value).startswith("nobody proposed to pin just this root of UZ")
    with by.tx() as tx:
        pin_root.propose(tx, pin, **by.by("operator"))
    for changed in (replace(pin, threshold=1), replace(pin, epoch=2)):
        with by.refuses(PinNotProposed) as other:
            confirms(other.tx, by, "second_operator", changed)


def test_whoever_confirms_says_threshold_and_epoch_too(corridor: Corridor) -> None:
    by = corridor.by
    weak = replace(by.node.pins["UZ"], threshold=1, epoch=3)
    with by.tx() as tx:
        pin_root.propose(tx, weak, **by.by("operator"))
    for threshold, epoch in ((2, 3), (1, 1)):
        with by.refuses(PinTermsDiffer) as differs:
            confirms(differs.tx, by, "second_operator", weak, threshold=threshold, epoch=epoch)
    assert (differs.value.threshold, differs.value.epoch) == (1, 3)
    assert "asks for 1 list keys and counts from epoch 3" in str(differs.value)


def test_a_proposed_pin_is_confirmed_once(corridor: Corridor) -> None:
    by = corridor.by
    weak, pin = replace(by.node.pins["UZ"], threshold=1), by.node.pins["UZ"]
    for each in (weak, pin, by.node.pins["BY"]):
        with by.tx() as tx:
            pin_root.propose(tx, each, **by.by("operator"))
            confirms(tx, by, "second_operator", each)
    with by.refuses(PinNotProposed) as again:
        confirms(again.tx, by, "second_operator", weak)


def test_only_operators_pin(corridor: Corridor) -> None:
    by = corridor.by
    pin = by.node.pins["UZ"]
    with by.refuses(RoleMissing) as refused:
        pin_root.propose(refused.tx, pin, **by.by("auditor"))
    with by.refuses(RoleMissing) as refused:
        confirms(refused.tx, by, "signatory", pin)


def test_a_pin_under_which_the_adopted_list_is_believed_no_more_is_refused_before_anyone_confirms_it(
    corridor: Corridor,
) -> None:
    by = corridor.by
    pin, adopted = by.node.pins["UZ"], by.beliefs().list_of("UZ")
    pin_root.check_believed(pin, adopted)
    pin_root.check_believed(replace(pin, threshold=9), None)
    with pytest.raises(ListBelowThreshold, match="2 of 9 list keys signed"):
        pin_root.check_believed(replace(pin, threshold=9), adopted)
