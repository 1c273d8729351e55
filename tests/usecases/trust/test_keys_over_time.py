"""What the years bring to keys: the next signer of a body, a stolen one, a further node, another root."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from registry.api.issuer import issuer_of
from registry.core.envelope.jose import Envelope, Typ, seal
from registry.core.identifiers import authority_did
from registry.core.tlog.note import KeyType
from registry.core.trust.adoption import ListRowOfFormerRoot
from registry.core.trust.document_signer import ChainBroken, Purpose, RootNotLinked
from registry.core.trust.freshness import CLOCK_SKEW, MADE_EVERY, Freshness, FreshnessNotNewer
from registry.core.trust.pin import Pin
from registry.core.trust.trust_list import LogKey, NodeRole, SignerStatus, TrustList, WitnessKey
from registry.core.verification.bundle import open_bundle
from registry.core.verification.verdict import Check, Indication
from registry.node import Node
from registry.signing.ceremony import LINK, ROOT, Authority, make_key, make_link, make_root
from registry.signing.key_file import FileSigner, NoteSigner, read_certificate
from registry.store import checkpoints
from registry.usecases.certificate.issue_certificate import issue
from registry.usecases.node.find_standstill import find_standstill
from registry.usecases.trust import pin_root, publish_trust_list
from registry.usecases.trust.adopt_trust_list import adopt
from registry.usecases.trust.draft_body import USE
from registry.usecases.trust.pin_root import PinEpochNotNewer
from registry.usecases.trust.publish_trust_list import (
    OVERLAP,
    Ending,
    Material,
    NewKeysMissing,
    OtherNode,
    SignerNotListed,
)
from registry.usecases.trust.sign_for_body import SignerMissing
from tests.kit import AT, SECRET, Corridor, Country, Forge, list_signers, material_of, sign_list
from tests.usecases.verification.test_export_bundle import export

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)


def der(folder: Path, name: str) -> bytes:
    return read_certificate(folder, name).public_bytes(Encoding.DER)


def draft(
    country: Country, material: Material | None = None, *endings: Ending, overlap: timedelta = OVERLAP
) -> TrustList:
    node = country.node
    with node.database.read() as tx:
        return publish_trust_list.draft(
            tx,
            node.pins,
            material or material_of(node),
            name=node.settings.name,
            country=country.code,
            env=node.settings.env,
            at=country.clock(),
            endings=endings,
            overlap=overlap,
        )


def publish(corridor: Corridor, drafted: TrustList, signers: Sequence[FileSigner] = ()) -> None:
    signed = sign_list(drafted, tuple(signers) or list_signers(corridor.forge, "BY"))
    for country in (corridor.by, corridor.uz):
        country.adopts(signed)


def rotated(corridor: Corridor, folder: Path) -> tuple[Country, Material]:
    """Return the country with the next signer of its body among its keys, and the material for its list."""
    by = corridor.by
    first = by.node.settings.keys
    shutil.copytree(first, folder)
    did = by.signer.kid.partition("#")[0]
    name = f"document-{did.rpartition(':')[2]}"
    uris = [did, f"{did}#origin-st1"]
    make_key(Authority(first, SECRET), folder, f"{name}.2", SECRET, purpose=Purpose.DOCUMENT, uris=uris, at=AT - HOUR)
    moved = Country(with_keys(by.node, folder), by.clock, by.people, by.tokens, by.database)
    code = name.removeprefix("document-")
    return moved, replace(material_of(by.node), documents={code: [der(folder, name), der(folder, f"{name}.2")]})


def rekeyed(corridor: Corridor, code: str, folder: Path) -> tuple[Country, str]:
    """Let a node take a new key, by a list that both countries adopt; return the country with it, and the list."""
    country = corridor.opened[code]
    old = country.node.settings.keys
    shutil.copytree(old, folder, ignore=shutil.ignore_patterns("node.*"))
    uris, at = [country.did], corridor.clock() - HOUR
    made = make_key(Authority(old, SECRET), folder, "node", SECRET, purpose=Purpose.NODE, uris=uris, at=at)
    drafted = draft(country, replace(material_of(country.node), node=made.public_bytes(Encoding.DER)))
    newest = sign_list(drafted, list_signers(corridor.forge, code))
    for each in (corridor.by, corridor.uz):
        each.adopts(newest)
    node = with_keys(country.node, folder)
    moved = Country(node, country.clock, country.people, country.tokens, country.database)
    corridor.opened[code] = moved
    return moved, newest


def with_keys(node: Node, keys: Path) -> Node:
    return replace(node, settings=node.settings.model_copy(update={"keys": keys}))


def kid_of(certificate: str) -> str:
    return Envelope.parse(certificate, Typ.CERTIFICATE).kid


def ask(country: Country, number: str) -> tuple[Indication, str]:
    verdict = country.asks(number).verdict
    return verdict.indication, "" if verdict.decisive is None else verdict.decisive.code


def test_the_next_signer_is_known_a_day_before_it_is_used(corridor: Corridor, tmp_path: Path) -> None:
    uz = corridor.uz
    by, material = rotated(corridor, tmp_path / "keys")
    drafted = draft(by, material)
    (first, second) = drafted.bodies[0].signers
    assert (second.from_, second.use_until) == (AT + DAY, AT + DAY + USE)
    old = by.issued()
    publish(corridor, drafted)
    during = by.issued()
    corridor.clock.forward(DAY)
    new = by.issued()
    assert [kid_of(each.envelope) for each in (old, during, new)] == [first.kid, first.kid, second.kid]
    by.deliver(uz)
    uz.hears(by.states(), by)
    for row in (old, during, new):
        assert ask(uz, row.number) == (Indication.TOTAL_PASSED, "")


def test_a_change_of_status_is_signed_by_the_key_that_is_in_use(corridor: Corridor, tmp_path: Path) -> None:
    uz = corridor.uz
    by, material = rotated(corridor, tmp_path / "keys")
    old = by.issued()
    publish(corridor, draft(by, material, overlap=timedelta(0)))
    change = by.annulled(old)
    assert Envelope.parse(change.envelope, Typ.STATUS).kid == by.node.keyring.documents["bcci"][1].kid
    by.deliver(uz)
    assert ask(uz, old.number) == (Indication.TOTAL_FAILED, "annulled")


def test_a_retired_signer_signs_no_more_and_what_it_signed_stands(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    old = by.issued()
    by.deliver(uz)
    corridor.clock.forward(HOUR)
    ending = Ending(by.signer.kid, SignerStatus.RETIRED, corridor.clock(), "the key is replaced")
    publish(corridor, draft(by, None, ending))
    approved = by.approved()
    with pytest.raises(SignerMissing, match="no document signer of bcci is in use, and the trust list names no next"):
        by.issue(approved)
    (line,) = find_standstill(by.beliefs(), "BY", by.clock())
    assert line.startswith("bcci can issue nothing (signer-missing): none of its document signers is in use")
    assert line.endswith("and the trust list names no next one")
    assert ask(uz, old.number) == (Indication.TOTAL_PASSED, "")
    (row,) = draft(by).bodies[0].signers
    assert (row.status, row.reason) == (SignerStatus.RETIRED, "the key is replaced")


def test_a_signatory_is_told_when_the_next_key_begins(corridor: Corridor, tmp_path: Path) -> None:
    by, material = rotated(corridor, tmp_path / "keys")
    corridor.clock.forward(HOUR)
    ending = Ending(by.signer.kid, SignerStatus.REVOKED, corridor.clock(), "stolen")
    drafted = draft(by, material, ending)
    begins = drafted.bodies[0].signers[1].from_
    publish(corridor, drafted)
    approved = by.approved()
    with by.refuses(SignerMissing) as refused:
        issue(refused.tx, approved.id, str(approved.draft), issuer_of(by.node), by.beliefs(), **by.by("signatory"))
    assert str(refused.value) == (
        f"no document signer of bcci is in use before {begins.isoformat()}: sign again from then on"
    )
    (line,) = find_standstill(by.beliefs(), "BY", by.clock())
    assert line.endswith(f"and the next begins at {begins.isoformat()}")
    corridor.clock.at = begins
    corridor.uz.sequence()
    by.hears(corridor.uz.states(), corridor.uz)
    assert find_standstill(by.beliefs(), "BY", by.clock()) == []
    assert by.issue(approved).number


def test_a_process_that_was_started_before_a_key_was_made_says_that_it_does_not_hold_it(
    corridor: Corridor, tmp_path: Path
) -> None:
    by, (moved, material) = corridor.by, rotated(corridor, tmp_path / "keys")
    corridor.clock.forward(HOUR)
    ending = Ending(by.signer.kid, SignerStatus.RETIRED, corridor.clock())
    drafted = draft(moved, material, ending, overlap=timedelta(0))
    following = drafted.bodies[0].signers[1].kid
    publish(corridor, drafted)
    said = (
        f"the trust list names {following} as the document signer of bcci in use, and this process was started without "
        "it: start it again where the key was made since"
    )
    approved = by.approved()
    with by.refuses(SignerMissing) as refused:
        issue(refused.tx, approved.id, str(approved.draft), issuer_of(by.node), by.beliefs(), **by.by("signatory"))
    assert str(refused.value) == said
    (line,) = find_standstill(by.beliefs(), "BY", by.clock(), by.node.keyring.document_kids)
    assert line == f"bcci can issue nothing (signer-missing): {said}"
    assert find_standstill(by.beliefs(), "BY", by.clock(), moved.node.keyring.document_kids) == []
    assert kid_of(moved.issue(approved).envelope) == following


def test_what_a_stolen_node_key_dated_ahead_is_replaced_once_that_moment_is_over(
    corridor: Corridor, tmp_path: Path
) -> None:
    by, uz = corridor.by, corridor.uz
    by.sequence()
    honest = Freshness.parse(Envelope.parse(by.states(), Typ.FRESHNESS).payload)
    ahead = replace(honest, as_of=corridor.clock() + CLOCK_SKEW)
    uz.hears(seal(ahead.encode(), Typ.FRESHNESS, by.node.keyring.node).text, by)
    corridor.clock.forward(timedelta(minutes=1))
    by, _ = rekeyed(corridor, "BY", tmp_path / "keys")
    by.sequence()
    with pytest.raises(FreshnessNotNewer):
        uz.hears(by.states(), by)
    corridor.clock.forward(MADE_EVERY)
    uz.hears(by.states(), by)
    assert uz.beliefs().words[by.did].as_of == corridor.clock()


def test_a_stolen_signer_is_revoked_from_when_it_was_stolen(corridor: Corridor, tmp_path: Path) -> None:
    uz = corridor.uz
    by, material = rotated(corridor, tmp_path / "keys")
    before = by.issued()
    by.deliver(uz)
    corridor.clock.forward(HOUR)
    after = by.issued()
    by.deliver(uz)
    corridor.clock.forward(HOUR)
    ending = Ending(by.signer.kid, SignerStatus.REVOKED, AT + HOUR, "stolen")
    publish(corridor, draft(by, material, ending, overlap=timedelta(0)))
    assert ask(uz, before.number) == (Indication.TOTAL_PASSED, "")
    assert ask(uz, after.number) == (Indication.TOTAL_FAILED, "signer-revoked")
    new = by.issued()
    by.deliver(uz)
    assert ask(uz, new.number) == (Indication.TOTAL_PASSED, "")


def test_what_the_witnesses_saw_before_a_revocation_stands_wherever_it_is_shown(corridor: Corridor) -> None:
    """The issuer's own date is anyone's who stole the key; the other state's cosignature is not."""
    by, uz = corridor.by, corridor.uz
    seen = by.issued()
    with by.node.database.read() as tx:
        assert checkpoints.published_at(tx, str(seen.act)) is None
    by.sequence()
    by.witnessed(uz)
    corridor.clock.forward(HOUR)
    publish(corridor, draft(by, None, Ending(by.signer.kid, SignerStatus.REVOKED, corridor.clock(), "stolen")))
    by.deliver(uz)
    assert ask(uz, seen.number) == (Indication.TOTAL_PASSED, "")
    finding = by.asks(seen.number).verdict.finding(Check.SIGNER)
    assert finding is not None
    assert finding.code == "signer-good"


