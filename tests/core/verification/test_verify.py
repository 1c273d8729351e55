"""Every row and cell of the table of verdicts (formats 12), at a node and on a device with no network."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.core.agreement import Effect, Form, Quorum
from registry.core.calendar import LocalDate, Offset
from registry.core.canonical import Json
from registry.core.certificate.relation import Relation
from registry.core.certificate.status_change import Status
from registry.core.envelope.jose import Typ, seal
from registry.core.identifiers import ActId, Country, Digest, Kid
from registry.core.tlog.entry import Kind, Leaf
from registry.core.tlog.note import SignatureLine
from registry.core.tlog.proof import TlogProof
from registry.core.trust.document_signer import Purpose
from registry.core.trust.freshness import NamedList
from registry.core.trust.trust_list import BodyRole, FormerBody, FormerWitness, SignerStatus, TrustList, WitnessKey
from registry.core.verification.evidence import Evidence, Held, Standpoint, Trusted
from registry.core.verification.presentation import Presentation
from registry.core.verification.verdict import SENTENCES, Check, Finding, Indication, Outcome, Verdict
from registry.core.verification.verify import AT_ISSUE, EVERY_CHECK, ON_ARRIVAL, verify
from registry.signing.ceremony import USE
from registry.signing.key_file import NoteSigner
from tests.core.world import (
    AT,
    BORN,
    SCHEME,
    TODAY,
    RenamedSigner,
    Scene,
    Side,
    World,
    with_body,
    with_node,
    with_signer,
)

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
PASSED, FAILED, UNKNOWN = Outcome.PASSED, Outcome.FAILED, Outcome.UNKNOWN
WHOLE = {
    PASSED: Indication.TOTAL_PASSED,
    FAILED: Indication.TOTAL_FAILED,
    UNKNOWN: Indication.INDETERMINATE,
}
OTHER_DIGEST = Digest("5a" * 32)
Deviation = Callable[[Scene], Scene]


@dataclass(frozen=True, slots=True)
class Row:
    """What deviates, which question finds it, with which answer; `offline` where a device answers otherwise."""

    name: str
    deviate: Deviation
    check: Check
    outcome: Outcome
    code: str
    offline: str | None = None


def spare(side: Side) -> Any:
    """Return a document signer of the body that the root certified and no list names."""
    return side.make_key("spare", Purpose.DOCUMENT, [side.body, f"{side.body}#{SCHEME}"])


def another_body(side: Side) -> Any:
    """Return the document signer of a second body of the same country."""
    other = f"did:web:{side.name}:bodies:gcci"
    return side.make_key("gcci", Purpose.DOCUMENT, [other, f"{other}#{SCHEME}"])


def with_another_body(side: Side, trust_list: TrustList) -> TrustList:
    row = replace(
        trust_list.bodies[0],
        id=f"did:web:{side.name}:bodies:gcci",
        code="gcci",
        signers=(side.signer_row(another_body(side)),),
    )
    return replace(trust_list, bodies=(*trust_list.bodies, row))


def by(scene: Scene) -> Side:
    return scene.world.by


def recognitions(scene: Scene, **changes: Any) -> Scene:
    first, second = scene.world.agreement.recognitions
    return scene.agreeing(recognitions=(replace(first, **changes), second))


def duplicate(
    since: timedelta,
    *,
    ends: timedelta = timedelta(0),
    minutes: int = 180,
    form: Form = Form.PAPER,
    agreed: date = date(2026, 1, 1),
) -> Deviation:
    """Show a duplicate of a certificate that was issued so much earlier, and ends as that does."""
    original = LocalDate(TODAY + since, Offset(minutes))
    until = LocalDate(TODAY + since + ends, Offset(minutes)).plus_months(12).ends()
    relation = Relation("duplicates", "https://by.registry.example/certificates/bcci/2026/X001", issue_date=original)

    def deviate(scene: Scene) -> Scene:
        first, second = scene.world.agreement.recognitions
        other = replace(scene.world.agreement, recognitions=(replace(first, form=form, from_=agreed), second))
        believing = replace(scene, agreements=(scene.world.sign_agreement(other),))
        return believing.showing(agreement=other.id, relations=(relation,), valid_until=until)

    return deviate


def original(status: Status, **more: Any) -> Deviation:
    """Show a duplicate of yesterday's certificate, whose status its body has changed."""

    def deviate(scene: Scene) -> Scene:
        ended = scene.world.issue(number="X001")
        shown = duplicate(-DAY)(scene)
        return replace(shown, original=(scene.world.change(ended, status, **more),))

    return deviate


def signers(status: SignerStatus, since: timedelta) -> Deviation:
    return lambda scene: scene.listing(lambda old: with_signer(old, status=status, status_from=AT + since, reason="r"))


def revoked_at(scene: Scene, since: timedelta) -> Scene:
    return signers(SignerStatus.REVOKED, since)(scene)


def logged_at(scene: Scene, after: timedelta) -> Scene:
    return replace(scene, proof=scene.world.proof("BY", scene.envelope.digest, at=AT + after))


def other_signature(scene: Scene) -> Scene:
    head, _, _ = scene.text.rpartition(".")
    return replace(scene, text=f"{head}.{scene.world.issue(number='BYUZ6101000002').text.rpartition('.')[2]}")


