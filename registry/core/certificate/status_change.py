"""A change of status, signed by the body itself: a channel message only carries it (formats 3; S4 9.4)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from registry.core.calendar import LocalDate
from registry.core.canonical import JsonObject
from registry.core.identifiers import CERTIFICATE, HEX_128, HEX_256
from registry.core.record import MalformedRecord, decode, encode


class Status(StrEnum):
    """What a certificate became. `annulled` and `replaced` are for ever; a scheme may know the other two."""

    ANNULLED = "annulled"
    REPLACED = "replaced"
    SUSPENDED = "suspended"
    REINSTATED = "reinstated"


@dataclass(frozen=True, slots=True)
class StatusChange:
    """One change, with two times: from when it holds in law, and when it was recorded."""

    env: str
    issuer: str
    certificate: str
    digest: Annotated[str, HEX_256]
    status: Status
    reason: str
    effective_from: LocalDate
    recorded_at: datetime
    proposed_by: str
    confirmed_by: str
    nonce: Annotated[str, HEX_128]
    replaced_by: Annotated[str, CERTIFICATE] | None = None
    """The certificate that was issued in lieu (S4 8.3)."""

    @classmethod
    def parse(cls, payload: JsonObject) -> Self:
        """Read a change; raises `MalformedRecord`."""
        change = decode(cls, payload)
        if (change.replaced_by is not None) != (change.status is Status.REPLACED):
            raise MalformedRecord("replaced_by", "stands where nothing replaces it, or is missing where something does")
        return change

    def from_start(self, issued: LocalDate) -> bool:
        """Whether it holds from the day of issue on, so that the certificate was never in force (S4 9.4)."""
        return self.effective_from.day <= issued.day

    def encode(self) -> JsonObject:
        """Write the change as the object that the body signs."""
        return encode(self)
