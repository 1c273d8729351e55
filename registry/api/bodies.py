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
Object = Annotated[
    dict[str, Any], Field(description="Read by the core; its members are in api_docs/guide/exporter.md.")
]


class Reason(Body):
    """A decision that needs words."""

    reason: Text