FORMAT = [
    Row("not a JWS", lambda s: replace(s, text="nothing"), Check.FORMAT, FAILED, "malformed-envelope"),
    Row("another type", lambda s: replace(s, text=s.lists["BY"]), Check.FORMAT, FAILED, "malformed-envelope"),
    Row("beyond ASCII", lambda s: replace(s, text=f"{s.text}ў\ud800"), Check.FORMAT, FAILED, "malformed-envelope"),
    Row("other subject", lambda s: s.showing(id="x"), Check.FORMAT, FAILED, "malformed-credential"),
    Row("ends first", lambda s: s.showing(valid_until=AT - SECOND), Check.FORMAT, FAILED, "malformed-credential"),
    Row("other node", lambda s: s.showing(node="x"), Check.FORMAT, FAILED, "malformed-credential"),
    Row("bad nonce", lambda s: s.showing(nonce="x"), Check.FORMAT, FAILED, "malformed-record"),
    Row("production", lambda s: s.showing(env="production"), Check.ENVIRONMENT, FAILED, "other-environment"),
]
SIGNATURE = [
    Row("signature of another", other_signature, Check.SIGNATURE, FAILED, "signature-wrong"),
    Row(
        "a foreign key under the body's name",
        lambda s: s.showing(signer=RenamedSigner(by(s).document.kid, s.world.uz.document)),
        Check.SIGNATURE,
        FAILED,
        "signature-wrong",
    ),
    Row(
        "a key that the root certified and no list names",
        lambda s: s.showing(signer=spare(by(s))),
        Check.SIGNATURE,
        UNKNOWN,
        "signer-unknown",
    ),
    Row(
        "a known key under another body",
        lambda s: s.showing(signer=RenamedSigner(Kid(by(s).document.kid.replace("bcci", "gcci")), by(s).document)),
        Check.SIGNATURE,
        UNKNOWN,
        "signer-unknown",
    ),
    Row(
        "no list of the issuing country",
        lambda s: replace(s, lists={"UZ": s.lists["UZ"]}, agreements=()),
        Check.SIGNATURE,
        UNKNOWN,
        "signer-unknown",
    ),
]
SIGNER = [
    Row("the node key", lambda s: s.showing(signer=by(s).node), Check.SIGNER, FAILED, "wrong-purpose"),
    Row("a list key", lambda s: s.showing(signer=by(s).list_keys[0]), Check.SIGNER, FAILED, "wrong-purpose"),
    Row(
        "another body's key",
        lambda s: s.listing(lambda old: with_another_body(by(s), old)).showing(signer=another_body(by(s))),
        Check.SIGNER,
        FAILED,
        "issuer-mismatch",
    ),
    Row(
        "a body's key of the other country",
        lambda s: s.showing(signer=s.world.uz.document),
        Check.SIGNER,
        FAILED,
        "issuer-mismatch",
    ),
    Row("another scheme", lambda s: s.showing(scheme="conformity"), Check.SIGNER, FAILED, "scheme-not-certified"),
    Row("before its use", lambda s: s.showing(valid_from=BORN - SECOND), Check.SIGNER, FAILED, "before-use"),
    Row("at its first second", lambda s: s.showing(valid_from=BORN), Check.SIGNER, PASSED, "signer-good"),
    Row(
        "after its use",
        lambda s: s.listing(lambda old: with_signer(old, use_until=AT - SECOND)),
        Check.SIGNER,
        FAILED,
        "after-use",
    ),
    Row(
        "at the last second of its use",
        lambda s: s.listing(lambda old: with_signer(old, use_until=AT)),
        Check.SIGNER,
        PASSED,
        "signer-good",
    ),
    Row("revoked before", signers(SignerStatus.REVOKED, -DAY), Check.SIGNER, FAILED, "signer-revoked"),
    Row("revoked when it came", signers(SignerStatus.REVOKED, 0 * DAY), Check.SIGNER, FAILED, "signer-revoked"),
    Row("revoked after it was held", signers(SignerStatus.REVOKED, SECOND), Check.SIGNER, PASSED, "signer-good"),
    Row("retired before", signers(SignerStatus.RETIRED, -DAY), Check.SIGNER, FAILED, "signer-revoked"),
    Row("retired after it was held", signers(SignerStatus.RETIRED, SECOND), Check.SIGNER, PASSED, "signer-good"),
    Row(
        "revoked since, never held, and nothing dates it",
        lambda s: replace(signers(SignerStatus.REVOKED, SECOND)(s), held=None, proof=None),
        Check.SIGNER,
        UNKNOWN,
        "revoked-since",
    ),
    Row(
        "revoked when it was logged",
        lambda s: replace(logged_at(revoked_at(s, SECOND), SECOND), held=None),
        Check.SIGNER,
        FAILED,
        "signer-revoked",
    ),
    Row(
        "held before the revocation, and logged after",
        lambda s: logged_at(revoked_at(s, SECOND), DAY),
        Check.SIGNER,
        PASSED,
        "signer-good",
    ),
    Row(
        "held after the revocation, and logged before",
        lambda s: revoked_at(s, SECOND).holding(recorded_at=AT + DAY),
        Check.SIGNER,
        PASSED,
        "signer-good",
    ),
    Row(
        "a newer list that the issuer's node names",
        lambda s: s.stating(trust_list=NamedList(1, 2, "0" * 64)),
        Check.SIGNER,
        UNKNOWN,
        "list-behind",
    ),
    Row(
        "an expired list",
        lambda s: s.listing(lambda old: replace(old, expires_at=s.at - SECOND)),
        Check.SIGNER,
        UNKNOWN,
        "list-expired",
    ),
    Row(
        "a list in its last second",
        lambda s: s.listing(lambda old: replace(old, expires_at=s.at)),
        Check.SIGNER,
        PASSED,
        "signer-good",
    ),
]


def body(**changes: Any) -> Deviation:
    return lambda scene: scene.listing(lambda old: with_body(old, **changes))


def signatory(**changes: Any) -> Deviation:
    return lambda scene: scene.listing(
        lambda old: with_body(old, signatories=(replace(old.bodies[0].signatories[0], **changes),))
    )


def renamed(until: date, *, shown: str | None = None, role: BodyRole = BodyRole.AUTHORISED) -> Deviation:
    """Rename the body after a day, or give it another role; it is shown under its former name or another one."""

    def edit(old: TrustList) -> TrustList:
        (row,) = old.bodies
        former = (FormerBody(row.name, row.role, until),)
        return replace(with_body(old, name=OTHER, role=role, former=former), issued_at=AT + DAY)

    return lambda scene: (scene if shown is None else scene.showing(body_name=shown)).listing(edit)


def twice(first: date, second: date, shown: str) -> Deviation:
    """Call the body something else, then something else again."""

    def edit(old: TrustList) -> TrustList:
        (row,) = old.bodies
        former = (FormerBody(row.name, row.role, first), FormerBody(OTHER, row.role, second))
        return replace(with_body(old, name="Третье имя", former=former), issued_at=AT + DAY)

    return lambda scene: scene.showing(body_name=shown).listing(edit)


