"""Ask whether each token is what one operator proposed and another confirmed (decision 0034)."""

from datetime import timedelta

from sqlalchemy.orm import aliased

from registry.core.tlog.entry import Kind
from registry.store.acts import Act
from registry.store.tokens import Token
from registry.usecases.fsck.survey_rows import Survey, of, read_object, readable


def check_tokens(survey: Survey) -> None:
    """Check each token that two people issued: what one proposed, another confirmed, who does not hold it.

    Whether its columns are what its act says is asked of every token by `check_parties`.
    """
    proposal = aliased(Act)
    query = (
        of(
            Token,
            proposal.kind.label("kind_"),
            proposal.person.label("person_"),
            readable(proposal.private).label("private_"),
        )
        .outerjoin(Act, (Act.kind == Kind.TOKEN_ISSUED) & (Act.private["token"].astext == Token.id))
        .outerjoin(proposal, proposal.id == Act.private["proposal"].astext)
        .where(Token.confirmed_by.is_not(None))
    )
    for row, act in survey.rows(Token, query.order_by(Token.id), counted=False):
        said = read_object(act.private_) or {}
        lasts = (row.expires_at - row.issued_at) / timedelta(days=1)
        issued = {"person": row.person, "sha256": row.sha256.hex(), "days": lasts}
        if (act.kind_, act.person_, said) != (Kind.TOKEN_PROPOSED, row.proposed_by, issued):
            survey.say(f"token {row.id}", "whoever it names did not propose it so")
        if row.confirmed_by in {row.proposed_by, row.person}:
            survey.say(f"token {row.id}", "it was not confirmed by another than proposed it, and than holds it")
