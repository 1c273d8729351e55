"""Which roles an operation is for: written beside it, shown in the documents, and held to what it does by tests."""

from typing import Any

from registry.store.parties import Role

ROLES = "x-roles"


def allowed(*roles: Role) -> dict[str, Any]:
    """Return the route's arguments that name the roles; none means that it is public."""
    return {"openapi_extra": {ROLES: sorted(role.value for role in roles)}}


def public() -> dict[str, Any]:
    """Return the route's arguments of a public operation."""
    return allowed()