OTHER = "БелТПП2"
VERIFYING = BodyRole.VERIFYING
BODY = [
    Row("renamed since", renamed(TODAY + DAY), Check.BODY, PASSED, "notified"),
    Row("renamed today, by its former name", renamed(TODAY), Check.BODY, PASSED, "notified"),
    Row("renamed today, by its new name", renamed(TODAY, shown=OTHER), Check.BODY, PASSED, "notified"),
    Row("renamed before, by its former name", renamed(TODAY - DAY), Check.BODY, FAILED, "body-not-notified"),
    Row("renamed before, by its new name", renamed(TODAY - DAY, shown=OTHER), Check.BODY, PASSED, "notified"),
    Row("renamed since, by its new name", renamed(TODAY + DAY, shown=OTHER), Check.BODY, FAILED, "body-not-notified"),
    Row("issues no more since", renamed(TODAY + DAY, role=VERIFYING), Check.BODY, PASSED, "notified"),
    Row("issues no more from today", renamed(TODAY, role=VERIFYING), Check.BODY, PASSED, "notified"),
    Row("issued no more", renamed(TODAY - DAY, role=VERIFYING), Check.BODY, FAILED, "body-not-notified"),
    Row("renamed twice today", twice(TODAY, TODAY, OTHER), Check.BODY, PASSED, "notified"),
    Row("called so in between", twice(TODAY - DAY, TODAY, OTHER), Check.BODY, PASSED, "notified"),
    Row("called so before", twice(TODAY - DAY, TODAY - DAY, OTHER), Check.BODY, FAILED, "body-not-notified"),
    Row("called so later", twice(TODAY + DAY, TODAY + DAY, OTHER), Check.BODY, FAILED, "body-not-notified"),
    Row("only verifies", body(role=BodyRole.VERIFYING), Check.BODY, FAILED, "body-not-notified"),
    Row("is a customs", body(role=BodyRole.CUSTOMS), Check.BODY, FAILED, "body-not-notified"),
    Row("is central", body(role=BodyRole.CENTRAL), Check.BODY, PASSED, "notified"),
    Row("has another name", body(name="БелТПП2"), Check.BODY, FAILED, "body-not-notified"),
    Row("another name of the signatory", signatory(name="x"), Check.BODY, FAILED, "signatory-not-notified"),
    Row("another signatory", signatory(id="s-2"), Check.BODY, FAILED, "signatory-not-notified"),
    Row("notified from today", signatory(from_=TODAY), Check.BODY, PASSED, "notified"),
    Row("notified later", signatory(from_=TODAY + DAY), Check.BODY, FAILED, "signatory-not-notified"),
    Row("notified until today", signatory(until=TODAY), Check.BODY, PASSED, "notified"),
    Row("no longer notified", signatory(until=TODAY - DAY), Check.BODY, FAILED, "signatory-not-notified"),
]
AGREEMENT = [
    Row("an unknown one", lambda s: s.showing(agreement="ee" * 32), Check.AGREEMENT, FAILED, "agreement-unknown"),
    Row("none in force", lambda s: replace(s, agreements=()), Check.AGREEMENT, FAILED, "agreement-unknown"),
    Row(
        "issued elsewhere",
        lambda s: s.showing(issued_in="UZ", presented_in="BY"),
        Check.AGREEMENT,
        FAILED,
        "issued-elsewhere",
    ),
    Row(
        "another direction",
        lambda s: s.agreeing(recognitions=s.world.agreement.recognitions[1:]),
        Check.AGREEMENT,
        FAILED,
        "not-agreed",
    ),
    Row("another scheme", lambda s: recognitions(s, scheme="conformity"), Check.AGREEMENT, FAILED, "not-agreed"),
    Row("to a third country", lambda s: s.showing(presented_in="KZ"), Check.AGREEMENT, FAILED, "not-agreed"),
    Row("recognised later", lambda s: recognitions(s, from_=TODAY + DAY), Check.AGREEMENT, FAILED, "not-agreed"),
    Row("recognised from today", lambda s: recognitions(s, from_=TODAY), Check.AGREEMENT, PASSED, "agreed"),
    Row("recognised before", lambda s: recognitions(s, until=TODAY - DAY), Check.AGREEMENT, FAILED, "not-agreed"),
    Row("recognised until today", lambda s: recognitions(s, until=TODAY), Check.AGREEMENT, PASSED, "agreed"),
    Row("a duplicate, from the original's date", duplicate(-DAY), Check.AGREEMENT, PASSED, "agreed"),
    Row("a duplicate, from its own date", duplicate(-DAY, ends=DAY), Check.AGREEMENT, FAILED, "not-agreed"),
    Row("a duplicate of a later one", duplicate(DAY), Check.AGREEMENT, FAILED, "not-agreed"),
    Row("a duplicate of another clock", duplicate(-DAY, minutes=300), Check.AGREEMENT, FAILED, "not-agreed"),
    Row("a duplicate of what was not agreed", duplicate(-DAY, agreed=TODAY), Check.AGREEMENT, FAILED, "not-agreed"),
    Row("a duplicate of no paper", duplicate(-DAY, form=Form.ELECTRONIC), Check.AGREEMENT, FAILED, "not-agreed"),
    Row("in force later", lambda s: s.agreeing(from_=TODAY + DAY), Check.AGREEMENT, FAILED, "not-agreed"),
    Row("ended before", lambda s: s.agreeing(until=TODAY - DAY), Check.AGREEMENT, FAILED, "not-agreed"),
    Row("other rules", lambda s: s.showing(rules_set="CIS-1993"), Check.AGREEMENT, FAILED, "not-agreed"),
    Row(
        "another clock",
        lambda s: s.showing(issue_date=LocalDate(TODAY, Offset(120))),
        Check.AGREEMENT,
        FAILED,
        "not-agreed",
    ),
    Row(
        "another validity",
        lambda s: s.showing(valid_until=LocalDate(TODAY, Offset(180)).plus_months(13).ends()),
        Check.AGREEMENT,
        FAILED,
        "not-agreed",
    ),
    Row(
        "for information",
        lambda s: recognitions(s, effect=Effect.INFORMATION),
        Check.AGREEMENT,
        PASSED,
        "information-only",
    ),
]
DESTINATION = [
    Row(
        "shown at home",
        lambda s: replace(s, country="BY"),
        Check.DESTINATION,
        FAILED,
        "destination-elsewhere",
    ),
]


def change(status: Status, **more: Any) -> Deviation:
    return lambda scene: scene.changed(status, **more)


def midnight_in_tashkent() -> datetime:
    return AT.replace(hour=19, minute=0)


def unbelieved(**more: Any) -> Deviation:
    return change(Status.ANNULLED, **more)


def in_lieu(number: str, body: str = "bcci") -> Deviation:
    named = f"https://by.registry.example/certificates/{body}/2026/{number}"
    return change(Status.REPLACED, replaced_by=named)


