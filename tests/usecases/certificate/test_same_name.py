"""One human who is registered twice approves nothing alone: two people of one name do not approve one certificate."""

from registry.api.issuer import issuer_of
from registry.core.certificate.claims import Claims
from registry.core.certificate.lifecycle import SameName
from registry.store.certificates import CertificateRow
from registry.store.parties import Role
from registry.usecases.application import examine_application
from registry.usecases.certificate import change_status, clarify_certificate, issue_certificate, replace_certificate
from registry.usecases.party import register_party
from registry.usecases.party.identify_party import identify
from registry.usecases.trust.sign_for_body import read
from tests.kit import Corridor, Country, draft_list, list_signers, sign_list


def registers(corridor: Corridor, who: str, name: str, *roles: Role) -> None:
    """Register another person of the body, as one operator does, and notify the signatories anew."""
    by = corridor.by
    operator = by.people["operator"].actor
    body = by.people["examiner"].organisation
    with by.tx() as tx:
        person = register_party.register_person(
            tx,
            organisation=body,
            name=name,
            roles=list(roles),
            node_did=by.did,
            by=operator,
            at=by.clock(),
            draw=by.node.draw,
        )
        token, _ = by.issues_token(tx, person.id)
        by.people[who] = identify(tx, token, node=by.did, at=by.clock())
    by.adopts(sign_list(draft_list(by.node), list_signers(corridor.forge, "BY")))


def test_whoever_bears_the_name_of_the_examiner_does_not_sign(corridor: Corridor) -> None:
    by = corridor.by
    registers(corridor, "twin", by.people["examiner"].name, Role.SIGNATORY)
    approved, beliefs = by.approved(), by.beliefs()
    with by.refuses(SameName) as refused:
        draft = str(approved.draft)
        issue_certificate.issue(refused.tx, approved.id, draft, issuer_of(by.node), beliefs, **by.by("twin"))
    assert refused.value.name == by.people["examiner"].name
    assert by.issue(approved).number


def test_namesakes_are_told_apart_by_their_patronymics(corridor: Corridor) -> None:
    registers(corridor, "namesake", "Гончар Павел Андреевич", Role.SIGNATORY)
    assert corridor.by.issue(corridor.by.approved(), "namesake").number


def test_whoever_bears_the_name_of_a_signatory_does_not_examine(corridor: Corridor) -> None:
    """A signatory had a part when proposing the replacement; the clock of the application is another's to stop."""
    by = corridor.by
    approved = by.replaces(by.issued())
    registers(corridor, "twin", by.people["signatory"].name, Role.EXAMINER)
    with by.tx() as tx:
        replace_certificate.propose(tx, approved.id, "Опечатка в графе 2.", **by.by("signatory"))
    with by.refuses(SameName) as refused:
        examine_application.send_back(refused.tx, approved.id, "Ещё раз.", **by.by("twin"))


def test_whoever_bears_the_name_of_the_proposer_confirms_nothing(corridor: Corridor) -> None:
    by = corridor.by
    registers(corridor, "twin", by.people["signatory"].name, Role.SIGNATORY, Role.EXAMINER)
    row = by.issued()
    annulment, issuer = by.proposed(row), issuer_of(by.node)
    with by.refuses(SameName) as refused:
        change_status.confirm(refused.tx, row.id, annulment.id, issuer, **by.by("twin"))
    clarification = proposes(by, row)
    with by.refuses(SameName) as refused:
        clarify_certificate.confirm(refused.tx, row.id, clarification, issuer, **by.by("twin"))


def proposes(country: Country, row: CertificateRow) -> str:
    old = Claims.parse(read(row).subject.claims).consignor_exporter.address
    words = ("consignor_exporter.address", old, old.replace("ул.", "улица"), "Опечатка.")
    with country.tx() as tx:
        return clarify_certificate.propose(tx, row.id, *words, **country.by("signatory")).id


def test_whoever_bears_the_name_of_the_proposer_does_not_issue_in_lieu(corridor: Corridor) -> None:
    by = corridor.by
    registers(corridor, "twin", by.people["signatory"].name, Role.SIGNATORY)
    approved, beliefs = by.replaces(by.issued()), by.beliefs()
    with by.tx() as tx:
        proposal = replace_certificate.propose(tx, approved.id, "Опечатка в графе 2.", **by.by("signatory"))
    with by.refuses(SameName) as refused:
        issuer, draft = issuer_of(by.node), str(approved.draft)
        issue_certificate.issue(refused.tx, approved.id, draft, issuer, beliefs, read=proposal.id, **by.by("twin"))
