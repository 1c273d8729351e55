"""The certificate as it is signed: a W3C Verifiable Credential 2.0.

Every derived member is written anew when it is read, and compared.

Contexts and schemas are named and never fetched; verification never processes JSON-LD (formats 3).
"""

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, ClassVar, Self

from registry.core.calendar import LocalDate, read_instant, write_instant
from registry.core.canonical import JsonObject
from registry.core.certificate.relation import DUPLICATES, Relation
from registry.core.errors import Malformed
from registry.core.identifiers import CERTIFICATE, CODE, HEX_128, HEX_256, NAME, Did, body_did, certificate_id
from registry.core.record import decode, encode

CREDENTIALS_V2 = "https://www.w3.org/ns/credentials/v2"
_NUMBER = Annotated[str, re.compile(r"[A-Z0-9/-]{4,40}")]
_COUNTRY = Annotated[str, re.compile(r"[A-Z]{2}")]
_INDEX = re.compile(r"0|[1-9]\d{0,8}")
_STATUS_LIST = re.compile(r"https://[a-z0-9.-]+/status/(?P<list>[a-z0-9-]{1,40})")


@dataclass(eq=False)
class MalformedCredential(Malformed):
    """The payload is not a certificate as this project writes it."""

    code: ClassVar[str] = "malformed-credential"
    clause: ClassVar[str | None] = "VC Data Model 2.0, 4"
    reason: str

    def __str__(self) -> str:
        return f"the certificate is not written as it must be: {self.reason}"


@dataclass(frozen=True, slots=True)
class Signatory:
    """Who signed for the body; the name is the one that was notified (S4 6.5)."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Subject:
    """What the certificate says of the goods; `claims` are the boxes of the form."""

    id: str
    type_: tuple[str, ...]
    agreement: Annotated[str, HEX_256]
    env: str
    scheme: str
    rules_set: str = field(metadata={"name": "rulesSet"})
    number: _NUMBER
    issued_in: _COUNTRY = field(metadata={"name": "issuedIn"})
    presented_in: _COUNTRY = field(metadata={"name": "presentedIn"})
    issue_date: LocalDate = field(metadata={"name": "issueDate"})
    signatory: Signatory
    nonce: Annotated[str, HEX_128]
    claims: JsonObject
    relations: tuple[Relation, ...] = ()


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate: who issued it (`node`, `body`), what it says (`subject`), its dates and its status index."""

    node: str
    body: str
    body_name: str
    valid_from: datetime
    valid_until: datetime
    status_list: str
    status_index: int
    subject: Subject

    @property
    def id(self) -> str:
        """The certificate's id under the node's name."""
        return certificate_id(self.node, self.body, self.year, self.subject.number)

    @property
    def year(self) -> int:
        """The year of issue, by the local date."""
        return self.subject.issue_date.day.year

    @property
    def issuer(self) -> Did:
        """The DID of the body."""
        return body_did(self.node, self.body)

    @property
    def last_day(self) -> date:
        """The last day of validity by the clock that it was counted by: for a duplicate that of its original."""
        original = self.relation(DUPLICATES)
        counted = self.subject.issue_date if original is None else original.issue_date
        assert counted is not None
        return counted.offset.local_date(self.valid_until).day

    def relation(self, kind: str) -> Relation | None:
        """Return its relation of a kind."""
        return next((each for each in self.subject.relations if each.kind == kind), None)

    def encode(self) -> JsonObject:
        """Write the credential."""
        return {**self._framed(), "credentialSubject": encode(self.subject)}

    def _framed(self) -> JsonObject:
        """Write what stands around the subject: it follows from the certificate's own fields."""
        status_list = f"https://{self.node}/status/{self.status_list}"
        scheme = f"{self.subject.scheme}/{self.subject.rules_set.lower()}"
        return {
            "@context": [CREDENTIALS_V2, f"https://{self.node}/contexts/{self.subject.scheme}/v1"],
            "type": ["VerifiableCredential", "CertificateOfOriginCredential"],
            "id": self.id,
            "issuer": {"id": self.issuer, "name": self.body_name, "type": ["CredentialIssuer"]},
            "validFrom": write_instant(self.valid_from),
            "validUntil": write_instant(self.valid_until),
            "credentialStatus": {
                "id": f"{status_list}#{self.status_index}",
                "type": "BitstringStatusListEntry",
                "statusPurpose": "revocation",
                "statusListIndex": str(self.status_index),
                "statusListCredential": status_list,
            },
            "credentialSchema": {"id": f"https://{self.node}/schemas/{scheme}/v1", "type": "JsonSchema"},
        }

    @classmethod
    def parse(cls, payload: JsonObject) -> Self:
        """Read a credential that was read canonically.

        Raises `MalformedCredential`, `MalformedRecord`, `MalformedTime`.
        """
        match payload:
            case {
                "id": str(id),
                "issuer": {"name": str(body_name)},
                "validFrom": str(valid_from),
                "validUntil": str(valid_until),
                "credentialStatus": {"statusListIndex": str(index), "statusListCredential": str(status_list)},
                "credentialSubject": subject,
            }:
                named, status = CERTIFICATE.fullmatch(id), _STATUS_LIST.fullmatch(status_list)
            case _:
                raise MalformedCredential("one of its members is missing, or is not what it must be")
        if named is None or not NAME.fullmatch(named["node"]) or not CODE.fullmatch(named["body"]):
            raise MalformedCredential("its id is not that of a certificate")
        if status is None or not _INDEX.fullmatch(index):
            raise MalformedCredential("its status entry is not one")
        certificate = cls(
            named["node"],
            named["body"],
            body_name,
            read_instant(valid_from),
            read_instant(valid_until),
            status["list"],
            int(index),
            decode(Subject, subject, "credentialSubject"),
        )
        if {**certificate._framed(), "credentialSubject": subject} != payload:
            raise MalformedCredential("its id, type, context, schema or status entry contradict what it says")
        if certificate.subject.id != f"{certificate.id}#goods" or certificate.subject.type_ != ("CertificateOfOrigin",):
            raise MalformedCredential("its subject is not the goods of this certificate")
        if certificate.valid_until < certificate.valid_from:
            raise MalformedCredential("it ends before it begins")
        relations = certificate.subject.relations
        if not all(each.is_whole for each in relations) or len({each.kind for each in relations}) < len(relations):
            raise MalformedCredential("a relation of it stands twice, or does not say what its kind says")
        if any(each.certificate == certificate.id for each in relations):
            raise MalformedCredential("it is related to itself")
        if certificate.subject.issue_date.offset.local_date(certificate.valid_from) != certificate.subject.issue_date:
            raise MalformedCredential("its date of issue is not the local date of its signing")
        return certificate