STATUS = [
    Row("annulled", change(Status.ANNULLED), Check.STATUS, FAILED, "annulled"),
    Row("replaced", change(Status.REPLACED), Check.STATUS, FAILED, "replaced"),
    Row("replaced by itself", in_lieu("BYUZ6101000001"), Check.STATUS, UNKNOWN, "change-not-believed"),
    Row("replaced by another body's", in_lieu("X001", body="other"), Check.STATUS, UNKNOWN, "change-not-believed"),
    Row("suspended", change(Status.SUSPENDED), Check.STATUS, FAILED, "suspended"),
    Row(
        "by a signer revoked later, seen before that",
        lambda s: replace(revoked_at(s.changed(Status.ANNULLED, recorded_at=AT), SECOND), seen=AT),
        Check.STATUS,
        FAILED,
        "annulled",
    ),
    Row(
        "annulled by a revoked key with a date of its own choice",
        lambda s: replace(revoked_at(s.changed(Status.ANNULLED, recorded_at=AT), SECOND), seen=AT + SECOND),
        Check.STATUS,
        UNKNOWN,
        "change-not-believed",
    ),
    Row(
        "annulled by a revoked key, and nobody says when",
        lambda s: revoked_at(s.changed(Status.ANNULLED, recorded_at=AT), SECOND),
        Check.STATUS,
        UNKNOWN,
        "change-not-believed",
    ),
    Row("a duplicate of an annulled one", original(Status.ANNULLED), Check.STATUS, FAILED, "original-out-of-force"),
    Row("a duplicate of a replaced one", original(Status.REPLACED), Check.STATUS, FAILED, "original-out-of-force"),
    Row(
        "a duplicate of one that is annulled from tomorrow",
        original(Status.ANNULLED, day=TODAY + DAY),
        Check.STATUS,
        PASSED,
        "by-channel-only",
    ),
    Row(
        "a duplicate of one of which nobody vouches for a change",
        original(Status.ANNULLED, confirmed_by="p-1"),
        Check.STATUS,
        UNKNOWN,
        "change-not-believed",
    ),
    Row(
        "a duplicate of one that is said to be replaced by itself",
        original(Status.REPLACED, replaced_by="https://by.registry.example/certificates/bcci/2026/X001"),
        Check.STATUS,
        UNKNOWN,
        "change-not-believed",
    ),
    Row(
        "no word of the issuer's node for longer than a day",
        lambda s: replace(s, heard=AT - DAY - SECOND),
        Check.STATUS,
        UNKNOWN,
        "status-stale",
    ),
    Row(
        "a word that is a day old to the second",
        lambda s: replace(s, heard=AT - DAY, at=AT),
        Check.STATUS,
        PASSED,
        "by-channel-only",
    ),
    Row("annulled from tomorrow", change(Status.ANNULLED, day=TODAY + DAY), Check.STATUS, PASSED, "by-channel-only"),
    Row(
        "asked for the day before the annulment",
        lambda s: replace(s.changed(Status.ANNULLED, day=TODAY + 2 * DAY), at=AT + 2 * DAY, day=TODAY + DAY),
        Check.STATUS,
        PASSED,
        "by-channel-only",
    ),
    Row(
        "asked for the day of the annulment",
        lambda s: replace(s.changed(Status.ANNULLED, day=TODAY + 5 * DAY), day=TODAY + 5 * DAY),
        Check.STATUS,
        FAILED,
        "annulled-from-date",
    ),
    Row("asked for a day to come", lambda s: replace(s, day=TODAY + DAY), Check.STATUS, UNKNOWN, "day-ahead"),
    Row(
        "asked in Tashkent for its today, which in Minsk is tomorrow",
        lambda s: replace(s, at=midnight_in_tashkent(), day=TODAY + DAY),
        Check.STATUS,
        PASSED,
        "by-channel-only",
    ),
    Row(
        "suspended and reinstated",
        lambda s: s.changed(Status.REINSTATED, recorded_at=AT + SECOND).changed(Status.SUSPENDED),
        Check.STATUS,
        PASSED,
        "by-channel-only",
    ),
    Row(
        "reinstated and suspended again",
        lambda s: s.changed(Status.REINSTATED).changed(Status.SUSPENDED, recorded_at=AT + SECOND),
        Check.STATUS,
        FAILED,
        "suspended",
    ),
    Row(
        "annulled and reinstated",
        lambda s: s.changed(Status.ANNULLED).changed(Status.REINSTATED, recorded_at=AT + SECOND),
        Check.STATUS,
        FAILED,
        "annulled",
    ),
    Row(
        "annulled, beside a change that nobody vouches for",
        lambda s: s.changed(Status.ANNULLED, signer=by(s).node).changed(Status.ANNULLED),
        Check.STATUS,
        FAILED,
        "annulled",
    ),
    Row(
        "by another body",
        lambda s: s.changed(Status.ANNULLED, signer=s.world.uz.document),
        Check.STATUS,
        UNKNOWN,
        "change-not-believed",
    ),
    Row(
        "by another body that names itself",
        lambda s: s.changed(Status.ANNULLED, signer=s.world.uz.document, issuer=s.world.uz.body),
        Check.STATUS,
        UNKNOWN,
        "change-not-believed",
    ),
    Row(
        "by the node",
        lambda s: s.changed(Status.ANNULLED, signer=by(s).node),
        Check.STATUS,
        UNKNOWN,
        "change-not-believed",
    ),
    Row(
        "by a foreign key under the body's name",
        lambda s: s.changed(Status.ANNULLED, signer=RenamedSigner(by(s).document.kid, s.world.uz.document)),
        Check.STATUS,
        UNKNOWN,
        "change-not-believed",
    ),
    Row("in another's name", unbelieved(issuer="did:web:x"), Check.STATUS, UNKNOWN, "change-not-believed"),
    Row("of another env", unbelieved(env="production"), Check.STATUS, UNKNOWN, "change-not-believed"),
    Row("of another digest", unbelieved(digest=OTHER_DIGEST), Check.STATUS, UNKNOWN, "change-not-believed"),
    Row(
        "after the signer's use",
        unbelieved(recorded_at=BORN + USE + SECOND),
        Check.STATUS,
        UNKNOWN,
        "change-not-believed",
    ),
    Row("in the last second of its use", unbelieved(recorded_at=BORN + USE), Check.STATUS, FAILED, "annulled"),
    Row("in the first second of its use", unbelieved(recorded_at=BORN), Check.STATUS, FAILED, "annulled"),
    Row("before the signer's use", unbelieved(recorded_at=BORN - SECOND), Check.STATUS, UNKNOWN, "change-not-believed"),
    Row(
        "by a signer revoked by then",
        lambda s: signers(SignerStatus.REVOKED, SECOND)(s).changed(Status.ANNULLED, recorded_at=AT + SECOND),
        Check.STATUS,
        UNKNOWN,
        "change-not-believed",
    ),
    Row("never delivered", lambda s: replace(s, held=None), Check.STATUS, UNKNOWN, "status-unknown"),
]
VALIDITY = [
    Row("the day before", lambda s: replace(s, day=TODAY - DAY), Check.VALIDITY, FAILED, "before-validity"),
    Row("the first day", lambda s: replace(s, day=TODAY), Check.VALIDITY, PASSED, "within-validity"),
    Row("the day after", lambda s: replace(s, day=date(2027, 11, 22)), Check.VALIDITY, FAILED, "after-validity"),
]


def proof_of(country: str, digest: Digest | None = None, kind: Kind = Kind.CERTIFICATE_ISSUED) -> Deviation:
    return lambda s: replace(s, proof=s.world.proof(country, digest or s.envelope.digest, kind))


def unlogged(since: timedelta) -> Deviation:
    return lambda s: replace(s.holding(logged=False), proof=None, at=AT + since, stale_after=AT + 9 * DAY)


