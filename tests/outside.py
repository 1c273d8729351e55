"""A body's own system: it issues certificates by the body's document signer, and registers them at the node."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from registry.api.issuer import issuer_of
from registry.core.agreement import Agreement, Recognition
from registry.core.certificate.claims import Claims
from registry.core.certificate.credential import Certificate, Signatory, Subject
from registry.core.envelope.jose import Envelope, Typ, seal
from registry.core.identifiers import certificate_id
from registry.core.signature import Signer
from registry.usecases.certificate import register_certificate
from registry.usecases.certificate.issue_certificate import LIST_LENGTH, STATUS_LIST
from registry.usecases.certificate.register_certificate import Examiner, Registered
from tests.kit import Country

EXAMINER = {"id": "expert-17", "name": "Н. В. Крук"}


def issued_outside(
    country: Country,
    serial: int = 900,
    *,
    key: str | None = None,
    at: datetime | None = None,
    signer: Signer | None = None,
    number: str | None = None,
    subject: Mapping[str, Any] | None = None,
    claims: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Envelope:
    """Return a certificate as a body's own system signs it, with changes of the certificate, its subject or claims."""
    beliefs, who = country.beliefs(), country.people["signatory"]
    form = country.form(key or {"BY": "tractors", "UZ": "cotton-yarn"}[country.code])
    code, when = form.body, at or country.clock()
    issued_on = beliefs.offset(country.code, when).local_date(when)
    agreed: tuple[Agreement, Recognition] = beliefs.agreed(form.scheme, country.code, form.presented_in, issued_on.day)
    agreement, recognition = agreed
    body = beliefs.list_of(country.code).body(f"{country.did}:bodies:{code}")
    assert body is not None
    name, year = country.node.settings.name, issued_on.day.year
    given = number or agreement.pattern(body.id).number(
        issued_in=country.code, presented_in=form.presented_in, year=year, serial=serial
    )
    boxes = Claims.draft({**form.claims, **(claims or {})}, country.people["exporter"].organisation_name)
    filled = {
        "id": certificate_id(name, code, year, given) + "#goods",
        "type_": ("CertificateOfOrigin",),
        "agreement": agreement.id,
        "env": "demo",
        "scheme": form.scheme,
        "rules_set": form.rules_set,
        "number": given,
        "issued_in": country.code,
        "presented_in": form.presented_in,
        "issue_date": issued_on,
        "signatory": Signatory(who.person, who.name),
        "nonce": secrets.token_hex(16),
        "claims": boxes.encode(),
        **(subject or {}),
    }
    stated = {
        "node": name,
        "body": code,
        "body_name": body.name,
        "valid_from": when,
        "valid_until": agreement.valid_until(issued_on, recognition),
        "status_list": STATUS_LIST,
        "status_index": secrets.randbelow(LIST_LENGTH),
        "subject": Subject(**filled),
        **changes,
    }
    return seal(Certificate(**stated).encode(), Typ.CERTIFICATE, signer or country.signer)


def registration_of(country: Country, serial: int = 900) -> dict[str, Any]:
    """Return the request that registers a certificate of a serial."""
    return {"certificate": issued_outside(country, serial).text, "examiner": EXAMINER}


def registered(
    country: Country, envelope: Envelope | None = None, examiner: Mapping[str, str] = EXAMINER
) -> Registered:
    """Let the body's system register a certificate."""
    text, beliefs = (envelope or issued_outside(country)).text, country.beliefs()
    with country.tx() as tx:
        return register_certificate.register(
            tx, text, Examiner(**examiner), issuer_of(country.node), beliefs, **country.by("registrar")
        )
