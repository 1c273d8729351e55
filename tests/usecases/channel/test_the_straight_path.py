"""The main job, at the floor of the use cases: from an application to a verdict in the other country."""

from registry.core.verification.verdict import Indication
from registry.store import certificates
from registry.usecases.verification import verify_certificate
from tests.kit import Corridor


def test_a_certificate_crosses_the_border(corridor: Corridor) -> None:
    issued = corridor.by.issued()
    corridor.by.deliver(corridor.uz)
    uz = corridor.uz
    with uz.tx() as tx:
        answer = verify_certificate.by_number(
            tx, issued.number, uz.beliefs(), id=None, env="demo", country="UZ", day=None, **uz.by("officer")
        )
    assert answer.verdict.indication is Indication.TOTAL_PASSED
    with uz.tx() as tx:
        held = certificates.certificate(tx, issued.id)
        assert held is not None
        assert held.envelope == issued.envelope