def cosigned_by(witnesses: Callable[[Scene], Sequence[NoteSigner]], since: timedelta) -> Deviation:
    """Show a proof that these witnesses cosigned, some time after the issue, where nothing else is known of it."""
    return lambda s: replace(
        unlogged(since)(s), proof=s.world.proof("BY", s.envelope.digest, by=witnesses(s)), text=s.text
    )


def forged(scene: Scene) -> Scene:
    """Return the scene with a proof under which the witness's line is by another key."""
    assert scene.proof is not None
    head, _, line = scene.proof.removesuffix("\n").rpartition("\n")
    other = SignatureLine.parse(line)
    other = replace(other, signature=other.signature[:-1] + bytes([other.signature[-1] ^ 1]))
    return replace(scene, proof=f"{head}\n{other.encode()}\n")


def asking(witnesses: int, since: timedelta) -> Deviation:
    """Agree on so many witnesses of the log, and ask some time after the issue."""
    return lambda s: replace(
        s.agreeing(witnesses=(Quorum("BY", witnesses), Quorum("UZ", 1))), at=AT + since, stale_after=AT + 9 * DAY
    )


LOG = [
    Row("proof of another", proof_of("BY", OTHER_DIGEST), Check.LOG, FAILED, "proof-wrong"),
    Row("of another act", proof_of("BY", kind=Kind.CERTIFICATE_STATUS), Check.LOG, FAILED, "proof-wrong"),
    Row("of another log", proof_of("UZ"), Check.LOG, FAILED, "proof-wrong"),
    Row("not a proof", lambda s: replace(s, proof="\ud800"), Check.LOG, FAILED, "proof-wrong"),
    Row("no such node", lambda s: s.listing(lambda old: replace(old, nodes=())), Check.LOG, FAILED, "proof-wrong"),
    Row(
        "neither shown nor held",
        lambda s: replace(s, held=None, proof=None),
        Check.LOG,
        UNKNOWN,
        "no-proof-shown",
    ),
    Row("held and logged", lambda s: replace(s, proof=None), Check.LOG, PASSED, "witnessed"),
    Row("proved though held as unlogged", lambda s: s.holding(logged=False), Check.LOG, PASSED, "witnessed"),
    Row("not yet", unlogged(DAY), Check.LOG, UNKNOWN, "not-yet-logged"),
    Row("too late", unlogged(DAY + SECOND), Check.LOG, FAILED, "not-logged"),
    Row("not cosigned yet", cosigned_by(lambda _: (), DAY), Check.LOG, UNKNOWN, "quorum-not-met"),
    Row("not cosigned in time", cosigned_by(lambda _: (), DAY + SECOND), Check.LOG, FAILED, "not-logged"),
    Row(
        "cosigned by its own witness",
        cosigned_by(lambda s: (by(s).witness,), DAY),
        Check.LOG,
        UNKNOWN,
        "quorum-not-met",
    ),
    Row(
        "cosigned by a stranger",
        cosigned_by(lambda s: (s.world.uz.make_witness("eec.example/witness"),), DAY),
        Check.LOG,
        UNKNOWN,
        "quorum-not-met",
    ),
    Row(
        "cosigned under the witness's name by another",
        cosigned_by(lambda s: (s.world.uz.make_witness(s.world.uz.witness.vkey.name),), DAY),
        Check.LOG,
        UNKNOWN,
        "quorum-not-met",
    ),
    Row("with a line that is forged", forged, Check.LOG, FAILED, "proof-wrong"),
    Row("more witnesses asked than are known", asking(2, DAY), Check.LOG, UNKNOWN, "quorum-not-met"),
    Row("more witnesses asked, for long", asking(2, DAY + SECOND), Check.LOG, FAILED, "not-logged"),
    Row("no witness asked", asking(0, DAY), Check.LOG, PASSED, "unwitnessed"),
    Row(
        "no witness asked and held", lambda s: replace(asking(0, DAY)(s), proof=None), Check.LOG, PASSED, "unwitnessed"
    ),
    Row(
        "no witness of the other log asked",
        lambda s: s.agreeing(witnesses=(Quorum("BY", 1), Quorum("UZ", 0))),
        Check.LOG,
        PASSED,
        "witnessed",
    ),
]
DELIVERED = [
    Row("never", lambda s: replace(s, held=None), Check.DELIVERED, UNKNOWN, "not-delivered", "not-in-bundle"),
    Row(
        "another certificate",
        lambda s: s.holding(digest=OTHER_DIGEST),
        Check.DELIVERED,
        FAILED,
        "other-digest",
        "not-in-bundle",
    ),
]
TABLE = [*FORMAT, *SIGNATURE, *SIGNER, *BODY, *AGREEMENT, *DESTINATION, *STATUS, *VALIDITY, *LOG, *DELIVERED]


def hold_to_the_rules(verdict: Verdict) -> None:
    """Every question is answered once, in order; after a no the rest is not reached; the whole follows from all."""
    assert [finding.check for finding in verdict.findings] == list(Check)
    outcomes = [finding.outcome for finding in verdict.findings]
    assert verdict.indication is WHOLE[FAILED if FAILED in outcomes else UNKNOWN if UNKNOWN in outcomes else PASSED]
    assert Verdict.parse(verdict.encode()) == verdict
    if FAILED in outcomes:
        rest = verdict.findings[outcomes.index(FAILED) + 1 :]
        assert {(finding.outcome, finding.code) for finding in rest} <= {(UNKNOWN, "not-reached")}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.check}: {row.name}")
@pytest.mark.parametrize("place", ["online", "offline"])
def test_each_cell_of_the_table_has_its_outcome_and_code(scene: Scene, row: Row, place: str) -> None:
    deviated = row.deviate(scene)
    verdict = deviated.online() if place == "online" else deviated.offline()
    hold_to_the_rules(verdict)
    finding = verdict.finding(row.check)
    assert finding is not None
    if place == "offline" and row.offline is not None:
        assert (finding.outcome, finding.code) == (UNKNOWN, row.offline)
        return
    code = "by-bundle" if place == "offline" and row.code == "by-channel-only" else row.code
    assert (finding.outcome, finding.code) == (row.outcome, code)
    if row.outcome is not UNKNOWN or row.check is not Check.DELIVERED:
        assert verdict.indication is WHOLE[row.outcome]
    assert verdict.decisive is None or verdict.decisive.outcome is not PASSED


def test_of_a_change_that_does_not_hold_yet_nobody_is_told_that_none_has_come(scene: Scene) -> None:
    changed = replace(scene.changed(Status.ANNULLED, day=TODAY + 5 * DAY), day=TODAY)
    for verdict, place in ((changed.online(), "the channel"), (changed.offline(), "the bundle")):
        finding = verdict.finding(Check.STATUS)
        assert finding is not None
        assert place in finding.sentence
        assert "in force on the day asked for" in finding.sentence


