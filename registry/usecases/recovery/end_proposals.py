"""End what a backup brought back to be confirmed or issued: what was withdrawn or sent back since waits for nobody."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from registry.core.application import lifecycle
from registry.core.application.lifecycle import Move, State
from registry.core.canonical import Json
from registry.core.tlog.entry import Kind, Leaf
from registry.store import applications, parties, proposals
from registry.store.acts import Actor, Draw
from registry.store.annulments import Annulment
from registry.store.applications import Application
from registry.store.clarifications import ClarificationProposal
from registry.usecases.application import examine_application, run_clock
from registry.usecases.certificate import change_status, clarify_certificate
from registry.usecases.party import issue_token
from registry.usecases.party.follow_proposals import open_token_proposals
from registry.usecases.recovery.end_powers import OF_TOKENS

OF_PROPOSALS = OF_TOKENS | {Kind.TOKEN_WITHDRAWN}
"""Each may have ended a proposal of a token, or taken the role from who made it."""
ANSWERS = frozenset({Kind.APPLICATION_OBJECTED, Kind.APPLICATION_WITHDRAWN})
REASON = (
    "This node was restored from a backup: the log says that an application was sent back, objected to or withdrawn "
    "since, and not which one. Whoever goes on with this one looks at it anew."
)


def end_proposals(
    tx: Session, lost: Iterable[Kind], unseen: int, *, by: Actor, at: datetime, draw: Draw
) -> dict[str, Json]:
    """End every open proposal of a kind of which the act that withdrew one is lost, or may be among `unseen` entries.

    Whoever still wants it proposes it anew.
    """
    kinds = frozenset(lost)
    ended: dict[str, int] = {"annulment": 0, "clarification": 0, "token": 0}
    if unseen or kinds & OF_PROPOSALS:
        for act in open_token_proposals(tx, at):
            issue_token.end_proposal(tx, str(act.subject), act.private["sha256"], by=by, at=at, draw=draw)
            ended["token"] += 1
    if unseen or Kind.ANNULMENT_WITHDRAWN in kinds:
        for annulment in proposals.waiting(tx, Annulment):
            change_status.end_proposal(tx, annulment, by=by, at=at, draw=draw)
            ended["annulment"] += 1
    if unseen or Kind.CLARIFICATION_WITHDRAWN in kinds:
        for clarification in proposals.waiting(tx, ClarificationProposal):
            clarify_certificate.end_proposal(tx, clarification, by=by, at=at, draw=draw)
            ended["clarification"] += 1
    return {"proposals_ended": {kind: count for kind, count in ended.items() if count}}


def return_applications(
    tx: Session, lost: Collection[Leaf], unseen: int, *, by: Actor, at: datetime, draw: Draw
) -> dict[str, Json]:
    """Send back what is approved where its body sent one back since: nothing is issued that nobody approved anew.

    A draft that silence would accept goes back to its examiner where an applicant objected or withdrew since. The acts
    are the node's: no person played a part. Returns which applications it was.
    """
    bodies = {str(leaf.by) for leaf in lost if leaf.kind is Kind.APPLICATION_SENT_BACK}
    answered = any(leaf.kind in ANSWERS for leaf in lost)
    returned: list[Json] = []
    for row in applications.decided(tx):
        body = parties.organisation(tx, row.body)
        assert body is not None
        if row.state == State.APPROVED and (unseen or body.did in bodies):
            move = Move.SEND_BACK
        elif row.state == State.DRAFT_OFFERED and (unseen or answered) and _silence_accepts(row):
            move = Move.OBJECT
        else:
            continue
        row.state = lifecycle.advance(State(row.state), move)
        examine_application.keep_move(tx, row, move, REASON, by=by, at=at, draw=draw)
        returned.append(row.id)
    return {"applications_returned": returned}


def _silence_accepts(row: Application) -> bool:
    clock = run_clock.clock_of(row)
    return clock is not None and run_clock.SILENCE[clock.silence] is Move.ACCEPT
