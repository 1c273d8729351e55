"""What no issue and no verification can do without, and nothing else: how near to the ceiling a node could come.

Beside the bare endpoint stands what the other promises ask for: whose token and which key (S1, D5), the guard (L5),
lists and agreements, the rows that are locked, numbered and written, and the rules, the signature and our own verifier.
Each statement is the cheapest of its kind, a row by its key; no middleware, no views, no model, no refusal.
"""

import os
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fastapi import FastAPI, Request, Response
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from registry.core.agreement import Environment
from registry.core.certificate.claims import Claims
from registry.core.certificate.credential import Certificate
from registry.core.envelope.jose import Envelope, Typ, seal
from registry.core.identifiers import Digest
from registry.core.rules.finding import Intake
from registry.core.scheme.catalogue import find_scheme
from registry.core.verification.evidence import Evidence, Held, Standpoint, Trusted
from registry.core.verification.presentation import Presentation
from registry.core.verification.verify import AT_ISSUE, verify
from registry.node import Node
from registry.settings import Settings
from registry.store import certificate_search
from registry.store.certificate_search import Conditions, Scope
from registry.usecases.trust.believe_peers import read_beliefs
from tests.bench.bare import KNOWN, ONE, SIZE, THREE, TWO, serving

ISSUE = (4, 8)
"""Read: guard, beliefs, application, names. Written: key, part, index, serial, certificate, act, application, reply."""
VERIFY = (5, 3)
"""Read: lock of adoptions, beliefs, certificate, changes, what stands beside. Written: key, act, reply."""
_CONTENT = secrets.token_bytes(SIZE)
_SMALL = _CONTENT[:200]


def app() -> FastAPI:
    """Return the application."""
    settings = Settings.from_environment()
    node = Node.open(settings)
    at = datetime.now(UTC) + timedelta(seconds=int(Path(os.environ["REGISTRY_CLOCK_FILE"]).read_text()))
    issuing, verifying = _computed(node, at.replace(microsecond=0))

    least = serving(settings.threads, node.close)

    @least.post("/issue")
    def issue(_request: Request) -> Response:
        """Compute and write what an issue must, in one durable transaction."""
        with node.database.begin() as tx:
            issuing()
            _state(tx, *ISSUE)
        return Response(_CONTENT[:1000].hex(), 201)

    @least.post("/verify")
    def ask(_request: Request) -> Response:
        """Compute and write what a verification must, in one durable transaction."""
        with node.database.begin() as tx:
            verifying()
            _state(tx, *VERIFY)
        return Response(_CONTENT[:1000].hex(), 201)

    return least


def _computed(node: Node, at: datetime) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return what is computed for an issue and for a verification, of a certificate that is held here."""
    with node.database.read() as tx:
        beliefs = read_beliefs(tx, node.pins)
        (row,) = certificate_search.page(tx, Scope(presented_in="UZ"), Conditions(), after=None, limit=1).rows
    certificate = Certificate.parse(Envelope.parse(row.envelope, Typ.CERTIFICATE).payload)
    subject, env = certificate.subject, Environment(node.settings.env)
    scheme, rules_set = find_scheme(subject.scheme, subject.rules_set)
    trusted = Trusted(env, None, beliefs.lists, beliefs.agreements, at, words=beliefs.words, adopted=beliefs.adopted)

    def judge(text: str, proof: str | None) -> None:
        held = Held(Digest(row.digest), at, Standpoint.ISSUER, logged=True, logged_by=at)
        verify(Presentation(text, proof), trusted, lambda _c, _d: Evidence(held), at=at, asked=AT_ISSUE)

    def issue() -> None:
        claims = Claims.parse(certificate.subject.claims)
        day, issued_in, presented_in = subject.issue_date.day, subject.issued_in, subject.presented_in
        scheme.examine(Intake(claims, subject.scheme, rules_set, issued_in, presented_in, rules_set, day))
        (signer,) = node.keyring.documents[certificate.body]
        judge(seal(certificate.encode(), Typ.CERTIFICATE, signer).text, None)

    def check() -> None:
        judge(row.envelope, row.proof)

    return issue, check


def _state(tx: Session, reads: int, writes: int) -> None:
    """Run so many statements of either kind."""
    for _ in range(reads):
        tx.scalar(select(ONE.c.content).where(ONE.c.id == KNOWN))
    for place in range(writes):
        table = (ONE, TWO, THREE)[place % 3]
        content = _CONTENT if place == 0 else _SMALL
        tx.execute(insert(table).values(id=secrets.token_hex(16), content=content))