def test_what_the_witnesses_saw_only_after_a_revocation_does_not_stand(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    late = by.issued()
    corridor.clock.forward(HOUR)
    publish(corridor, draft(by, None, Ending(by.signer.kid, SignerStatus.REVOKED, corridor.clock(), "stolen")))
    finding = by.asks(late.number).verdict.finding(Check.SIGNER)
    assert finding is not None
    assert finding.code == "revoked-since"
    by.deliver(uz)
    assert ask(uz, late.number)[0] is Indication.INDETERMINATE
    finding = by.asks(late.number).verdict.finding(Check.SIGNER)
    assert finding is not None
    assert finding.code == "signer-revoked"


def test_only_a_signer_of_the_list_ends(corridor: Corridor) -> None:
    by = corridor.by
    with pytest.raises(SignerNotListed) as refused:
        draft(by, None, Ending(f"{by.did}#x", SignerStatus.REVOKED, AT))
    assert str(refused.value) == f"the trust list has no document signer {by.did}#x"


def test_a_further_node_stands_in_the_list_and_stays_in_the_next(corridor: Corridor, tmp_path: Path) -> None:
    by = corridor.by
    name = "customs.by.registry.example"
    make_key(
        Authority(by.node.settings.keys, SECRET),
        tmp_path,
        "node",
        SECRET,
        purpose=Purpose.NODE,
        uris=[f"did:web:{name}"],
        at=AT,
    )
    log = NoteSigner.make(tmp_path, "log", f"{name}/log", KeyType.ED25519, SECRET).vkey
    witness = NoteSigner.make(tmp_path, "witness", f"{name}/witness", KeyType.COSIGNATURE, SECRET).vkey
    other = OtherNode(
        name, [NodeRole.CUSTOMS], der(tmp_path, "node"), LogKey(log.name, log), WitnessKey(witness.name, witness)
    )
    drafted = draft(by, replace(material_of(by.node), others=[other]))
    assert [(row.name, row.roles) for row in drafted.nodes] == [
        (by.node.settings.name, (NodeRole.ISSUING, NodeRole.CUSTOMS)),
        (name, (NodeRole.CUSTOMS,)),
    ]
    publish(corridor, drafted)
    assert draft(by).nodes == drafted.nodes


class Successor:
    """Another root of Belarus, with list keys of its own and a link from the root before it."""

    def __init__(self, forge: Forge, folder: Path) -> None:
        self.authority = Authority(folder, SECRET)
        make_root(self.authority, country="BY", env="demo", name="by.registry.example", at=AT)
        make_link(Authority(forge.keys("BY"), SECRET), folder, AT)
        did = authority_did("by.registry.example")
        for label in ("list-1", "list-2"):
            make_key(self.authority, folder, label, SECRET, purpose=Purpose.LIST, uris=[did], at=AT)
        self.signers = [FileSigner.open(folder, label, SECRET) for label in ("list-1", "list-2")]
        self.link = der(folder, LINK)
        self.pin = replace(forge.pins()["BY"], root=der(folder, ROOT), epoch=2)

    def material(self, node: Node) -> Material:
        known = material_of(node)
        return replace(known, list_keys=[*known.list_keys, *(signer.certificate for signer in self.signers)])


def pinned(country: Country, pin: Pin) -> Country:
    node = replace(country.node, pinned=lambda: {**country.node.pins, "BY": pin})
    return Country(node, country.clock, country.people, country.tokens, country.database)


def test_another_root_follows_by_a_link_and_a_new_epoch(corridor: Corridor, tmp_path: Path) -> None:
    old = corridor.by.issued()
    corridor.by.deliver(corridor.uz)
    successor = Successor(corridor.forge, tmp_path / "root")
    known = corridor.by.node.pins["BY"]
    pin = pin_root.follow(known, successor.pin, successor.link, corridor.by.beliefs().list_of("BY"))
    by, uz = pinned(corridor.by, pin), pinned(corridor.uz, pin)
    assert ask(uz, old.number) == (Indication.TOTAL_PASSED, "")
    drafted = draft(by, successor.material(by.node))
    assert (drafted.epoch, drafted.version, len(drafted.list_keys)) == (2, 1, 2)
    text = sign_list(drafted, tuple(successor.signers))
    for country in (by, uz):
        country.adopts(text)
    new = by.issued()
    by.deliver(uz)
    for row in (old, new):
        assert ask(uz, row.number) == (Indication.TOTAL_PASSED, "")
    bundle = open_bundle(export(uz).text, uz.node.pins)
    assert (bundle.trusted.lists["BY"].list.epoch, len(bundle.trusted.agreements)) == (2, 1)
    again = draft(by, replace(successor.material(by.node), list_keys=[each.certificate for each in successor.signers]))
    assert (again.epoch, again.version) == (2, 2)
    with pytest.raises(ChainBroken):
        draft(by, successor.material(by.node))


def test_the_root_that_was_replaced_vouches_for_nothing_new(corridor: Corridor, tmp_path: Path) -> None:
    successor = Successor(corridor.forge, tmp_path / "root")
    known = corridor.by.node.pins["BY"]
    pin = pin_root.follow(known, successor.pin, successor.link, None)
    by = pinned(corridor.by, pin)
    with pytest.raises(NewKeysMissing):
        draft(by)
    moved, material = rotated(corridor, tmp_path / "keys")
    stolen = replace(successor.material(by.node), documents=material.documents)
    text = sign_list(draft(pinned(moved, pin), stolen), tuple(successor.signers))
    operator = by.people["operator"].actor
    with by.refuses(ListRowOfFormerRoot) as refused:
        adopt(refused.tx, text, by.node.pins, own_country="BY", by=operator, at=AT, draw=by.node.draw)
    assert "of a former root" in str(refused.value)
    epoch_of_old = draft(by, successor.material(by.node))
    with by.refuses(ChainBroken) as broken:
        old_keys = sign_list(
            replace(epoch_of_old, list_keys=draft(corridor.by).list_keys), list_signers(corridor.forge, "BY")
        )
        adopt(broken.tx, old_keys, by.node.pins, own_country="BY", by=operator, at=AT, draw=by.node.draw)


def test_a_root_is_not_replaced_without_a_link_nor_in_the_same_epoch(corridor: Corridor, tmp_path: Path) -> None:
    successor = Successor(corridor.forge, tmp_path / "root")
    known = corridor.by.node.pins["BY"]
    adopted = corridor.by.beliefs().list_of("BY")
    assert pin_root.follow(None, successor.pin, None, None) == successor.pin
    again = replace(known, threshold=3)
    assert pin_root.follow(known, again, None, adopted) == again
    with pytest.raises(RootNotLinked, match="no link certificate was given"):
        pin_root.follow(known, successor.pin, None, adopted)
    with pytest.raises(PinEpochNotNewer) as refused:
        pin_root.follow(known, replace(successor.pin, epoch=1), successor.link, None)
    assert str(refused.value) == "a new root counts from an epoch after 1"
    second = replace(adopted, list=replace(adopted.list, epoch=2))
    with pytest.raises(PinEpochNotNewer):
        pin_root.follow(known, successor.pin, successor.link, second)
    others = Successor(corridor.forge, tmp_path / "other")
    for link in (others.link, known.root, b"x"):
        with pytest.raises(ChainBroken):
            pin_root.follow(known, successor.pin, link, adopted)
    foreign = corridor.by.node.pins["UZ"]
    with pytest.raises(RootNotLinked, match="another country"):
        pin_root.follow(known, replace(foreign, epoch=2), successor.link, adopted)
    with pytest.raises(RootNotLinked, match="not signed by the former root"):
        pin_root.follow(foreign, successor.pin, successor.link, adopted)