@pytest.mark.parametrize("country", ["BY", "UZ"])
def test_a_good_certificate_passes_in_either_direction_online_and_offline(world: World, country: str) -> None:
    scene = world.scene(country)
    for verdict, status in ((scene.online(), "by-channel-only"), (scene.offline(), "by-bundle")):
        hold_to_the_rules(verdict)
        assert verdict.indication is Indication.TOTAL_PASSED
        assert verdict.decisive is None
        assert [finding.code for finding in verdict.findings] == [
            "well-formed",
            "same-environment",
            "signature-verifies",
            "signer-good",
            "notified",
            "agreed",
            "for-here",
            status,
            "within-validity",
            "witnessed",
            "delivered",
        ]


def test_every_code_has_its_sentence(scene: Scene) -> None:
    codes = {row.code for row in TABLE if row.check is not Check.FORMAT}
    assert codes <= SENTENCES.keys()
    for verdict in (scene.online(), scene.offline(), replace(scene, text="x").online()):
        assert all(finding.sentence for finding in verdict.findings)


@pytest.mark.parametrize(
    ("at", "code"),
    [("2027-11-21T20:59:59Z", "within-validity"), ("2027-11-21T21:00:00Z", "after-validity")],
)
def test_the_validity_ends_at_midnight_in_the_country_of_issue(scene: Scene, at: str, code: str) -> None:
    """Midnight in Minsk is 21:00 UTC; in Tashkent it is two hours past it."""
    moment = replace(scene, at=AT.fromisoformat(at))
    for verdict in (moment.online(), moment.offline()):
        finding = verdict.finding(Check.VALIDITY)
        assert finding is not None
        assert finding.code == code


def test_an_annulment_holds_from_midnight_of_its_own_country_everywhere(world: World) -> None:
    """Half past midnight in Tashkent is still yesterday in Minsk, and the annulment of today holds there too."""
    scene = world.scene("UZ")
    tomorrow = LocalDate.parse("2026-11-22+05:00")
    annulled = scene.changed(Status.ANNULLED, effective_from=tomorrow, recorded_at=AT)
    before, after = (replace(annulled, at=tomorrow.begins() + step) for step in (-SECOND, SECOND * 0))
    assert [verdict.indication for verdict in (before.online(), before.offline())] == [Indication.TOTAL_PASSED] * 2
    assert [verdict.indication for verdict in (after.online(), after.offline())] == [Indication.TOTAL_FAILED] * 2


def test_a_change_by_one_person_is_not_believed(scene: Scene) -> None:
    finding = scene.changed(Status.ANNULLED, confirmed_by="s-1", proposed_by="s-1").online().finding(Check.STATUS)
    assert finding is not None
    assert finding.code == "change-not-believed"


def test_without_an_agreement_the_day_is_that_of_the_issuer(scene: Scene) -> None:
    verdict = replace(scene, agreements=(), at=AT.fromisoformat("2026-11-20T20:59:59Z")).online()
    assert verdict.indication is Indication.TOTAL_FAILED


def test_a_bundle_too_old_leaves_the_status_open(scene: Scene) -> None:
    last = replace(scene, at=scene.stale_after).offline()
    assert last.indication is Indication.TOTAL_PASSED
    stale = replace(scene, at=scene.stale_after + SECOND).offline()
    assert stale.indication is Indication.INDETERMINATE
    assert stale.decisive is not None
    assert (stale.decisive.check, stale.decisive.code) == (Check.STATUS, "bundle-stale")


def test_a_change_that_cannot_be_read_leaves_the_status_open(scene: Scene) -> None:
    for text in ("garbage", scene.text, scene.world.change(scene.envelope, Status.ANNULLED, nonce="x")):
        verdict = replace(scene, changes=(text,)).online()
        assert verdict.indication is Indication.INDETERMINATE
        assert verdict.decisive is not None
        assert verdict.decisive.code == "change-not-believed"


def test_a_change_about_another_certificate_is_not_taken_for_this_one(scene: Scene) -> None:
    verdict = scene.changed(
        Status.ANNULLED, certificate="https://by.registry.example/certificates/bcci/2026/X"
    ).online()
    assert verdict.decisive is not None
    assert verdict.decisive.code == "change-not-believed"


@pytest.mark.parametrize(
    ("deviate", "outcome", "code"),
    [
        (lambda s: s, PASSED, "signer-good"),
        (lambda s: replace(s, proof=s.world.proof("BY", OTHER_DIGEST)), UNKNOWN, "revoked-since"),
        (lambda s: revoked_at(s.showing(agreement="0" * 64), SECOND), UNKNOWN, "revoked-since"),
    ],
    ids=["its proof", "the proof of another", "no agreement that says whose word counts"],
)
def test_what_is_held_nowhere_is_dated_by_its_own_proof(
    scene: Scene, deviate: Deviation, outcome: Outcome, code: str
) -> None:
    finding = replace(deviate(revoked_at(scene, SECOND)), held=None).online().finding(Check.SIGNER)
    assert finding is not None
    assert (finding.outcome, finding.code) == (outcome, code)


@pytest.mark.parametrize(
    ("logged_by", "outcome", "code"),
    [
        (None, UNKNOWN, "revoked-since"),
        (AT, PASSED, "signer-good"),
        (AT + SECOND, FAILED, "signer-revoked"),
    ],
)
def test_at_its_own_node_the_issuers_own_date_counts_for_nothing_after_a_revocation(
    scene: Scene, logged_by: datetime | None, outcome: Outcome, code: str
) -> None:
    """Whoever stole the key and the node with it writes any date there; the log is what others have seen."""
    own = replace(revoked_at(scene, SECOND), proof=None, country=scene.issued_in)
    finding = own.holding(standpoint=Standpoint.ISSUER, logged_by=logged_by).online().finding(Check.SIGNER)
    assert finding is not None
    assert (finding.outcome, finding.code) == (outcome, code)


def test_what_is_held_of_another_certificate_says_nothing_of_this_one(scene: Scene) -> None:
    verdict = replace(scene.holding(digest=OTHER_DIGEST), proof=None).online()
    codes = {finding.check: finding.code for finding in verdict.findings}
    assert codes[Check.STATUS] == "status-unknown"
    assert codes[Check.LOG] == "no-proof-shown"
    assert codes[Check.DELIVERED] == "other-digest"


def test_another_environment_is_refused_on_either_side(scene: Scene) -> None:
    training = replace(scene, env="training").online()
    assert training.decisive is not None
    assert training.decisive.code == "other-environment"
    unvouched = replace(scene.showing(env="training"), env="training").online()
    assert unvouched.indication is Indication.INDETERMINATE
    assert unvouched.decisive is not None
    assert unvouched.decisive.code == "signer-unknown"


