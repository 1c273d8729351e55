"""Ask whether the database has come as far as the guard remembers: a backup that was restored has not."""

from registry.core.tlog.note import VerifierKey
from registry.store.guard import of_forgotten
from registry.usecases.fsck.survey_rows import Survey
from registry.usecases.recovery.compare_guard import Marks, WitnessForgot, compare


def check_guard(survey: Survey, marks: Marks, witness: VerifierKey) -> None:
    """Check the marks, which were read before the database was, by the rule of `compare_guard`.

    Rows after the last mark are in no mark: a guard knows how far, and the digest there, not what led to it.
    """
    for each in compare(survey.tx, marks, witness.name):
        survey.count("mark")
        if each.what == of_forgotten(witness.name):
            survey.say(f"guard, {each.what}", str(WitnessForgot(witness.name)))
        elif each.behind and each.held < each.marked:
            survey.say(f"guard, {each.what}", f"it remembers {each.marked}, and here is {each.held}")
        elif each.behind:
            survey.say(f"guard, {each.what}", f"it remembers another digest of {each.marked} than stands here")
