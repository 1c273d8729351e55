"""Names and ids, and the one spelling of each (formats 1)."""

import re
from typing import NewType

Country = NewType("Country", str)
"""ISO 3166-1 alpha-2, upper case."""
Did = NewType("Did", str)
"""`did:web:<name>` of a node, `did:web:<name>:bodies:<code>` of a body, `did:web:<name>:authority` of list keys."""
Kid = NewType("Kid", str)
"""`<DID>#<RFC 7638 thumbprint>`: the whole string is looked up, never a part of it."""
Digest = NewType("Digest", str)
"""SHA-256 in lower-case hex."""
ActId = NewType("ActId", str)
"""128 random bits in lower-case hex."""

HEX_128 = re.compile(r"[0-9a-f]{32}")
HEX_256 = re.compile(r"[0-9a-f]{64}")
NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+")
CODE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
CERTIFICATE = re.compile(
    r"(?=.{1,500}\Z)https://(?P<node>[a-z0-9.-]+)/certificates/(?P<body>[a-z0-9-]+)/(?P<year>\d{4})/(?P<number>[A-Z0-9/-]+)"
)
"""The id of a certificate, in its parts."""


def node_did(name: str) -> Did:
    """Return the DID of the node called `name`."""
    return Did(f"did:web:{name}")


def body_did(name: str, code: str) -> Did:
    """Return the DID of the certification body `code` of the node called `name`."""
    return Did(f"did:web:{name}:bodies:{code}")


def authority_did(name: str) -> Did:
    """Return the DID under which a country's list keys sign."""
    return Did(f"did:web:{name}:authority")


def log_origin(name: str) -> str:
    """Return the origin of the log of the node called `name`."""
    return f"{name}/log"


def certificate_id(name: str, body: str, year: int, number: str) -> str:
    """Return the id of a certificate; numbers repeat between bodies and, with one-digit years, after ten years."""
    return f"https://{name}/certificates/{body}/{year}/{number}"
