"""What each operation of the matrix of roles asks about: a thing of one's own on which it succeeds."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from registry.core.certificate.claims import Claims
from registry.core.channel.reconciliation import Month, SeenLog, Side, Statement, Through
from registry.core.trust.trust_list import BodyRole
from registry.store import tasks
from registry.store.certificates import CertificateRow
from registry.store.parties import OrganisationKind, Role
from registry.store.reconciliations import MonthStatement
from registry.store.tasks import TaskKind
from registry.usecases.application import examine_application
from registry.usecases.certificate import clarify_certificate
from registry.usecases.party import register_party
from registry.usecases.trust.sign_for_body import read
from registry.usecases.verification import verify_held
from registry.usecases.verification.verify_certificate import Question
from tests.api.desk import PDF, QUERIES, Office, product
from tests.kit import Country
from tests.outside import registration_of

PEOPLE = {
    Role.EXPORTER: "exporter",
    Role.EXAMINER: "examiner",
    Role.SIGNATORY: "signatory",
    Role.CUSTOMS: "officer",
    Role.AUDITOR: "auditor",
    Role.OPERATOR: "operator",
    Role.IMPORTER: "importer",
    Role.REGISTRAR: "registrar",
}
"""Someone of each role, and of no other."""
REASON = {"reason": "проверка"}


@dataclass(frozen=True)
class Thing:
    """What is asked about: its place in the path, and the body that goes with it."""

    places: Mapping[str, Any]
    body: Any = None
    version: int = 1


@dataclass
class World:
    """A corridor that has lived a little: each country has issued to the other and been delivered to."""

    here: Office
    issued: CertificateRow
    delivered: CertificateRow

    @property
    def country(self) -> Country:
        return self.here.country

    @property
    def key(self) -> str:
        """The goods that this country sends."""
        return {"BY": "tractors", "UZ": "cotton-yarn"}[self.country.code]

    def thing(self, operation: str, role: Role) -> Thing:
        """Return a thing of the role's own organisation on which the operation succeeds."""
        assert operation in THINGS, f"{operation} has no row in the matrix of roles: tests/api/matrix.py"
        return THINGS[operation](self, role)

    def form(self, _role: Role) -> Thing:
        """Return a form that anyone may fill in: the node itself says who applies."""
        form = self.here.form(self.key)
        form["claims"]["declaration"].pop("applicant")
        return Thing({}, form)

    def drafted(self, _role: Role) -> Thing:
        row = self.country.draft(self.key)
        return Thing({"id": row.id}, self.here.form(self.key), row.version)

    def submitted(self, _role: Role) -> Thing:
        return Thing({"id": self.country.submitted(self.key).id})

    def taken_up(self, body: Any = None, *, stopped: bool = False) -> Thing:
        row = self.country.submitted(self.key)
        with self.country.tx() as tx:
            examine_application.take_up(tx, row.id, **self.country.by("examiner"))
            if stopped:
                examine_application.stop(tx, row.id, "payment", **self.country.by("examiner"))
        return Thing({"id": row.id}, body)

    def offered(self, **more: str) -> Thing:
        row = self.country.offered(self.key)
        return Thing({"id": row.id}, {"draft": row.draft, **more})

    def approved(self, _role: Role) -> Thing:
        row = self.country.approved(self.key)
        return Thing({"id": row.id}, {"draft": row.draft})

    def certificate(self, role: Role) -> Thing:
        """Return a certificate that is the role's: delivered for customs, issued for all others."""
        return Thing(places_of(self.delivered if role is Role.CUSTOMS else self.issued))

    def certified(self, *, proposed: bool) -> Thing:
        row = self.country.issued(self.key)
        body = {"reason": "ошибка", "effective_from": f"{row.issued_on.isoformat()}+03:00"}
        if proposed:
            body = {"proposal": self.country.proposed(row, "second_signatory").id}
        return Thing(places_of(row), body)

    def clarifiable(self, *, proposed: bool) -> Thing:
        row = self.country.issued(self.key)
        old = Claims.parse(read(row).subject.claims).consignor_exporter.address
        body = {"box": "consignor_exporter.address", "old": old, "new": f"{old}, двор", "reason": "опечатка"}
        if proposed:
            with self.country.tx() as tx:
                by = self.country.by("second_signatory")
                body = {"proposal": clarify_certificate.propose(tx, row.id, *body.values(), **by).id}
        return Thing(places_of(row), body)

    def replaces(self, _role: Role) -> Thing:
        return Thing({"id": self.country.replaces(self.country.issued(self.key), self.key).id}, REASON)

    def kept(self, role: Role) -> Thing:
        """Return a product with a file, named in an application where a body is to see it."""
        drafted = self.here.drafted(self.key, with_product=True)
        kept: str = drafted["claims"]["items"][0]["product"]
        if role is not Role.EXPORTER:
            self.here.desk("exporter").post(f"/api/v1/applications/{drafted['id']}/submit")
        found = self.here.desk("exporter").get(f"/api/v1/products/{kept}").json()
        return Thing({"id": kept, "sha256": found["evidence"][0]["sha256"]}, product())

    def asked(self, _role: Role) -> Thing:
        return Thing({}, {"number": self.delivered.number})

    def verified(self, role: Role) -> Thing:
        if role is Role.CUSTOMS:
            return Thing({"id": self.country.asks(self.delivered.number).id})
        question = Question(number=self.delivered.number, id=self.delivered.id)
        with self.country.tx() as tx:
            kept = verify_held.verify_held(
                tx,
                question,
                self.country.beliefs(),
                principal=None,
                env="demo",
                country=self.country.code,
                **self.country.by("importer"),
            )
        return Thing({"id": kept.id})

    def act(self, _role: Role) -> Thing:
        return Thing({"id": self.issued.act}, REASON)

    def task(self, role: Role) -> Thing:
        """Open a task of the role's own organisation; the operator's are the node's."""
        of = None if role is Role.OPERATOR else self.country.people[PEOPLE[role]].organisation
        subject, kind = secrets.token_hex(8), TaskKind.ANNULLED_AFTER_USE
        with self.country.tx() as tx:
            tasks.open_task(tx, kind, subject, {}, role=role, organisation=of, at=self.country.clock())
            (opened,) = [each.id for each in tasks.open_tasks(tx, kind) if each.subject == subject]
        return Thing({"id": opened}, REASON)

    def stated(self, _role: Role) -> Thing:
        """Keep what this country says of some month that is over."""
        peer, year = "did:web:kz.registry.example", 1000 + secrets.randbelow(1000)
        said = Statement(Month(year, 1), Side.ISSUED, Through(1, 1, "0" * 64), SeenLog(1, "0" * 64), ())
        (part,) = said.cut(secrets.token_hex(16))
        row = {"peer": peer, "month": part.month.encode(), "side": part.side, "by": self.country.did, "part": 1}
        with self.country.tx() as tx:
            at, body = self.country.clock(), dict(part.encode())
            tx.add(MonthStatement(**row, digest=part.digest, body=body, stated_at=at, act=None))
        return Thing({"sha256": part.digest})


