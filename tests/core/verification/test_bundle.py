from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from registry.core.agreement import NeutralWitness, Quorum
from registry.core.envelope.jose import Typ, join, seal
from registry.core.errors import RegistryError
from registry.core.record import MalformedRecord
from registry.core.tlog.checkpoint import MalformedCheckpoint
from registry.core.tlog.note import MalformedNote, Note
from registry.core.trust.agreement_adoption import AgreementNotBelieved
from registry.core.trust.believed_list import ListBelowThreshold, ListNotTrusted
from registry.core.trust.document_signer import Purpose
from registry.core.trust.freshness import CLOCK_SKEW, FreshnessNotTrusted
from registry.core.trust.trust_list import ListKey
from registry.core.verification.bundle import Bundle, BundleNotTrusted, Delivered, open_bundle
from registry.core.verification.carried import MAX_LISTS, ListsUnfit
from registry.core.verification.verdict import Check, Indication
from registry.signing.ceremony import LIFE
from tests.core.world import AT, BORN, RenamedSigner, Scene, World

SECOND = timedelta(seconds=1)


def refused(scene: Scene, code: str = "bundle-not-trusted", **changes: Any) -> str:
    with pytest.raises(BundleNotTrusted) as refusal:
        scene.open(replace(scene.bundle(), **changes))
    assert refusal.value.code == code
    return str(refusal.value)


def test_a_bundle_reads_back_as_it_was_written(scene: Scene) -> None:
    bundle = replace(scene.bundle(), as_of=AT)
    assert Bundle.parse(bundle.encode()) == bundle
    assert scene.open(bundle).bundle == bundle


def test_a_bundle_is_by_a_node_of_a_pinned_country(world: World, scene: Scene) -> None:
    text = seal(scene.bundle().encode(), Typ.BUNDLE, world.uz.node).text
    assert open_bundle(f"\n{text}\n", scene.pins()).trusted.country == "UZ"
    with pytest.raises(BundleNotTrusted, match="no pinned country"):
        open_bundle(text, {})
    with pytest.raises(BundleNotTrusted, match="no pinned country"):
        open_bundle(text, {"BY": world.by.pin})


def test_a_bundle_under_another_key_is_refused(world: World, scene: Scene) -> None:
    for signer in (world.by.node, world.uz.document, world.uz.list_keys[0]):
        with pytest.raises(BundleNotTrusted, match="no pinned country"):
            replace(scene, node=signer).open()
    with pytest.raises(BundleNotTrusted, match="does not verify"):
        replace(scene, node=RenamedSigner(world.uz.node.kid, world.by.node)).open()


def test_a_bundle_names_the_node_that_signed_it(world: World, scene: Scene) -> None:
    assert "no pinned country" in refused(scene, issuer=world.by.node_id)
    assert "no pinned country" in refused(scene, country="BY")
    assert "no pinned country" in refused(scene, country="KZ")


def test_a_bundle_of_another_environment_than_its_lists_is_refused(scene: Scene) -> None:
    with pytest.raises(ListsUnfit, match="another environment"):
        scene.open(replace(scene.bundle(), env="production"))


def test_an_agreement_holds_offline_after_its_list_keys_were_replaced(world: World, scene: Scene) -> None:
    keys = world.by.make_list_keys(2)
    renewed = replace(world.by.trust_list, epoch=2, list_keys=tuple(ListKey(key.kid, key.certificate) for key in keys))
    newest = join([seal(renewed.encode(), Typ.TRUST_LIST, key) for key in keys])
    alone = replace(scene.bundle(), lists=(newest, scene.lists["UZ"]))
    with pytest.raises((ListNotTrusted, AgreementNotBelieved)):
        scene.open(alone)
    opened = scene.open(replace(alone, lists=(scene.lists["BY"], newest, scene.lists["UZ"])))
    assert opened.trusted.lists["BY"].list.epoch == 2
    assert len(opened.trusted.agreements) == 1


def test_a_bundle_with_more_lists_than_anyone_needs_is_refused(scene: Scene) -> None:
    with pytest.raises(ListsUnfit, match="more than"):
        scene.open(replace(scene.bundle(), lists=(scene.lists["BY"],) * (MAX_LISTS + 1)))


def test_a_list_of_an_epoch_before_the_pinned_one_is_refused_offline_too(world: World, scene: Scene) -> None:
    text = seal(scene.bundle().encode(), Typ.BUNDLE, world.uz.node).text
    pins = {**scene.pins(), "BY": replace(world.by.pin, epoch=2)}
    with pytest.raises(ListsUnfit, match="epoch before"):
        open_bundle(text, pins)


def test_a_list_that_no_pin_is_for_is_not_looked_at(world: World, scene: Scene) -> None:
    stranger = replace(world.by.trust_list, country="KZ")
    unsigned = world.by.sign_list(stranger)
    nobody = join([seal({"country": 7}, Typ.TRUST_LIST, world.by.list_keys[0])])
    device = scene.open(replace(scene.bundle(), lists=(*scene.lists.values(), unsigned, nobody)))
    assert set(device.trusted.lists) == {"BY", "UZ"}


