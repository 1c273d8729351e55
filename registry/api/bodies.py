"""What bodies have in common: no unknown member, text with an end, and claims that the core reads."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class Body(BaseModel):
    """A request body: an unknown member is refused, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Text = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
Short = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
HexId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Hex256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Day = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d$")]
LocalDay = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d[+-]\d\d:\d\d$")]
Object = Annotated[dict[str, Any], Field(description="Read by the core; see the forms in the guide.")]


class Reason(Body):
    """A decision that needs words."""

    reason: Text
