"""What is known beside the signed text of a certificate that the body's own system issued; never changed."""

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.store.database import Row


class Registration(Row):
    """One registration: who examined, and the serial that the number holds; when it was stands at the certificate."""

    __tablename__ = "registration"

    certificate: Mapped[str] = mapped_column(ForeignKey("certificate.id"), primary_key=True)
    serial: Mapped[int]
    examiner: Mapped[str]
    examiner_name: Mapped[str]


def registration(tx: Session, certificate: str) -> Registration | None:
    """Return the registration of a certificate; None where it was not registered here."""
    return tx.get(Registration, certificate)
