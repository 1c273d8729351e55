"""What is known beside the signed text of a certificate that the body's own system issued; never changed."""

from datetime import date

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.store.database import Row


class Registration(Row):
    """One registration: who examined, the serial that the number holds, and by which day it was due."""

    __tablename__ = "registration"

    certificate: Mapped[str] = mapped_column(ForeignKey("certificate.id"), primary_key=True)
    serial: Mapped[int]
    examiner: Mapped[str]
    examiner_name: Mapped[str]
    registered_on: Mapped[date]
    due_on: Mapped[date | None]

    @property
    def late(self) -> bool | None:
        """Whether it came after the day it was due; None where no calendar says which day that was."""
        return None if self.due_on is None else self.registered_on > self.due_on


def registration(tx: Session, certificate: str) -> Registration | None:
    """Return the registration of a certificate; None where it was not issued outside."""
    return tx.get(Registration, certificate)
