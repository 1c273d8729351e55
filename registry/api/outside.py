"""How a certificate that was issued outside is marked wherever it is shown in full."""

from typing import Annotated

from pydantic import BaseModel, Field

from registry.store.registrations import Registration


class RegistrationView(BaseModel):
    """It was issued by the body's own system: who examined there, and whether it was registered in time."""

    examiner: str
    registered_on: str
    due_on: Annotated[
        str | None, Field(description="The working day after the day of issue; absent where no calendar says.")
    ]
    late: bool | None

    @classmethod
    def of(cls, row: Registration) -> "RegistrationView":
        """Render a row; every date is a local one of the issuing country."""
        return cls(
            examiner=row.examiner_name,
            registered_on=row.registered_on.isoformat(),
            due_on=None if row.due_on is None else row.due_on.isoformat(),
            late=row.late,
        )