def test_a_duplicate_of_what_was_never_delivered_is_open(scene: Scene) -> None:
    lost = replace(duplicate(-DAY)(scene), original=None)
    assert status_code(lost.online()) == (UNKNOWN, "original-not-delivered")
    for text in ("x", scene.world.change(scene.envelope, Status.ANNULLED)):
        other = replace(lost, original=(text,))
        assert status_code(other.online()) == (UNKNOWN, "change-not-believed")


def status_code(verdict: Verdict) -> tuple[Outcome, str]:
    finding = verdict.finding(Check.STATUS)
    assert finding is not None
    return finding.outcome, finding.code


def test_the_last_day_of_the_validity_is_within_it_and_a_day_to_come(scene: Scene) -> None:
    last = replace(scene, day=date(2027, 11, 21))
    for verdict in (last.online(), last.offline()):
        finding = verdict.finding(Check.VALIDITY)
        assert finding is not None
        assert (finding.code, verdict.indication) == ("within-validity", Indication.INDETERMINATE)


def test_lists_and_agreements_of_another_environment_vouch_for_nothing(scene: Scene) -> None:
    """Whatever a caller hands in: believed values of another environment are as good as none."""
    trusted = scene.trusted()
    production = {country: relabelled(trusted, country) for country in trusted.lists}
    evidence = Evidence(scene.held, ())
    shown = Presentation(scene.text, scene.proof)

    def answer(believed: Trusted) -> str:
        verdict = verify(shown, believed, lambda *_: evidence, at=scene.at)
        assert verdict.decisive is not None
        return verdict.decisive.code

    assert answer(replace(trusted, lists=production)) == "signer-unknown"
    foreign = {key: replace(value, env=next_env(value.env)) for key, value in trusted.agreements.items()}
    assert answer(replace(trusted, agreements=foreign)) == "agreement-unknown"
    annulled = Evidence(scene.held, (scene.world.change(scene.envelope, Status.ANNULLED),))
    half = verify(shown, replace(trusted, lists={**trusted.lists, "UZ": production["UZ"]}), lambda *_: annulled, at=AT)
    assert half.decisive is not None
    assert half.decisive.code == "annulled"


def next_env(env: Any) -> Any:
    return next(other for other in type(env) if other is not env)


def relabelled(trusted: Trusted, country: str) -> Any:
    believed = trusted.lists[country]
    return replace(believed, list=replace(believed.list, env=next_env(believed.list.env)))


def log_finding(verdict: Verdict) -> Finding:
    finding = verdict.finding(Check.LOG)
    assert finding is not None
    assert finding.outcome is PASSED
    return finding


@pytest.mark.parametrize(
    ("head", "as_of"), [(None, AT), (AT - SECOND, AT), (AT, AT), (AT + 5 * SECOND, AT + 5 * SECOND)]
)
def test_a_proof_is_as_old_as_the_newest_word_of_the_quorum_on_that_log(
    scene: Scene, head: datetime | None, as_of: datetime
) -> None:
    origin = f"{scene.world.by.name}/log"
    seen = scene if head is None else replace(scene, heads={origin: head, "uz.registry.example/log": AT + DAY})
    assert log_finding(seen.online()).as_of == as_of
    assert log_finding(replace(seen, proof=None).online()).as_of == head
    carried = seen if head is None else replace(seen, checkpoints=(scene.world.checkpoint("BY", at=head),))
    assert log_finding(carried.offline()).as_of == as_of
    assert log_finding(replace(carried, proof=None).offline()).as_of == head


def test_a_witness_whose_clock_is_ahead_vouches_for_no_later_than_now(scene: Scene) -> None:
    ahead = replace(scene, heads={f"{scene.world.by.name}/log": AT + 400 * DAY})
    verdict = ahead.online()
    assert log_finding(verdict).as_of == verdict.at


def test_the_moment_of_a_proof_is_when_its_own_checkpoint_met_the_quorum(scene: Scene) -> None:
    late = AT + 30 * SECOND
    proved = replace(scene, proof=scene.world.proof("BY", scene.envelope.digest, at=late))
    assert log_finding(proved.online()).as_of == late


def test_where_no_witness_is_asked_nobodys_word_is_dated(scene: Scene) -> None:
    unwitnessed = replace(asking(0, DAY)(scene), heads={f"{scene.world.by.name}/log": AT})
    assert log_finding(unwitnessed.online()) == Finding(Check.LOG, PASSED, "unwitnessed")


def test_what_a_former_key_of_the_witness_cosigned_still_counts(scene: Scene) -> None:
    """The second key of a witness vouches for what is new; the first for what it cosigned up to its end."""
    uz = scene.world.uz
    name = f"{uz.name}/witness-2"
    second = uz.make_witness(name)

    def renewed(until: datetime) -> Scene:
        return scene.listing(
            lambda old: with_node(
                replace(old, issued_at=AT),
                witness=WitnessKey(name, second.vkey),
                former_witnesses=(FormerWitness(uz.witness.vkey.name, uz.witness.vkey, until),),
            ),
            "UZ",
        )

    for until, code in ((AT, "witnessed"), (AT - SECOND, "quorum-not-met")):
        finding = renewed(until).online().finding(Check.LOG)
        assert finding is not None
        assert finding.code == code
    anew = replace(renewed(BORN), proof=scene.world.proof("BY", scene.envelope.digest, by=(second,)))
    assert log_finding(anew.online()).code == "witnessed"


def test_at_the_issuer_its_own_record_stands_for_delivery(scene: Scene) -> None:
    own = Held(scene.envelope.digest, AT, Standpoint.ISSUER, logged=True)
    verdict = ask(scene, replace(scene.trusted(), country=None), Evidence(own))
    assert verdict.indication is Indication.TOTAL_PASSED
    assert [finding.code for finding in verdict.findings][-5:] == [
        "for-here",
        "in-force",
        "within-validity",
        "witnessed",
        "own",
    ]


def ask(scene: Scene, trusted: Trusted, evidence: Evidence, asked: frozenset[Check] = EVERY_CHECK) -> Verdict:
    return verify(Presentation(scene.text), trusted, lambda *_: evidence, at=scene.at, asked=asked)


def test_at_issue_log_and_delivery_are_not_asked(scene: Scene) -> None:
    own = Held(scene.envelope.digest, AT, Standpoint.ISSUER, logged=False)
    verdict = ask(scene, replace(scene.trusted(), country=None), Evidence(own), AT_ISSUE)
    assert verdict.indication is Indication.TOTAL_PASSED
    assert {finding.check for finding in verdict.findings} == AT_ISSUE
    assert verdict.finding(Check.LOG) is None


def test_on_arrival_delivery_is_not_asked(scene: Scene) -> None:
    verdict = ask(scene, scene.trusted(), Evidence(scene.held), ON_ARRIVAL)
    assert verdict.indication is Indication.TOTAL_PASSED
    assert {finding.check for finding in verdict.findings} == ON_ARRIVAL
    broken = ask(replace(scene, text="x"), scene.trusted(), Evidence(), ON_ARRIVAL)
    assert {finding.check for finding in broken.findings} == ON_ARRIVAL


