"""Products and their evidence files."""

from dataclasses import replace

import pytest

from registry.core.product.identifiers import InvalidIdentifier
from registry.core.product.product import Party, Product
from registry.core.tlog.entry import Kind
from registry.store import products
from registry.store.products import MediaType
from registry.usecases.application import keep_product
from registry.usecases.application.keep_product import EvidenceNotAccepted, ProductNotFound, VersionStale, recognise
from registry.usecases.party.identify_party import RoleMissing
from tests.kit import Corridor

TRACTOR = Product("Трактор", "8701300000", Party("ОАО «Завод»", "Минск", "BY"), "Произведён полностью.")
PDF = b"%PDF-1.4\nan expert's act"


def test_a_product_is_kept_and_changed_by_whoever_saw_its_newest_version(corridor: Corridor) -> None:
    by = corridor.by
    with by.tx() as tx:
        kept = keep_product.keep(tx, TRACTOR, **by.by("exporter"))
    with by.tx() as tx:
        changed = keep_product.change(
            tx, kept.id, replace(TRACTOR, description="Трактор 2"), version=1, **by.by("second_exporter")
        )
    assert (changed.version, changed.content["description"]) == (2, "Трактор 2")
    with by.refuses(VersionStale) as refused:
        keep_product.change(refused.tx, kept.id, TRACTOR, version=1, **by.by("exporter"))
    assert str(refused.value) == "it was changed meanwhile, and is at version 2"
    assert [act.private["version"] for act in by.acts(Kind.PRODUCT_KEPT)].count(2) == 1


def test_a_product_of_another_organisation_does_not_exist_for_the_asker(corridor: Corridor) -> None:
    by = corridor.by
    with by.tx() as tx:
        kept = keep_product.keep(tx, TRACTOR, **by.by("exporter"))
    with by.refuses(ProductNotFound) as refused:
        keep_product.change(refused.tx, kept.id, TRACTOR, version=1, **by.by("stranger"))
    assert str(refused.value) == "there is no such product"
    with by.refuses(ProductNotFound) as refused:
        keep_product.attach(refused.tx, kept.id, "act.pdf", PDF, **by.by("stranger"))


def test_only_exporters_keep_products(corridor: Corridor) -> None:
    by = corridor.by
    with by.refuses(RoleMissing) as refused:
        keep_product.keep(refused.tx, TRACTOR, **by.by("officer"))
    assert str(refused.value) == "this is the work of someone with the role exporter"
    with by.refuses(RoleMissing) as refused:
        keep_product.change(refused.tx, "any", TRACTOR, version=1, **by.by("examiner"))
    with by.refuses(RoleMissing) as refused:
        keep_product.attach(refused.tx, "any", "act.pdf", PDF, **by.by("operator"))


def test_a_commodity_code_that_cannot_be_one_is_not_kept(corridor: Corridor) -> None:
    by = corridor.by
    wrong = replace(TRACTOR, hs_code="87013")
    with by.tx() as tx:
        kept = keep_product.keep(tx, TRACTOR, **by.by("exporter"))
    with by.refuses(InvalidIdentifier) as refused:
        keep_product.keep(refused.tx, wrong, **by.by("exporter"))
    with by.refuses(InvalidIdentifier) as refused:
        keep_product.change(refused.tx, kept.id, wrong, version=1, **by.by("exporter"))


def test_a_file_is_kept_once_whoever_attaches_it_however_often(corridor: Corridor) -> None:
    by = corridor.by
    with by.tx() as tx:
        first = keep_product.keep(tx, TRACTOR, **by.by("exporter"))
        second = keep_product.keep(tx, TRACTOR, **by.by("stranger"))
    for product, who in ((first, "exporter"), (first, "second_exporter"), (second, "stranger")):
        with by.tx() as tx:
            digest, media_type = keep_product.attach(tx, product.id, "act.pdf", PDF, **by.by(who))
        assert media_type is MediaType.PDF
    assert len(by.acts(Kind.EVIDENCE_KEPT)) == 2
    assert len(by.everything()["evidence_file"]) == 1
    with by.node.database.read() as tx:
        found = products.file(tx, first.id, digest)
        assert found is not None
        assert found[1].content == PDF
        assert products.file(tx, first.id, "0" * 64) is None
        assert [(row[1], row[2]) for row in products.evidence(tx, first.id)] == [("application/pdf", len(PDF))]


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("акт.PDF", PDF, MediaType.PDF),
        ("a.png", b"\x89PNG\r\n\x1a\n...", MediaType.PNG),
        ("a.jpeg", b"\xff\xd8\xff...", MediaType.JPEG),
        ("a.JPG", b"\xff\xd8\xff...", MediaType.JPEG),
    ],
)
def test_a_file_is_what_its_first_bytes_and_its_name_both_say(name: str, content: bytes, kind: MediaType) -> None:
    assert recognise(name, content) is kind


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("", PDF, "its name is"),
        ("a/b.pdf", PDF, "its name is"),
        ("a\\b.pdf", PDF, "its name is"),
        ("a\n.pdf", PDF, "its name is"),
        ("\u202efdp.exe.pdf", PDF, "its name is"),
        ("x" * 201, PDF, "its name is"),
        ("a.png", PDF, "and its name says otherwise"),
        ("a.pdf", b"PK\x03\x04", "neither PDF, PNG nor JPEG"),
        ("a.pdf", b"", "neither PDF, PNG nor JPEG"),
    ],
)
def test_a_file_that_is_not_what_it_is_called_is_not_kept(name: str, content: bytes, reason: str) -> None:
    with pytest.raises(EvidenceNotAccepted, match=reason):
        recognise(name, content)


def test_a_file_that_is_not_accepted_changes_nothing(corridor: Corridor) -> None:
    by = corridor.by
    with by.tx() as tx:
        kept = keep_product.keep(tx, TRACTOR, **by.by("exporter"))
    with by.refuses(EvidenceNotAccepted) as refused:
        keep_product.attach(refused.tx, kept.id, "act.png", PDF, **by.by("exporter"))
