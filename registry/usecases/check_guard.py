"""Ask whether the database has come as far as the guard remembers: a backup that was restored has not."""

from collections.abc import Mapping

from sqlalchemy import Text, cast, select

from registry.core.tlog.note import VerifierKey
from registry.store.channel import MessageIn, MessageOut
from registry.store.guard import Mark
from registry.store.log import LogCheckpoint
from registry.store.witness import WitnessHead
from registry.usecases.survey_rows import Query, Survey

Marks = Mapping[str, Mark]


def check_guard(survey: Survey, marks: Marks, witness: VerifierKey) -> None:
    """Check the marks, which were read before the database was: what each names stands here under its digest.

    Of a witnessed log only the last checkpoint is here, which may be newer; a key that was replaced has no say.
    """
    for what, mark in sorted(marks.items()):
        query = _held(what, witness.name)
        if query is None or mark.number == 0:
            continue
        survey.count("mark")
        newest, known = 0, None
        for number, digest in survey.stream(query):
            newest = max(newest, number)
            if number == mark.number:
                known = digest.hex() if isinstance(digest, bytes) else digest
        if newest < mark.number:
            survey.say(f"guard, {what}", f"it remembers {mark.number}, and here is {newest}")
        elif known != mark.digest and not (known is None and what.startswith("witness ")):
            survey.say(f"guard, {what}", f"it remembers another digest of {mark.number} than stands here")


def _held(what: str, witness: str) -> Query | None:
    """Return the numbers and digests that stand here of what has a mark."""
    match what.split(" "):
        case ["log", _]:
            return select(LogCheckpoint.size, LogCheckpoint.root)
        case ["witness", name, "of", origin] if name == witness:
            return select(WitnessHead.size, WitnessHead.root).where(WitnessHead.origin == origin)
        case ["sent", epoch, "to", peer]:
            sent = select(MessageOut.seq, MessageOut.digest)
            return sent.where(MessageOut.to == peer, cast(MessageOut.epoch, Text) == epoch)
        case ["received", epoch, "from", peer]:
            taken = select(MessageIn.seq, MessageIn.digest)
            return taken.where(MessageIn.from_ == peer, cast(MessageIn.epoch, Text) == epoch)
        case _:
            return None
