"""A newer agreement for a country of the kit, signed by both, as the ceremony would have it adopted."""

from datetime import timedelta
from typing import Any

from registry.core.agreement import NeutralWitness
from registry.core.envelope.jose import Typ, join, seal
from registry.core.record import encode
from registry.usecases.trust import adopt_trust_list
from tests import kit


def adopt_with(forge: kit.Forge, country: kit.Country, *neutral: NeutralWitness) -> None:
    """Adopt the agreement of the kit with these neutral witnesses: from now on any of them is the quorum."""
    changes: dict[str, Any] = {"neutral_witnesses": [encode(each) for each in neutral]}
    agreement = kit.agreed(**changes)
    signers = [signer for code in kit.NAMES for signer in kit.list_signers(forge, code)]
    text = join([seal(agreement.encode(), Typ.AGREEMENT, signer) for signer in signers])
    country.clock.forward(timedelta(seconds=1))
    beliefs = country.beliefs()
    with country.tx() as tx:
        adopt_trust_list.adopt_agreement(
            tx,
            text,
            beliefs,
            own_country=country.code,
            env="demo",
            by=country.people["operator"].actor,
            at=country.clock(),
            draw=country.node.draw,
        )
