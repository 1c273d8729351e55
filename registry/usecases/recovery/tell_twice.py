"""Tell people of a certificate that came back and stands beside another for the same thing: one of the two must end."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from registry.core.application.lifecycle import State
from registry.core.canonical import Json
from registry.core.certificate.credential import Certificate
from registry.core.certificate.lifecycle import FINAL
from registry.core.certificate.relation import REPLACES, related_term
from registry.store import applications, certificates, parties, tasks
from registry.store.applications import Application
from registry.store.parties import Role
from registry.store.tasks import TaskKind
from registry.usecases.application.relate_certificate import write_relations
from registry.usecases.trust.sign_for_body import read, standing_of


def tell_twice(tx: Session, came: Iterable[str], look_at: Mapping[str, str], *, at: datetime) -> list[str]:
    """Open a task for each of these certificates that is in force beside another; return which they are.

    Beside what it was issued in lieu of, or another one in lieu of that; beside one that was issued later on an
    application of before it that says the same; or beside an application that is open and may be the one that it came
    of (`look_at`, by application). Which one ends, the body says: both were signed by two people.
    """
    twice = []
    for each in came:
        row = certificates.certificate(tx, each)
        assert row is not None
        certificate = read(row)
        others = {*_of_one_lieu(tx, certificate), *_issued_again(tx, certificate)} - {each}
        beside: list[Json] = [other for other in sorted(others) if standing_of(tx, other) not in FINAL]
        open_: list[Json] = [one for one, certified in sorted(look_at.items()) if certified == each]
        if (beside or open_) and standing_of(tx, each) not in FINAL:
            detail: dict[str, Json] = {"certificate": each, "beside": beside, "applications": open_}
            tasks.open_task(tx, TaskKind.CERTIFICATE_TWICE, each, detail, role=Role.OPERATOR, at=at)
            twice.append(each)
    return twice


def applied_alike(tx: Session, certificate: Certificate, body: str | None) -> Sequence[Application]:
    """Return the applications to a body that ask for what a certificate says: the same claims, related alike."""
    subject = certificate.subject
    said = {name: getattr(subject, name) for name in ("scheme", "rules_set", "issued_in", "presented_in")}
    about = {"body": body, "claims": dict(subject.claims), "relations": write_relations(subject.relations)}
    return applications.alike(tx, said | about)


def _of_one_lieu(tx: Session, certificate: Certificate) -> Iterator[str]:
    relation = certificate.relation(REPLACES)
    if relation is None:
        return
    others = certificates.by_terms(tx, [related_term(REPLACES, str(relation.certificate))])
    yield from (other.id for other in others if other.body == certificate.issuer)
    yield str(relation.certificate)


def _issued_again(tx: Session, certificate: Certificate) -> Iterator[str]:
    body = parties.organisation_by_did(tx, certificate.issuer)
    for each in applied_alike(tx, certificate, None if body is None else body.id):
        if each.state == State.ISSUED and each.created_at <= certificate.valid_from <= each.changed_at:
            row = certificates.of_application(tx, each.id)
            assert row is not None
            yield row.id
