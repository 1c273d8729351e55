"""What bodies have in common: no unknown member, text with an end, and claims that the core reads."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from registry.core.product.texts import MAX_TEXT, unfit


class Body(BaseModel):
    """A request body: an unknown member is refused, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def fit(text: str) -> str:
    """Return a text that may be kept or signed; raises `ValueError`."""
    if reason := unfit(text, lines=True):
        raise ValueError(f"the text {reason}")
    return text


Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT), AfterValidator(fit)]
"""Words of a person that are kept or signed: in the one spelling that a signature takes."""
Short = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
HexId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Hex256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Day = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d$")]
LocalDay = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d[+-]\d\d:\d\d$")]
Object = Annotated[
    dict[str, Any], Field(description="Read by the core; its members are in api_docs/guide/exporter.md.")
]


class Reason(Body):
    """A decision that needs words."""

    reason: Text
