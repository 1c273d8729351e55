"""The words of the lifecycles are kept in rows, signed and sent: another spelling is another word to the peer."""

from enum import StrEnum

import pytest

from registry.core.application.clock import ClockRuns, ClockStands, Why
from registry.core.application.lifecycle import DONE, IllegalMove, Move, Part, State
from registry.core.certificate.clarification import ClarificationDiffers, NotClarifiable
from registry.core.certificate.lifecycle import (
    AlreadyAnnulled,
    Approver,
    ChangeNotInScheme,
    IllegalChange,
    ProposalDiffers,
    SameName,
    SamePerson,
    Standing,
)
from registry.core.errors import RegistryError

WORDS: dict[type[StrEnum], str] = {
    State: "draft submitted in_examination draft_offered approved issued refused withdrawn",
    Move: "submit take_up send_back refuse offer_draft accept object issue withdraw stop resume lapse",
    Part: "applicant examiner signatory",
    Why: "draft contract payment force_majeure",
    Standing: "in-force suspended annulled replaced",
    Approver: "signatory examiner",
}
CODES: dict[type[RegistryError], tuple[str, str | None]] = {
    IllegalMove: ("illegal-move", None),
    ClockStands: ("clock-stands", "S5 4.3"),
    ClockRuns: ("clock-runs", "S5 4.3"),
    AlreadyAnnulled: ("already-annulled", None),
    IllegalChange: ("illegal-change", None),
    ChangeNotInScheme: ("change-not-in-scheme", "S4 10.1"),
    SamePerson: ("same-person", None),
    SameName: ("same-name", "S5 3.15"),
    ProposalDiffers: ("proposal-differs", None),
    NotClarifiable: ("not-clarifiable", "R09 9-2.2"),
    ClarificationDiffers: ("clarification-differs", "R09 9-2.2"),
}


@pytest.mark.parametrize("kind", list(WORDS))
def test_a_word_keeps_its_spelling(kind: type[StrEnum]) -> None:
    assert [word.value for word in kind] == WORDS[kind].split()
    assert [word.name.lower().replace("_", "-") for word in kind] == [word.value.replace("_", "-") for word in kind]


@pytest.mark.parametrize("refusal", list(CODES))
def test_a_code_keeps_its_spelling_and_its_clause(refusal: type[RegistryError]) -> None:
    assert (refusal.code, refusal.clause) == CODES[refusal]
    assert refusal.__hash__ is BaseException.__hash__  # one that is compared by its fields cannot be kept in a set


def test_people_are_told_what_each_move_did_in_these_words() -> None:
    assert list(DONE) == list(Move)
    assert ", ".join(DONE.values()) == (
        "submitted, taken up, sent back, refused, offered as a draft, accepted, objected to, issued, withdrawn, "
        "stopped, resumed, ended by silence"
    )
