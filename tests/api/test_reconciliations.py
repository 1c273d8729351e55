"""Auditor and operator read how each month stands, and every difference, by certificate."""

from sqlalchemy import delete

from registry.store.certificates import CertificateRow
from tests.api.desk import Office, assert_problem
from tests.kit import Corridor
from tests.usecases.channel.months import end_month, pass_on, settle_both, settles

PATH = "/api/v1/reconciliations"
MONTH = "2026-11"


def test_an_auditor_sees_a_month_from_its_statement_to_what_both_agree_on(corridor: Corridor, minsk: Office) -> None:
    by, uz, auditor = corridor.by, corridor.uz, minsk.desk("auditor")
    row = by.issued()
    by.annulled(row)
    by.issued()
    pass_on(by, uz)
    assert auditor.get(PATH).json() == {"items": []}
    end_month(corridor)
    settles(by, uz)
    (stated,) = auditor.get(PATH).json()["items"]
    assert stated == {
        "month": MONTH,
        "issuer": by.did,
        "receiver": uz.did,
        "statement": stated["statement"],
        "stated_at": "2026-12-01T01:00:00Z",
        "state": "stated",
    }
    shown = auditor.get(f"{PATH}/{stated['statement']}").json()
    assert "delivered" not in shown
    settle_both(corridor)
    shown = auditor.get(f"{PATH}/{stated['statement']}").json()
    assert (shown["state"], shown["differences"], shown["found"]) == ("agreed", 0, [])
    assert shown["issued"] == shown["delivered"]
    counted = {name: shown["issued"][name] for name in ("certificates", "changes", "clarifications", "standings")}
    assert counted == {
        "certificates": 2,
        "changes": 1,
        "clarifications": 0,
        "standings": {"annulled": 1, "in-force": 1},
    }


def test_an_operator_sees_what_differs_and_why_it_was_let_stand(corridor: Corridor, minsk: Office) -> None:
    by, uz, operator = corridor.by, corridor.uz, minsk.desk("operator")
    gone = by.issued()
    pass_on(by, uz)
    with corridor.forge.breaking(uz) as tx:
        tx.execute(delete(CertificateRow))
    end_month(corridor)
    settle_both(corridor)
    (item,) = operator.get(f"{PATH}?month={MONTH}").json()["items"]
    assert (item["state"], item["differences"]) == ("differs", 1)
    (difference,) = operator.get(f"{PATH}/{item['statement']}").json()["found"]
    assert difference == {"code": "not-delivered", "certificate": gone.id, "issued": gone.digest}
    (task,) = operator.get("/api/v1/tasks?kind=reconciliation.differs").json()["items"]
    assert task["subject"] == f"{MONTH} {by.did} {uz.did}"
    operator.post(f"/api/v1/tasks/{task['id']}/close", {"reason": "Отправлено заново."})
    (item,) = operator.get(f"{PATH}?month={MONTH}").json()["items"]
    assert (item["state"], item["reason"]) == ("closed", "Отправлено заново.")


def test_months_come_in_pages_newest_first(corridor: Corridor, minsk: Office) -> None:
    by, uz, auditor = corridor.by, corridor.uz, minsk.desk("auditor")
    by.issued()
    uz.issued("cotton-yarn")
    pass_on(by, uz)
    pass_on(uz, by)
    end_month(corridor)
    settle_both(corridor)
    whole = auditor.get(PATH).json()
    assert {item["issuer"] for item in whole["items"]} == {by.did, uz.did}
    first = auditor.get(f"{PATH}?limit=1").json()
    rest = auditor.get(f"{PATH}?limit=1&after={first['next']}").json()
    assert first["items"] + rest["items"] == whole["items"]
    assert "next" not in rest
    assert auditor.get(f"{PATH}?month=2026-10").json() == {"items": []}


def test_what_no_statement_begins_is_not_there(minsk: Office) -> None:
    auditor = minsk.desk("auditor")
    assert_problem(auditor.get(f"{PATH}/{'0' * 64}"), 404, "reconciliation-not-found")
    assert_problem(auditor.get(f"{PATH}?month=2026-13"), 422, "request-invalid")
    assert_problem(minsk.desk("examiner").get(PATH), 403, "role-missing")
