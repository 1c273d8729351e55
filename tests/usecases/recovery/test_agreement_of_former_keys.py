"""An agreement that list keys of before signed is adopted again by a restored node, whose log says that it had been."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from registry.core.envelope.jose import Typ, join, seal
from registry.core.identifiers import authority_did
from registry.core.trust.believed_list import ListNotTrusted
from registry.core.trust.document_signer import Purpose
from registry.core.verification.bundle import open_bundle
from registry.core.verification.presentation import Presentation
from registry.core.verification.verdict import Indication
from registry.core.verification.verify import verify
from registry.signing.ceremony import Authority, make_key
from registry.signing.key_file import FileSigner
from registry.usecases.trust import adopt_trust_list
from tests.kit import NAMES, SECRET, Corridor, Country, agreed, draft_list, list_signers, material_of, sign_list
from tests.usecases.fsck.lived import found
from tests.usecases.recovery.restored import Backup, carry, recovered
from tests.usecases.trust.test_keys_over_time import ask
from tests.usecases.verification.test_export_bundle import export

HOUR = timedelta(hours=1)


def list_of_new_keys(corridor: Corridor, folder: Path) -> str:
    """Return a list of Minsk of a new epoch, by new list keys."""
    by = corridor.by
    did, authority = authority_did(NAMES["BY"]), Authority(by.node.settings.keys, SECRET)
    folder.mkdir()
    for label in ("list-3", "list-4"):
        make_key(authority, folder, label, SECRET, purpose=Purpose.LIST, uris=[did], at=corridor.clock() - HOUR)
    signers = tuple(FileSigner.open(folder, label, SECRET) for label in ("list-3", "list-4"))
    material = replace(material_of(by.node), list_keys=[signer.certificate for signer in signers])
    return sign_list(draft_list(by.node, material, new_epoch=True), signers)


def second_agreement(corridor: Corridor, *codes: str) -> str:
    signers = [signer for code in codes for signer in list_signers(corridor.forge, code)]
    return join([seal(agreed(title="Второе соглашение").encode(), Typ.AGREEMENT, signer) for signer in signers])


def adopt(country: Country, text: str) -> None:
    beliefs = country.beliefs()
    with country.tx() as tx:
        by = country.people["operator"].actor
        how = {"own_country": country.code, "env": "demo", "at": country.clock(), "draw": country.node.draw}
        adopt_trust_list.adopt_agreement(tx, text, beliefs, by=by, **how)  # type: ignore[arg-type]


def test_a_restored_node_adopts_again_what_former_list_keys_signed(corridor: Corridor, tmp_path: Path) -> None:
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    by.issued()
    carry(by, uz)
    backup = Backup.take(corridor.forge, uz)
    corridor.clock.forward(HOUR)
    text = second_agreement(corridor, "BY", "UZ")
    for country in (by, uz):
        adopt(country, text)
    corridor.clock.forward(HOUR)
    row = by.issued()
    carry(by, uz)
    carry(uz, by)
    newest = list_of_new_keys(corridor, tmp_path / "keys")
    for country in (by, uz):
        country.adopts(newest)
    backup.restore()
    backup.drop()
    uz.adopts(newest)
    uz.adopts(sign_list(draft_list(uz.node, material_of(uz.node)), list_signers(corridor.forge, "UZ")))
    with pytest.raises(ListNotTrusted):
        adopt(uz, text)
    recovered(uz, by)
    adopt(uz, text)
    uz.hears(by.states(), by)
    assert ask(uz, row.number)[0] is Indication.TOTAL_PASSED
    device = open_bundle(export(uz).text, uz.node.pins)
    shown = verify(Presentation(row.envelope, row.proof), device.trusted, device.read, at=uz.clock())
    assert shown.decisive is None or shown.decisive.code != "agreement-unknown"
    assert found(uz) == []
