"""Ask whether each token is what one operator proposed and another confirmed while that was open (decision 0034)."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from registry.core.tlog.entry import Kind
from registry.store.acts import Act
from registry.store.tokens import Token
from registry.usecases.fsck.survey_rows import Survey, of, read_object, readable
from registry.usecases.party.confirm_proposal import stands, was_operator
from registry.usecases.party.follow_proposals import ENDS, why_ended

_ROLES = (Kind.PERSON_REGISTERED, Kind.PERSON_CHANGED)
_MEMBERS = {Kind.PERSON_REGISTERED: ("roles",), Kind.PERSON_CHANGED: ("roles", "before")}


def check_tokens(survey: Survey) -> None:
    """Check each token that two people issued: what one proposed, another confirmed, who does not hold it.

    Whether its columns are what its act says is asked of every token by `check_parties`.
    """
    proposal = aliased(Act)
    query = (
        of(
            Token,
            Act.id.label("issued_"),
            proposal.id.label("proposal_"),
            proposal.kind.label("kind_"),
            proposal.person.label("person_"),
            readable(proposal.private).label("private_"),
        )
        .outerjoin(Act, (Act.kind == Kind.TOKEN_ISSUED) & (Act.private["token"].astext == Token.id))
        .outerjoin(proposal, proposal.id == Act.private["proposal"].astext)
        .where(Token.confirmed_by.is_not(None))
    )
    ending = survey.tx.scalar(select(func.min(Act.seq)).where(Act.kind == Kind.TOKEN_WITHDRAWN))
    for row, act in survey.rows(Token, query.order_by(Token.id), counted=False):
        said = read_object(act.private_) or {}
        lasts = (row.expires_at - row.issued_at) / timedelta(days=1)
        issued = {"person": row.person, "sha256": row.sha256.hex(), "days": lasts}
        if (act.kind_, act.person_, said) != (Kind.TOKEN_PROPOSED, row.proposed_by, issued):
            survey.say(f"token {row.id}", "whoever it names did not propose it so")
        else:
            _check_open(survey, row, act.issued_, act.proposal_, ending)
        if row.confirmed_by in {row.proposed_by, row.person}:
            survey.say(f"token {row.id}", "it was not confirmed by another than proposed it, and than holds it")


def _check_open(survey: Survey, row: Token, issued: str, proposed: str, ending: int | None) -> None:
    """Check that both were operators, and that the proposal was open when it was confirmed.

    Older releases confirmed a proposal of any age, and several of one person; nothing tells when a node left them but
    its first act of withdrawing, `ending`, which they do not know.
    """
    known = _acts(survey, row, (issued, proposed))
    confirmation = next(act for act in known if act.id == issued)
    proposal = next(act for act in known if act.id == proposed)
    before = [act for act in known if act.seq < confirmation.seq and _is_readable(act)]
    roles = [act for act in before if act.kind in _ROLES]
    if not stands(proposal, roles):
        survey.say(f"token {row.id}", "whoever proposed it was no operator then, or not without a break until it lived")
    if not was_operator(row.confirmed_by, confirmation, roles):
        survey.say(f"token {row.id}", "whoever confirmed it was no operator then")
    ends = [act for act in before if act.kind in ENDS and act.subject == row.person]
    ended = why_ended(proposal, ends, confirmation.at)
    if ended is not None and ending is not None and ending < confirmation.seq:
        survey.say(f"token {row.id}", f"it was confirmed from a proposal that {ended}")


def _acts(survey: Survey, row: Token, ids: Sequence[str]) -> Sequence[Act]:
    """Read what was done about the three people of a token, and its own two acts, in their order."""
    people = (row.person, row.proposed_by, row.confirmed_by)
    about = Act.subject.in_(people) & Act.kind.in_({*_ROLES, *ENDS})
    return [act for act, _ in survey.rows(Act, of(Act).where(about | Act.id.in_(ids)).order_by(Act.seq), counted=False)]


def _is_readable(act: Act) -> bool:
    """Tell whether an act says which roles there are, or which token; one that does not is not what the log has."""
    listed = [act.private.get(name) for name in _MEMBERS.get(Kind(act.kind), ())]
    return all(isinstance(roles, list) and all(isinstance(role, str) for role in roles) for roles in listed)
