"""Six kinds of no.

Every refusal of the registry is one of these. A subclass lives beside the rule that raises it, is a dataclass whose
fields are public (they become members of the problem document, RFC 9457), names itself by `code`, says in `__str__`
what is so, and cites in `clause` the source of the rule, where there is one.
"""

from typing import ClassVar


class RegistryError(Exception):
    """A refusal with a stable `code`. Use one of the six kinds below, never this class itself."""

    code: ClassVar[str]
    clause: ClassVar[str | None] = None


class Malformed(RegistryError):
    """What came in cannot be read: it is not in the one spelling that is accepted."""


class Refused(RegistryError):
    """Whoever asks may not do this."""


class NotFound(RegistryError):
    """There is no such thing, or none that the one who asks may know of."""


class Conflict(RegistryError):
    """The thing is in another state than the request supposes."""


class Unprocessable(RegistryError):
    """It can be read, and a rule forbids it."""


class Unavailable(RegistryError):
    """It cannot be answered now; the same request may succeed later."""