def test_a_list_below_the_threshold_or_an_agreement_of_one_side_spoils_the_bundle(world: World, scene: Scene) -> None:
    below = world.by.sign_list(world.by.trust_list, world.by.list_keys[:1])
    with pytest.raises(ListBelowThreshold):
        replace(scene, lists={**scene.lists, "BY": below}).open()
    with pytest.raises(AgreementNotBelieved):
        replace(scene, lists={"UZ": scene.lists["UZ"]}).open()


def test_an_older_bundle_of_a_node_than_the_device_has_seen_is_refused(world: World, scene: Scene) -> None:
    text = seal(replace(scene.bundle(), sequence=7).encode(), Typ.BUNDLE, world.uz.node).text
    assert open_bundle(text, scene.pins(), newest={world.uz.node_id: 7, world.by.node_id: 9}).bundle.sequence == 7
    with pytest.raises(BundleNotTrusted, match="its number 7 is below 8"):
        open_bundle(text, scene.pins(), newest={world.uz.node_id: 8})


def test_a_node_key_signs_bundles_within_its_certificate_only(scene: Scene) -> None:
    assert "does not verify" in refused(scene, "bundle-signature-wrong", made_at=BORN - SECOND)
    assert "does not verify" in refused(scene, "bundle-signature-wrong", made_at=BORN + LIFE[Purpose.NODE] + SECOND)


def test_the_age_of_the_bundle_is_that_of_the_newest_word_in_it(scene: Scene) -> None:
    assert scene.open().trusted.as_of == AT
    assert scene.open(replace(scene.bundle(), as_of=AT - SECOND)).trusted.as_of == AT - SECOND


def test_a_clock_set_back_revives_nothing(scene: Scene) -> None:
    device = scene.open()
    assert device.now(AT - timedelta(days=400)) == AT
    assert device.now(AT + SECOND) == AT + SECOND
    newer = scene.listing(lambda old: replace(old, issued_at=AT + SECOND))
    assert newer.open().now(AT) == AT + SECOND


def test_many_certificates_are_found_each_in_its_group(world: World, scene: Scene) -> None:
    others = [world.issue(number=f"BYUZ610200{number:04}").digest for number in range(5)]
    half = [bytes.fromhex(digest)[:16] for digest in (*others, scene.envelope.digest)]
    bundle = replace(
        scene.bundle(),
        delivered=(
            Delivered(AT - SECOND, logged=True, digests=b"".join(half[:3])),
            Delivered(AT, logged=False, digests=b"".join(half[3:])),
        ),
    )
    device = scene.open(bundle)
    certificate = world.certificate()
    for digest, by, logged in ((others[1], AT - SECOND, True), (scene.envelope.digest, AT, False)):
        held = device.read(certificate, digest).held
        assert held is not None
        assert (held.digest, held.recorded_at, held.logged) == (digest, by, logged)


def test_digests_of_another_length_are_refused(scene: Scene) -> None:
    torn = Delivered(AT, logged=True, digests=b"\x00" * 17)
    with pytest.raises(MalformedRecord, match="not 16 bytes"):
        scene.open(replace(scene.bundle(), delivered=(torn,)))


BY_LOG, UZ_LOG = "by.registry.example/log", "uz.registry.example/log"


def heads(scene: Scene, *checkpoints: str) -> Mapping[str, datetime]:
    return replace(scene, checkpoints=checkpoints).open().trusted.heads


def test_the_newest_checkpoint_that_the_quorum_cosigned_says_how_old_each_log_is(world: World, scene: Scene) -> None:
    by = [world.checkpoint("BY", at=AT + step * SECOND) for step in (0, 2, 1)]
    assert heads(scene) == {}
    assert heads(scene, by[0]) == {BY_LOG: AT}
    assert heads(scene, *by, world.checkpoint("UZ", at=AT - SECOND)) == {BY_LOG: AT + 2 * SECOND, UZ_LOG: AT - SECOND}


def test_a_checkpoint_that_falls_short_of_the_quorum_dates_nothing_and_spoils_nothing(
    world: World, scene: Scene
) -> None:
    assert heads(scene, world.checkpoint("BY", by=())) == {}
    assert heads(scene, world.checkpoint("BY", by=(world.by.witness,))) == {}
    twice = (Quorum("BY", 2), Quorum("UZ", 1))
    assert heads(scene.agreeing(witnesses=twice), world.checkpoint("BY"), world.checkpoint("UZ")) == {UZ_LOG: AT}
    none = (Quorum("BY", 0), Quorum("UZ", 0))
    assert heads(scene.agreeing(witnesses=none), world.checkpoint("BY")) == {}


def test_of_two_agreements_the_one_whose_quorum_is_met_dates_the_log(world: World, scene: Scene) -> None:
    stricter = scene.agreeing(witnesses=(Quorum("BY", 2), Quorum("UZ", 2)))
    both = replace(scene, agreements=(*stricter.agreements, *scene.agreements))
    assert heads(both, world.checkpoint("BY")) == {BY_LOG: AT}