def test_the_other_spelling_of_a_signature_is_the_same_certificate(scene: Scene) -> None:
    """ECDSA signs with s and with n - s alike; the digest leaves the signature out, so both are one certificate."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    from registry.core.envelope.jose import _decode, _encode  # noqa: PLC0415  only this test spells a signature

    head, _, signature = scene.text.rpartition(".")
    raw = _decode(signature)
    other = raw[:32] + (order - int.from_bytes(raw[32:])).to_bytes(32)
    twin = replace(scene, text=f"{head}.{_encode(other)}")
    assert twin.text != scene.text
    assert twin.envelope.digest == scene.envelope.digest
    assert twin.online().indication is Indication.TOTAL_PASSED


@pytest.mark.parametrize("flip", [1, 2, 0x20])
def test_each_changed_character_of_a_certificate_is_never_an_exception_and_never_passed(
    scene: Scene, flip: int
) -> None:
    trusted, evidence = scene.trusted(), Evidence(scene.held)
    for index, character in enumerate(scene.text):
        text = f"{scene.text[:index]}{chr(ord(character) ^ flip)}{scene.text[index + 1 :]}"
        verdict = verify(Presentation(text, scene.proof), trusted, lambda *_: evidence, at=scene.at)
        assert verdict.indication is not Indication.TOTAL_PASSED, index


def test_each_removed_character_of_a_certificate_is_refused(scene: Scene) -> None:
    trusted, evidence = scene.trusted(), Evidence(scene.held)
    for index in range(len(scene.text)):
        text = scene.text[:index] + scene.text[index + 1 :]
        verdict = verify(Presentation(text, scene.proof), trusted, lambda *_: evidence, at=scene.at)
        assert verdict.indication is not Indication.TOTAL_PASSED, index


def test_each_changed_character_of_a_proof_is_never_an_exception_and_never_passed(scene: Scene) -> None:
    trusted, evidence, proof = scene.trusted(), Evidence(scene.held), scene.proof
    assert proof is not None
    for index, character in enumerate(proof):
        text = f"{proof[:index]}{chr(ord(character) ^ 1)}{proof[index + 1 :]}"
        verdict = verify(Presentation(scene.text, text), trusted, lambda *_: evidence, at=scene.at)
        assert verdict.indication is not Indication.TOTAL_PASSED, index


ODD: list[Json] = [
    "",
    "x" * 10_001,
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00Z",
    "2999-12-31T23:59:59Z",
    "9999-12-31+05:00",
    "0001-01-01-05:00",
    "2026-13-41T25:61:61Z",
    "https://" + "a" * 5_000,
    0,
    -1,
    2**53 - 1,
    True,
    [],
    {},
    [[]],
    ["CertificateOfOrigin", "CertificateOfOrigin"],
    {"id": "x"},
]


def paths(value: Json, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Return the place of every member and item."""
    items: list[tuple[str | int, Json]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    for key, member in items:
        yield (*path, key)
        yield from paths(member, (*path, key))


def put(value: Any, path: tuple[str | int, ...], new: Json) -> Any:
    """Return a copy with another member at `path`; None takes it away."""
    key, *rest = path
    copy = value.copy()
    if rest:
        copy[key] = put(copy[key], tuple(rest), new)
    elif new is None:
        del copy[key]
    else:
        copy[key] = new
    return copy


def test_a_signed_certificate_with_an_odd_or_missing_member_is_never_an_exception_and_never_passed(
    scene: Scene,
) -> None:
    """Even the body's own key cannot sign what the format does not know; only the claims are the scheme's to judge."""
    trusted, payload = scene.trusted(), scene.envelope.payload
    places = [path for path in paths(payload) if path[:2] != ("credentialSubject", "claims")]
    assert len(places) > 30
    for path in places:
        for odd in (None, *ODD):
            text = seal(put(payload, path, odd), Typ.CERTIFICATE, scene.world.by.document).text
            verdict = verify(
                Presentation(text),
                trusted,
                lambda _, digest: Evidence(Held(digest, AT, Standpoint.NODE, logged=True)),
                at=scene.at,
            )
            assert verdict.indication is Indication.TOTAL_FAILED, (path, odd)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(), proof=st.none() | st.text())
def test_whatever_is_shown_gets_a_verdict(scene: Scene, text: str, proof: str | None) -> None:
    for shown in (Presentation(text, proof), Presentation(scene.text, proof)):
        verdict = verify(shown, scene_trusted(scene), lambda *_: Evidence(), at=scene.at)
        assert verdict.indication is not Indication.TOTAL_PASSED


def scene_trusted(scene: Scene, known: dict[int, Trusted] = {}) -> Trusted:  # noqa: B006  kept between examples
    return known.setdefault(id(scene), known.get(id(scene)) or scene.trusted())


def test_a_log_key_that_moved_no_longer_proves_what_it_signed_before(scene: Scene) -> None:
    moved = scene.listing(
        lambda old: with_node(old, log=replace(old.nodes[0].log, vkey=other_key(scene.world.by, scene.world.uz)))
    )
    verdict = moved.online()
    assert verdict.decisive is not None
    assert verdict.decisive.code == "proof-wrong"


def other_key(named: Side, keyed: Side) -> Any:
    return replace(named.log.vkey, public=keyed.log.vkey.public)


def test_a_retirement_takes_nothing_from_what_was_signed_before_it_even_where_it_is_not_held(scene: Scene) -> None:
    finding = replace(signers(SignerStatus.RETIRED, SECOND)(scene), held=None).online().finding(Check.SIGNER)
    assert finding is not None
    assert finding.code == "signer-good"


def test_another_certificate_under_the_number_shows_nothing_of_this_one(scene: Scene) -> None:
    other = replace(revoked_at(scene, SECOND), proof=None).holding(digest=OTHER_DIGEST)
    for verdict in (other.online(), other.offline()):
        finding = verdict.finding(Check.SIGNER)
        assert finding is not None
        assert finding.code == "revoked-since"


def test_a_leaf_for_another_country_proves_nothing_here(scene: Scene) -> None:
    """Its own country would never miss what the log says is for a third one."""
    entry = Leaf(
        ActId("ab" * 16),
        Kind.CERTIFICATE_ISSUED,
        AT,
        by(scene).body,
        Digest("cd" * 32),
        Country("KZ"),
        scene.envelope.digest,
    ).encode()
    proof = TlogProof(entry, 0, (), scene.world.checkpoint("BY", entry)).encode()
    finding = replace(scene, proof=proof).online().finding(Check.LOG)
    assert finding is not None
    assert (finding.outcome, finding.code) == (FAILED, "proof-wrong")
    assert "another destination" in str(finding.detail)
