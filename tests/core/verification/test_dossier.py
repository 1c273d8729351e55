"""A dossier proves each act by itself, and no byte of it changes unseen."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from typing import Any

import pytest

from registry.core import canonical
from registry.core.agreement import Environment, Quorum
from registry.core.calendar import MalformedTime
from registry.core.canonical import Json, NotCanonical
from registry.core.envelope.jose import Typ, seal
from registry.core.errors import RegistryError
from registry.core.identifiers import ActId, Did, Digest
from registry.core.record import MalformedRecord
from registry.core.signature import Signer
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.entry import Kind, Leaf, commitment
from registry.core.tlog.merkle import Hash, leaf_hash, new_hashes, prove_inclusion, tree_root
from registry.core.tlog.note import Note
from registry.core.tlog.proof import TlogProof
from registry.core.trust.agreement_adoption import AgreementNotBelieved
from registry.core.trust.believed_list import ListBelowThreshold, believe
from registry.core.verification import carried
from registry.core.verification import dossier as dossier_module
from registry.core.verification.carried import MAX_LISTS, ListsUnfit
from registry.core.verification.dossier import Contents, Dossier, ExportedAct, Place, Selection, TakenBack
from registry.core.verification.dossier_check import DossierNotTrusted, check
from registry.core.verification.dossier_report import ActFinding, Report, Standing
from registry.signing.key_file import NoteSigner
from tests.core.world import AT, BORN, RenamedSigner, Side, World

SECOND = timedelta(seconds=1)


def act_of(side: Side, number: int, kind: Kind = Kind.PRODUCT_KEPT, to: str | None = None) -> ExportedAct:
    """Return an act that the log has not published yet."""
    private: dict[str, Json] = {"product": f"изделие {number}", "version": number}
    salt = bytes([number]) * 16
    leaf = Leaf(
        ActId(f"{number:032x}"),
        kind,
        AT + number * SECOND,
        side.node_id,
        commitment(salt, private),
        to,  # type: ignore[arg-type]  # a country
        Digest(f"{number:064x}") if kind.has_digest else None,
    )
    return ExportedAct(
        id=leaf.id,
        kind=kind,
        at=leaf.at,
        by=leaf.by,
        private=canonical.encode(private),
        salt=salt,
        to=to,
        digest=leaf.digest,
        leaf=leaf.encode(),
    )


@dataclass(frozen=True)
class Log:
    """The log of a country over some acts, and the checkpoints that it signs of it."""

    side: Side
    witnesses: Sequence[NoteSigner]
    acts: Sequence[ExportedAct]

    def _read(self, wanted: Sequence[tuple[int, int]]) -> Sequence[Hash]:
        stored = new_hashes(0, [leaf_hash(act.leaf or b"") for act in self.acts], lambda _: [])
        return [{(level, index): node for level, index, node in stored}[place] for place in wanted]

    def note(self) -> str:
        size = len(self.acts)
        signed = self.side.log.sign(Checkpoint(f"{self.side.name}/log", size, tree_root(size, self._read)).encode())
        cosigned = tuple(witness.cosign(signed.text, AT + SECOND) for witness in self.witnesses)
        return Note(signed.text, signed.lines + cosigned).encode()

    def proved(self, index: int) -> ExportedAct:
        hashes = tuple(prove_inclusion(index, len(self.acts), self._read))
        proof = TlogProof(self.acts[index].leaf, index, hashes, self.note())
        return replace(self.acts[index], leaf=None, proof=proof.encode())


@dataclass(frozen=True)
class Office:
    """The node of Belarus, its log of five acts, and the dossiers that it makes."""

    world: World
    signer: Signer

    @property
    def side(self) -> Side:
        return self.world.by

    @property
    def acts(self) -> list[ExportedAct]:
        issued = act_of(self.side, 3, Kind.CERTIFICATE_ISSUED, "UZ")
        return [act_of(self.side, number) for number in range(3)] + [issued, act_of(self.side, 4)]

    def log(self, *witnesses: NoteSigner, acts: Sequence[ExportedAct] | None = None) -> Log:
        return Log(self.side, witnesses or [self.world.uz.witness], self.acts if acts is None else acts)

    def contents(self, *acts: ExportedAct, **changes: Any) -> Contents:
        sides = self.world.sides.values()
        contents = Contents(
            env=Environment.DEMO,
            node=self.side.node_id,
            country="BY",
            made_at=AT,
            selection=Selection(from_=BORN, kind=None, number="BYUZ6101000001"),
            lists=tuple(side.sign_list(side.trust_list) for side in sides),
            acts=acts,
            agreements=(self.world.sign_agreement(self.world.agreement),),
            after=Place(AT, 9),
        )
        return replace(contents, **changes)

    def sign(self, contents: Contents) -> Dossier:
        return Dossier(contents, seal(contents.statement, Typ.DOSSIER, self.signer).text)

    def dossier(self, *acts: ExportedAct, **changes: Any) -> Dossier:
        return self.sign(self.contents(*acts, **changes))

    def check(self, *acts: ExportedAct, **changes: Any) -> Report:
        dossier = self.dossier(*acts, **changes)
        assert Dossier.parse(dossier.encode()) == dossier
        return check(dossier, self.pins)

    def finding(self, act: ExportedAct, **changes: Any) -> ActFinding:
        report = self.check(act, **changes)
        assert report.altered is None
        assert report.nothing_wrong == (report.findings[0].standing is not Standing.WRONG)
        return report.findings[0]

    @property
    def pins(self) -> Any:
        return {side.country: side.pin for side in self.world.sides.values()}


@pytest.fixture(scope="session")
def office(world: World) -> Office:
    return Office(world, world.by.node)


def test_an_act_is_proved_by_its_leaf_its_commitment_and_the_witnesses(office: Office) -> None:
    log = office.log()
    report = office.check(*(log.proved(index) for index in range(5)))
    assert [(each.standing, each.index, each.logged_by) for each in report.findings] == [
        (Standing.PROVED, index, AT + SECOND) for index in range(5)
    ]
    assert report.nothing_wrong
    assert report.ranges == [(0, 4)]


def test_what_no_published_checkpoint_covers_is_pending_and_still_compared(office: Office) -> None:
    act = office.acts[0]
    found = office.finding(act)
    assert (found.standing, found.code, found.index) == (Standing.PENDING, "not-published", None)
    assert office.finding(replace(act, private=b'{"product":"other"}')).code == "commitment-differs"
    assert office.finding(replace(act, leaf=b"{}")).code == "malformed-leaf"


def test_what_the_witnesses_have_not_cosigned_is_pending_and_still_checked(office: Office) -> None:
    act = office.log(office.side.witness).proved(2)
    found = office.finding(act)
    assert (found.standing, found.code, found.index) == (Standing.PENDING, "quorum-not-met", 2)
    assert office.finding(replace(act, at=AT)).code == "leaf-differs"


def test_a_log_that_needs_no_witness_proves_by_itself(office: Office) -> None:
    world = office.world
    none = replace(world.agreement, witnesses=tuple(Quorum(country, 0) for country in ("BY", "UZ")))
    act = office.log(office.side.witness).proved(2)
    found = office.finding(act, agreements=(world.sign_agreement(none),))
    assert (found.standing, found.logged_by) == (Standing.PROVED, None)


def test_the_newest_agreement_decides_whose_word_is_asked(office: Office) -> None:
    world = office.world
    none = replace(world.agreement, witnesses=tuple(Quorum(country, 0) for country in ("BY", "UZ")))
    loose, strict = (world.sign_agreement(each) for each in (none, world.agreement))
    for index in (2, 3):
        act = office.log(office.side.witness).proved(index)
        assert office.finding(act, agreements=(strict, loose)).standing is Standing.PROVED
        assert office.finding(act, agreements=(loose, strict)).standing is Standing.PENDING


def test_where_no_quorum_can_be_had_nothing_is_proved_and_a_wrong_proof_is_still_wrong(office: Office) -> None:
    world = office.world
    many = replace(world.agreement, witnesses=tuple(Quorum(country, 9) for country in ("BY", "UZ")))
    act = office.log().proved(2)
    for agreements in ((), (world.sign_agreement(many),)):
        found = office.finding(act, agreements=agreements)
        assert (found.standing, found.code, found.index) == (Standing.PENDING, "no-quorum", 2)
        assert office.finding(replace(act, salt=bytes(16)), agreements=agreements).standing is Standing.WRONG


def test_a_leaf_without_its_act_is_proved_and_named_as_lost(office: Office) -> None:
    log = office.log()
    act, lost = log.proved(2), TakenBack(proof=log.proved(3).proof)
    report = office.check(act, taken_back=(lost,))
    (found,) = report.taken_back
    assert found.leaf is not None
    assert (found.leaf.kind, found.leaf.to) == (Kind.CERTIFICATE_ISSUED, "UZ")
    assert (found.finding.standing, found.finding.code, found.finding.index) == (Standing.LOST, "act-lost", 3)
    assert (found.finding.logged_by, found.finding.id) == (AT + SECOND, office.acts[3].id)
    assert "entry 3 of the log is a leaf that was taken back without its act" in found.finding.reason
    assert (report.nothing_wrong, report.count(Standing.LOST), report.ranges) == (True, 1, [(2, 3)])


def test_a_leaf_without_its_act_that_does_not_hold_is_pending_or_wrong(office: Office) -> None:
    leaf, log = office.acts[0].leaf, office.log()
    proof = TlogProof.parse(log.proved(0).proof or "")
    stranger = office.log(office.world.by.witness).proved(0).proof
    for lost, standing, code in (
        (TakenBack(leaf=leaf), Standing.PENDING, "not-published"),
        (TakenBack(proof=stranger), Standing.PENDING, "quorum-not-met"),
        (TakenBack(leaf=b"{}"), Standing.WRONG, "malformed-leaf"),
        (TakenBack(proof=replace(proof, extra=None).encode()), Standing.WRONG, "leaf-missing"),
        (TakenBack(proof=replace(proof, extra=office.acts[1].leaf).encode()), Standing.WRONG, "wrong-proof"),
    ):
        report = office.check(taken_back=(lost,))
        (found,) = report.taken_back
        assert (found.finding.standing, found.finding.code) == (standing, code)
        assert report.nothing_wrong == (standing is Standing.PENDING)
    twice = office.check(log.proved(0), taken_back=(TakenBack(proof=log.proved(0).proof),))
    assert twice.taken_back[0].finding.code == "stands-twice"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"id": "f" * 32}, "leaf-differs"),
        ({"kind": Kind.CERTIFICATE_STATUS}, "leaf-of-another-kind"),
        ({"at": AT}, "leaf-differs"),
        ({"by": Did("did:web:uz.registry.example")}, "leaf-differs"),
        ({"to": "KZ"}, "leaf-differs"),
        ({"to": None}, "leaf-differs"),
        ({"digest": "f" * 64}, "leaf-of-another-digest"),
        ({"digest": None}, "leaf-of-another-digest"),
        ({"private": b"{}"}, "commitment-differs"),
        ({"private": b"\xff"}, "commitment-differs"),
        ({"salt": b"\xff" * 16}, "commitment-differs"),
        ({"proof": "c2sp.org/tlog-proof@v1\nindex 0\n"}, "malformed-proof"),
    ],
)
def test_an_act_that_is_told_otherwise_than_logged_is_named_with_the_reason(
    office: Office, changes: dict[str, Any], code: str
) -> None:
    """The node signs the lie: it is the log that contradicts it."""
    found = office.finding(replace(office.log().proved(3), **changes))
    assert (found.standing, found.code) == (Standing.WRONG, code)
    assert found.reason


def test_the_leaf_of_another_act_or_place_is_no_proof(office: Office) -> None:
    log = office.log()
    act, other = log.proved(1), log.proved(2)
    assert office.finding(replace(act, proof=other.proof)).code == "leaf-differs"
    assert act.proof is not None
    proof = TlogProof.parse(act.proof)
    assert office.finding(replace(act, proof=replace(proof, index=2).encode())).code == "wrong-proof"
    assert office.finding(replace(act, proof=replace(proof, extra=None).encode())).code == "leaf-missing"
    theirs = replace(office.log(), side=office.world.uz).proved(1)
    assert office.finding(theirs).code == "note-not-signed"


def test_a_forged_cosignature_is_wrong_and_not_pending(office: Office) -> None:
    act = office.log().proved(1)
    assert act.proof is not None
    proof = TlogProof.parse(act.proof)
    note = Note.parse(proof.checkpoint_note)
    line = note.lines[-1].signature
    last = replace(note.lines[-1], signature=line[:-1] + bytes([line[-1] ^ 1]))
    forged = replace(proof, checkpoint_note=Note(note.text, (note.lines[0], last)).encode())
    assert office.finding(replace(act, proof=forged.encode())).code == "wrong-signature"


def test_an_act_or_an_entry_that_stands_twice_is_wrong(office: Office) -> None:
    log = office.log()
    report = office.check(log.proved(0), log.proved(0), office.acts[0])
    assert [each.code for each in report.findings] == ["proved", "stands-twice", "stands-twice"]
    assert not report.nothing_wrong
    other = office.log(acts=[act_of(office.side, 9), *office.acts]).proved(0)
    report = office.check(log.proved(0), other)
    assert [each.code for each in report.findings] == ["proved", "stands-twice"]
    assert "entry 0" in report.findings[1].reason


def test_two_trees_of_one_size_are_two_histories(office: Office) -> None:
    forked = office.log(acts=[*office.acts[:4], act_of(office.side, 9)])
    report = office.check(office.log().proved(0), forked.proved(1))
    assert [each.code for each in report.findings] == ["proved", "two-histories"]
    assert "5 entries" in report.findings[1].reason


def test_ranges_say_within_what_nothing_was_left_out(office: Office) -> None:
    log = office.log()
    assert office.check(*(log.proved(index) for index in (4, 2, 0, 1))).ranges == [(0, 2), (4, 4)]
    unseen = office.log(office.side.witness).proved(3)
    assert office.check(log.proved(1), unseen, office.acts[0]).ranges == [(1, 1)]
    assert office.check().ranges == []


def test_in_a_dossier_of_every_act_no_entry_is_missing(office: Office) -> None:
    log, every = office.log(), {"selection": Selection(), "after": None}
    whole = office.check(*(log.proved(index) for index in range(5)), **every)
    assert (whole.missing, whole.nothing_wrong) == ((), True)
    cut = office.check(*(log.proved(index) for index in (1, 4)), **every)
    assert (cut.missing, cut.nothing_wrong) == (((0, 0), (2, 3)), False)
    for part in ({"selection": Selection(kind=Kind.ACTS_READ)}, {"after": Place(AT, 9)}, {"next": Place(AT, 9)}):
        assert office.check(log.proved(1), log.proved(4), **(every | part)).missing == ()


def test_whoever_waits_is_told_how_far_it_is(office: Office) -> None:
    told: list[str] = []

    def track(acts: Sequence[ExportedAct]) -> Iterable[ExportedAct]:
        for act in acts:
            told.append(act.id)
            yield act

    check(office.dossier(*office.acts), office.pins, track=track)
    assert told == [act.id for act in office.acts]


def test_what_the_node_did_not_sign_is_altered_and_each_proof_still_holds(office: Office) -> None:
    act = office.log().proved(0)
    signed = office.dossier(act)
    contents = replace(signed.contents, made_at=AT + SECOND)
    others = {
        "signed other contents": replace(signed, contents=contents),
        "cannot be read": replace(signed, statement="a.b"),
        "does not verify": replace(office, signer=RenamedSigner(office.side.node.kid, office.world.uz.node)).dossier(
            act
        ),
        "is not signed by a key": replace(office, signer=office.world.uz.node).dossier(act),
        "had when it was made": office.dossier(act, made_at=BORN - SECOND),
    }
    for why, dossier in others.items():
        report = check(dossier, office.pins)
        assert report.altered is not None
        assert why in report.altered
        assert report.findings[0].standing is Standing.PROVED
        assert not report.nothing_wrong


def test_a_dossier_is_of_a_node_that_the_pins_vouch_for(office: Office) -> None:
    for changes in ({"node": office.world.uz.node_id}, {"country": "KZ"}, {"country": "UZ"}):
        with pytest.raises(DossierNotTrusted, match="no pinned country"):
            check(office.dossier(**changes), office.pins)
    for pins in ({}, {"UZ": office.world.uz.pin}):
        with pytest.raises(DossierNotTrusted, match="no pinned country"):
            check(office.dossier(agreements=()), pins)
    with pytest.raises(ListsUnfit, match="another environment"):
        check(office.dossier(env=Environment.PRODUCTION), office.pins)
    with pytest.raises(ListsUnfit, match="epoch before"):
        check(office.dossier(), {**office.pins, "BY": replace(office.side.pin, epoch=2)})
    with pytest.raises(ListsUnfit, match="more than"):
        check(office.dossier(lists=office.contents().lists[:1] * (MAX_LISTS + 1)), office.pins)


def test_a_list_that_no_pin_is_for_is_not_looked_at(office: Office) -> None:
    stranger = office.side.sign_list(replace(office.side.trust_list, country="KZ"))
    nobody = seal({"country": 7}, Typ.TRUST_LIST, office.side.node).text + "\n"
    report = office.check(office.log().proved(0), lists=(*office.contents().lists, stranger, nobody))
    assert report.nothing_wrong


def test_lists_and_agreements_are_believed_as_everywhere(office: Office) -> None:
    side = office.side
    below = side.sign_list(side.trust_list, side.list_keys[:1])
    with pytest.raises(ListBelowThreshold):
        check(office.dossier(lists=(below, *office.contents().lists[1:])), office.pins)
    with pytest.raises(AgreementNotBelieved):
        check(office.dossier(lists=office.contents().lists[:1]), office.pins)
    with pytest.raises(DossierNotTrusted, match="no pinned country"):
        check(office.dossier(lists=()), office.pins)


def test_an_agreement_is_believed_by_an_earlier_list_after_new_list_keys(office: Office) -> None:
    side = office.side
    keys = side.make_list_keys(2)
    rows = tuple(type(side.trust_list.list_keys[0])(key.kid, key.certificate) for key in keys)
    newer = side.sign_list(replace(side.trust_list, epoch=2, list_keys=rows), keys[:2])
    act = office.log().proved(0)
    old = office.contents().lists
    assert office.finding(act, lists=(*old, newer)).standing is Standing.PROVED
    with pytest.raises(ListBelowThreshold):
        check(office.dossier(act, lists=(newer, *old[1:])), office.pins)


def test_a_file_is_read_in_its_one_spelling_only(office: Office) -> None:
    act = office.acts[0]
    data = office.dossier(act).encode()
    with pytest.raises(NotCanonical):
        Dossier.parse(data + b"\n")
    proof = office.log().proved(0).proof
    for wrong, said in (
        (replace(act, leaf=None), "both leaf and proof, or neither"),
        (replace(act, proof=proof), "both leaf and proof, or neither"),
        (replace(act, salt=b"\0" * 15), "is not 16 bytes"),
        (replace(act, id="x"), "not spelled"),
        (replace(act, proof="other", leaf=None), "not spelled"),
    ):
        with pytest.raises(MalformedRecord, match=said):
            Dossier.parse(office.dossier(act, wrong).encode())
    for both in (TakenBack(), TakenBack(leaf=act.leaf, proof=proof)):
        with pytest.raises(MalformedRecord, match="both leaf and proof, or neither"):
            Dossier.parse(office.dossier(act, taken_back=(both,)).encode())


def test_a_file_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dossier_module, "MAX_DOSSIER", 2)
    with pytest.raises(MalformedRecord, match="larger than 2 bytes"):
        Dossier.parse(b"{ }")


def test_a_place_has_one_spelling() -> None:
    assert Place.parse("2026-11-21T09:30:00Z/12") == Place(AT, 12)
    assert Place(AT, 12).encode() == "2026-11-21T09:30:00Z/12"
    for text in ("", "12", "2026-11-21T09:30:00Z", "2026-11-21T09:30:00Z/", "2026-11-21T09:30:00Z/012", f"{AT}/1"):
        with pytest.raises(MalformedTime):
            Place.parse(text)
    with pytest.raises(MalformedTime):
        Place.parse(f"2026-11-21T09:30:00Z/{2**63}")


def small(office: Office) -> Dossier:
    """Return a dossier with one proved and one pending act, and no more in its lists and agreement than it needs."""
    world, sides = office.world, office.world.sides.values()
    lists = tuple(
        side.sign_list(replace(side.trust_list, bodies=(), list_keys=side.trust_list.list_keys[:1]), side.list_keys[:1])
        for side in sides
    )
    agreed = replace(world.agreement, recognitions=(), numbers=())
    agreement = world.sign_agreement(agreed, [side.list_keys[0] for side in sides])
    return office.dossier(office.log().proved(3), office.acts[4], lists=lists, agreements=(agreement,))


@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # a flip in a certificate can make its number negative
def test_each_flipped_byte_of_a_dossier_is_found(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the file cannot be read any more, is refused as a whole, or is told to be wrong: no byte goes unseen.

    A list that was believed once under a pin is not checked twice, because the check has no other input.
    """
    monkeypatch.setattr(carried, "believe", lru_cache(believe))
    dossier = small(office)
    whole = dossier.encode()
    pins = {country: replace(pin, threshold=1) for country, pin in office.pins.items()}
    report = check(dossier, pins)
    assert report.nothing_wrong
    assert [finding.standing for finding in report.findings] == [Standing.PROVED, Standing.PENDING]
    unseen = []
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 7
        try:
            if check(Dossier.parse(bytes(changed)), pins).nothing_wrong:
                unseen.append(place)
        except RegistryError:
            continue
    assert unseen == []
