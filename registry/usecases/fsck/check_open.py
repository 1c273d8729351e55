"""Ask whether messages that were not simply accepted wait for the key that signed, and are set aside with reason."""

from registry.core.channel.message import Message
from registry.core.trust.whose_word import Whose
from registry.store.messages import MessageIn
from registry.usecases.channel.set_aside import SIGNED, whose_word
from registry.usecases.fsck.survey_rows import Survey
from registry.usecases.trust.believe_peers import Beliefs


def check_open(survey: Survey, where: str, row: MessageIn, message: Message, beliefs: Beliefs) -> None:
    """Ask whether what a message waits for is the key of what it carries, and why it is set aside."""
    by_whom, kid = whose_word(message, beliefs) if message.kind in SIGNED else (Whose.BODY, None)
    if row.waits_for not in {None, kid}:
        survey.differ(where, row, {"waits_for": kid})
    if row.set_aside_at is not None and row.waits_for is None and by_whom is not Whose.NOBODY:
        survey.say(where, "it is set aside as nobody's word, and may be a body's")