def nothing(body: Any = None) -> Callable[[World, Role], Thing]:
    return lambda _world, _role: Thing({}, body() if callable(body) else body)


THINGS: Mapping[str, Callable[[World, Role], Thing]] = {
    "keep_a_product": nothing(product),
    "list_products": nothing(),
    "read_product": World.kept,
    "change_product": World.kept,
    "keep_evidence": World.kept,
    "read_evidence": World.kept,
    "draft_application": World.form,
    "list_applications": nothing(),
    "read_application": World.submitted,
    "change_application": World.drafted,
    "check_application": World.submitted,
    "submit": lambda world, _: Thing({"id": world.country.draft(world.key).id}),
    "withdraw": World.submitted,
    "take_up": World.submitted,
    "send_back": lambda world, _: world.taken_up({"reason": "нет акта"}),
    "refuse": lambda world, _: world.taken_up({"reason": "нет акта"}),
    "stop": lambda world, _: world.taken_up({"why": "payment"}),
    "resume": lambda world, _: world.taken_up(stopped=True),
    "offer_draft": lambda world, _: world.taken_up(),
    "accept": lambda world, _: world.offered(),
    "object_to": lambda world, _: world.offered(reason="ошибка"),
    "issue": World.approved,
    "register_a_certificate": lambda world, _: Thing(
        {}, registration_of(world.country, secrets.randbelow(900_000) + 1_000)
    ),
    "list_certificates": nothing(),
    "read_certificate": World.certificate,
    "propose_annulment": lambda world, _: world.certified(proposed=False),
    "confirm_annulment": lambda world, _: world.certified(proposed=True),
    "withdraw_annulment": lambda world, _: world.certified(proposed=True),
    "propose_clarification": lambda world, _: world.clarifiable(proposed=False),
    "confirm_clarification": lambda world, _: world.clarifiable(proposed=True),
    "withdraw_clarification": lambda world, _: world.clarifiable(proposed=True),
    "propose_replacement": World.replaces,
    "verify": World.asked,
    "list_verifications": nothing(),
    "verify_in_bulk": lambda world, _: Thing({}, {"questions": [{"number": world.delivered.number}]}),
    "verify_held_certificate": lambda world, _: Thing({}, {"number": world.delivered.number, "id": world.delivered.id}),
    "read_verification": World.verified,
    "follow": nothing(),
    "list_acts": nothing(),
    "look_at_act": World.act,
    "prove_act": World.act,
    "list_tasks": nothing(),
    "show_task": World.task,
    "list_reconciliations": nothing(),
    "show_reconciliation": World.stated,
    "close": World.task,
}
"""A row for each operation that has roles, by its name."""