def test_a_checkpoint_of_a_log_that_no_list_knows_is_passed_over(world: World, scene: Scene) -> None:
    stranger = world.checkpoint("BY").replace("by.registry.example", "kz.registry.example")
    assert heads(scene, stranger) == {}


def spoiled(note: str, line: int) -> str:
    """Return a note with a wrong signature in one of its lines."""
    lines = note.split("\n")
    return "\n".join([*lines[:line], lines[line][:-8] + "AAAAAAA=", *lines[line + 1 :]])


def test_a_forged_checkpoint_dates_nothing_and_spoils_nothing(world: World, scene: Scene) -> None:
    good, other = world.checkpoint("BY"), world.checkpoint("UZ")
    lines = good.split("\n")
    for forged in (
        good.replace("\n1\n", "\n2\n"),
        "\n".join([*lines[:4], *lines[5:]]),
        spoiled(good, 4),
        spoiled(good, 5),
    ):
        assert forged != good
        assert heads(scene, forged) == {}
        assert heads(scene, forged, other) == {UZ_LOG: AT}
        assert heads(scene, good, forged) == {BY_LOG: AT}


def test_a_wrong_line_of_a_witness_counts_for_the_agreement_that_names_it_alone(world: World, scene: Scene) -> None:
    """Anyone can write a line under a note: one of a witness that another agreement names is junk to this one."""
    stranger = world.by.make_witness("neutral.example/witness")
    naming = scene.agreeing(neutral_witnesses=(NeutralWitness(stranger.vkey.name, stranger.vkey),))
    note = Note.parse(world.checkpoint("BY"))
    line = stranger.cosign(note.text, AT)
    junk = Note(note.text, (*note.lines, replace(line, signature=bytes(len(line.signature))))).encode()
    assert heads(naming, junk) == {}
    both = replace(scene, agreements=(*naming.agreements, *scene.agreements))
    assert heads(both, junk) == {BY_LOG: AT}


def test_a_checkpoint_that_cannot_be_read_spoils_the_bundle(world: World, scene: Scene) -> None:
    good = world.checkpoint("BY")
    for broken, refusal in (("garbage", MalformedNote), (good.replace("\n1\n", "\n01\n"), MalformedCheckpoint)):
        with pytest.raises(refusal):
            heads(scene, broken)


def test_a_bundle_has_not_heard_of_what_is_later_than_itself(scene: Scene) -> None:
    replace(scene, heard=AT + CLOCK_SKEW).open()
    with pytest.raises(BundleNotTrusted, match="later than itself"):
        replace(scene, heard=AT + CLOCK_SKEW + SECOND).open()


def test_a_bundle_is_as_fresh_as_what_its_node_had_heard(scene: Scene) -> None:
    """A bundle made today of what was heard the day before yesterday says nothing of today."""
    day = timedelta(hours=24)
    later = replace(scene, at=AT + day, heard=AT - day)
    assert later.offline().indication is Indication.TOTAL_PASSED
    finding = replace(later, heard=AT - day - SECOND).offline().finding(Check.STATUS)
    assert finding is not None
    assert (finding.code, finding.as_of) == ("status-stale", AT - day - SECOND)
    deaf = scene.open(replace(scene.bundle(), heard=()))
    assert deaf.trusted.words == {}


def test_the_statement_of_a_node_dates_the_list_that_it_names(scene: Scene) -> None:
    said = scene.stating(as_of=AT - SECOND)
    for verdict in (said.online(), said.offline()):
        for check in (Check.SIGNER, Check.BODY):
            finding = verdict.finding(check)
            assert finding is not None
            assert finding.as_of == AT - SECOND


def test_a_statement_by_another_key_spoils_the_bundle(world: World, scene: Scene) -> None:
    with pytest.raises(FreshnessNotTrusted):
        replace(scene, freshness=scene.stating(by=RenamedSigner(world.by.node.kid, world.uz.node)).freshness).open()


def test_a_change_in_the_bundle_that_cannot_be_read_spoils_it(scene: Scene) -> None:
    with pytest.raises(RegistryError):
        replace(scene, changes=("garbage",)).open()


def test_a_change_of_another_certificate_leaves_this_one_in_force(world: World, scene: Scene) -> None:
    other = scene.showing(world.issue(number="BYUZ6101000002"))
    annulled = replace(scene, changes=(world.change(other.envelope, "annulled"),))  # type: ignore[arg-type]  # its text
    assert annulled.offline().indication is Indication.TOTAL_PASSED
    finding = replace(annulled, text=other.text, held=other.held, proof=other.proof).offline().finding(Check.STATUS)
    assert finding is not None
    assert finding.code == "annulled"


def test_each_changed_character_of_a_small_bundle_is_refused(world: World) -> None:
    """A device without pins of a country reads nothing of it, so the lists are left out here."""
    scene = world.scene()
    small = replace(scene.bundle(), agreements=(), changes=())
    text = seal(small.encode(), Typ.BUNDLE, world.uz.node).text
    for index in range(0, len(text), 97):
        changed = f"{text[:index]}{chr(ord(text[index]) ^ 1)}{text[index + 1 :]}"
        with pytest.raises(RegistryError):
            open_bundle(changed, scene.pins())
