"""A key is stolen: one country publishes the list that revokes it, and nobody at the other node does anything."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from registry.core.calendar import write_instant
from registry.demo import casework
from registry.demo.birth import publish
from registry.demo.country import Country
from registry.demo.desk import Desk, wait_for
from registry.store.tasks import TaskKind
from tests.two_nodes.world import discrepancies, settle

KNOWN_WITHIN = 60


def test_a_revoked_signer_is_known_at_the_other_customs_within_a_minute(renewed: Mapping[str, Country]) -> None:
    """PROMISES R1: from the publication by a command to the verdict of the other node, with no person there."""
    home, abroad = renewed["BY"], renewed["UZ"]
    stolen_at = datetime.now(UTC).replace(microsecond=0)
    certificate = _issued(home)
    assert _verdict(abroad, certificate)["indication"] == "TOTAL-PASSED"
    (kid,) = [row["kid"] for row in home.run("trust", "show", "--signers") if row["body"] == "bcci"]  # type: ignore[index]
    publish(home, "--revoke", kid, "--from", write_instant(stolen_at), "--reason", "украден ноутбук")
    verdict = wait_for(lambda: _failed(abroad, certificate), "the revocation at the other customs", KNOWN_WITHIN)
    (finding,) = [each for each in verdict["findings"] if each["outcome"] == "failed"]
    assert finding["code"] == "signer-revoked"
    waiting = Desk(abroad, "officer").get(f"/api/v1/tasks?kind={TaskKind.SIGNER_REVOKED_AFTER_USE}").body["items"]
    assert [task["detail"]["certificate"] for task in waiting] == [certificate["id"]], "who let it in is told"
    settle(renewed)
    assert [discrepancies(country) for country in renewed.values()] == [[], []]


def _issued(home: Country) -> dict[str, Any]:
    certificate = casework.issue(home, casework.approve(home, "tractors", casework.applications()["tractors"]))
    casework.delivered(home, certificate)
    return certificate


def _verdict(abroad: Country, certificate: Mapping[str, Any]) -> dict[str, Any]:
    asked = {"number": certificate["number"]}
    verdict: dict[str, Any] = Desk(abroad, "officer").post("/api/v1/verifications", asked).body
    return verdict


def _failed(abroad: Country, certificate: Mapping[str, Any]) -> dict[str, Any] | None:
    verdict = _verdict(abroad, certificate)
    return verdict if verdict["indication"] == "TOTAL-FAILED" else None