def places_of(row: CertificateRow) -> Mapping[str, str]:
    node, body, year, number = row.id.removeprefix("https://").replace("/certificates/", "/", 1).split("/")
    return {"node": node, "body": body, "year": year, "number": number}


def absent(thing: Thing) -> Thing:
    """Return a thing of the same shape that does not exist."""
    gone = {"id": "0" * 32, "sha256": "0" * 64, "number": "BYUZ6101999999"}
    places = {name: gone.get(name, value) for name, value in thing.places.items()}
    if isinstance(places.get("id"), str) and isinstance(thing.places["id"], int):
        places["id"] = 999_999
    body = thing.body
    if isinstance(body, dict) and "number" in body and "id" in body:
        body = {"number": gone["number"], "id": body["id"].rpartition("/")[0] + "/" + gone["number"]}
    return Thing(places, body, thing.version)


def ask(
    office: Office, method: str, path: str, operation: Mapping[str, Any], token: str | None, thing: Thing
) -> httpx2.Response:
    """Ask an operation about a thing with all else that it wants, so that nothing but who asks can be wrong."""
    headers = {"Idempotency-Key": secrets.token_hex(8), "If-Match": f'"{thing.version}"', "X-File-Name": "act.pdf"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    how: dict[str, Any] = {"params": QUERIES.get(operation["operationId"])}
    reads = operation.get("requestBody", {}).get("content", {})
    if "application/json" in reads:
        how["json"] = thing.body
    elif reads:
        headers["Content-Type"], how["content"] = next(iter(reads)), PDF
    return office.http.request(method, path.format_map(thing.places), headers=headers, **how)


def register_outsiders(country: Country) -> None:
    """Register what there is one of only; `outside <role>` is the token of someone of another organisation."""
    by = country.by("operator") | {"by": country.people["operator"].actor}
    with country.tx() as tx:
        for kind, name, code, roles in (
            (OrganisationKind.BODY, "Второй орган", "second", (Role.EXAMINER, Role.SIGNATORY, Role.REGISTRAR)),
            (OrganisationKind.CUSTOMS, "Вторая таможня", None, (Role.CUSTOMS,)),
            (OrganisationKind.OPERATOR, "Второй оператор", None, (Role.OPERATOR, Role.AUDITOR)),
        ):
            organisation = register_party.register_organisation(
                tx,
                kind=kind,
                name=name,
                country=country.code,
                address="адрес",
                tax_id=None,
                code=code,
                body_role=None if code is None else BodyRole.AUTHORISED,
                node_name=country.node.settings.name,
                **by,
            )
            for role in roles:
                person = register_party.register_person(
                    tx, organisation=organisation.id, name="Чужой", roles=[role], node_did=country.did, **by
                )
                country.tokens[f"outside {role}"], _ = country.issues_token(tx, person.id)
    for role, who in ((Role.EXPORTER, "stranger"), (Role.IMPORTER, "other_importer")):
        country.tokens[f"outside {role}"] = country.tokens[who]
