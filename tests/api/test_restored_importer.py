"""An importing country whose database was restored and not recovered: nothing that its guard knows more of is fresh."""

from datetime import timedelta

from registry.store.certificates import CertificateRow
from registry.store.guard import received
from tests.api.conftest import tashkent  # noqa: F401  the office of the importing country
from tests.api.desk import Documented, open_office
from tests.kit import Corridor
from tests.usecases.recovery.restored import Backup, carry
from tests.usecases.trust.test_keys_over_time import ask


def restored_before_an_annulment(corridor: Corridor) -> CertificateRow:
    """Let Tashkent learn of an annulment and lose it again; return the certificate."""
    by, uz = corridor.by, corridor.uz
    row = by.issued()
    carry(by, uz)
    carry(uz, by)
    uz.hears(by.states(), by)
    corridor.clock.forward(timedelta(hours=1))
    backup = Backup.take(corridor.forge, uz)
    by.annulled(row)
    carry(by, uz)
    backup.restore()
    backup.drop()
    return row


def test_no_verdict_of_a_backup_passes_what_more_is_known_of(corridor: Corridor, documented: Documented) -> None:
    row = restored_before_an_annulment(corridor)
    with open_office(corridor.uz, documented) as office:
        ready = office.get("/health/ready")
        assert ready.status_code == 503
        assert [wrong.partition(":")[0] for wrong in ready.json()["wrong"]] == ["received-behind"]
        officer, question = office.desk("officer"), {"number": row.number}
        one = officer.post("/api/v1/verifications", question).json()
        (bulk,) = officer.post("/api/v1/verifications/bulk", {"questions": [question]}).json()["answers"]
        held = office.desk("importer").post("/api/v1/verifications/held", question | {"id": row.id}).json()
        for verdict in (one, bulk["verdict"], held):
            assert verdict["indication"] == "INDETERMINATE"
            assert "status-stale" in {finding["code"] for finding in verdict["findings"]}


def test_no_word_is_fresh_where_the_guard_cannot_say_what_came(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    row = by.issued()
    carry(by, uz)
    uz.hears(by.states(), by)
    assert ask(uz, row.number)[1] == ""
    assert [(peer, epoch) for peer, epoch, _ in received(uz.node.guard.marks())] == [(by.did, 1)]
    uz.node.guard.path.unlink()
    assert ask(uz, row.number)[1] == "status-stale"
