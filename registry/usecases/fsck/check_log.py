"""Ask whether acts, entries, hashes, checkpoints, cosignatures and head of our own log are one history.

Nobody signed `act.seq`, nor when a checkpoint was published; `act.person` and `act.organisation` are compared where
another table repeats them (`check_parties`, `check_evidence`).

A published checkpoint that was deleted is named where a message carries a proof against it (`check_channel`), and the
newest one by the guard; a line of a witness where a published note has it. What no proof, note or mark repeats cannot
be missed here: a checkpoint between others that no certificate needed, and what a witness cosigned again later or
before the quorum was met. The peer's mirror and the witness remember these.
"""

from collections.abc import Iterator
from heapq import merge

from sqlalchemy import func, select

from registry.core.errors import RegistryError
from registry.core.identifiers import node_did
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.cosignature import cosigned_at
from registry.core.tlog.entry import Kind, Leaf, MalformedLeaf
from registry.core.tlog.merkle import EMPTY_ROOT, leaf_hash
from registry.core.tlog.note import Note, SignatureLine, VerifierKey
from registry.store.acts import Act, QueuedAct
from registry.store.checkpoints import LogCheckpoint, LogCosignature, LogPublished
from registry.store.log import LogEntry, LogHead, LogRecovered
from registry.usecases.audit.read_act import differing
from registry.usecases.fsck.check_adopted import Adopted
from registry.usecases.fsck.check_tree import Placed, Tree, walk
from registry.usecases.fsck.survey_rows import Survey, of

SUBJECTS: dict[str, str] = {
    Kind.ORGANISATION_REGISTERED.value: "organisation",
    Kind.ORGANISATION_CHANGED.value: "organisation",
    Kind.PERSON_REGISTERED.value: "person",
    Kind.PERSON_CHANGED.value: "person",
    Kind.OPERATORS_BEGUN.value: "organisation",
    Kind.TOKEN_PROPOSED.value: "person",
    Kind.TOKEN_WITHDRAWN.value: "person",
    Kind.TOKEN_ISSUED.value: "person",
    Kind.TOKEN_REVOKED.value: "person",
    Kind.MANDATE_GRANTED.value: "mandate",
    Kind.MANDATE_REVOKED.value: "mandate",
    Kind.PRODUCT_KEPT.value: "product",
    Kind.EVIDENCE_KEPT.value: "product",
    Kind.CERTIFICATE_ISSUED.value: "certificate",
    Kind.CERTIFICATE_STATUS.value: "certificate",
    Kind.ANNULMENT_PROPOSED.value: "certificate",
    Kind.ANNULMENT_WITHDRAWN.value: "certificate",
    Kind.REPLACEMENT_PROPOSED.value: "certificate",
    Kind.CERTIFICATE_CLARIFIED.value: "certificate",
    Kind.CLARIFICATION_PROPOSED.value: "certificate",
    Kind.CLARIFICATION_WITHDRAWN.value: "certificate",
    Kind.VERIFICATION_MADE.value: "certificate",
    Kind.RECEIPT_REFUSED.value: "message",
    Kind.WITNESS_CONFLICT.value: "origin",
    Kind.CALENDAR_PROPOSED.value: "digest",
    Kind.CALENDAR_CONFIRMED.value: "digest",
    **{kind: "application" for kind in Kind if kind.startswith("application.")},
}
"""The member of the private row that the subject of an act repeats."""
ASKED = "number"
"""The member that it repeats where customs asked for a certificate that was not here."""


def check_log(survey: Survey, key: VerifierKey, adopted: Adopted) -> None:
    """Check our own log, from the acts up to the cosignatures."""
    _acts(survey)
    _entries(survey, key, adopted)
    _cosignatures(survey, adopted)
    _published(survey, key, adopted)


def _acts(survey: Survey) -> None:
    """Ask whether each leaf is that of its act, and each act either queued or numbered."""
    query = of(Act, LogEntry.index.label("numbered"), QueuedAct.act.label("queued"))
    query = query.outerjoin(LogEntry, LogEntry.act == Act.id).outerjoin(QueuedAct, QueuedAct.act == Act.id)
    for act, beside in survey.rows(Act, query.order_by(Act.id)):
        where = f"act {act.id}"
        wrong = differing(act)
        member = SUBJECTS.get(act.kind)
        if act.kind == Kind.VERIFICATION_MADE and "certificate" not in act.private:
            member = ASKED
        if member is not None and act.subject != act.private.get(member):
            wrong.append("subject")
        if wrong:
            survey.say(where, f"its leaf is not that of its columns and private row: {', '.join(wrong)}")
        if (beside.numbered is None) == (beside.queued is None):
            survey.say(where, "it is neither queued for the log nor in it, or both")
    lost = select(QueuedAct.act).outerjoin(Act, Act.id == QueuedAct.act).where(Act.id.is_(None))
    for queued in survey.tx.scalars(lost.order_by(QueuedAct.act)):
        survey.say(f"act {queued}", "it is queued for the log, and is not here")


def _entries(survey: Survey, key: VerifierKey, adopted: Adopted) -> None:
    """Ask whether entries are contiguous, hashes right, and checkpoints signed over the tree of their size."""
    placed = merge(_numbered(survey), _recovered(survey), key=lambda entry: entry.index)
    checkpoints = survey.rows(LogCheckpoint, of(LogCheckpoint).order_by(LogCheckpoint.size))
    waiting = next(checkpoints, None)
    tree: Tree | None = None
    newest: LogCheckpoint | None = None
    for tree in walk(survey, "log", placed):
        while waiting is not None and waiting[0].size <= tree.size:
            newest = _checkpoint(survey, waiting[0], newest, key, adopted, tree)
            waiting = next(checkpoints, None)
    while waiting is not None:
        newest = _checkpoint(survey, waiting[0], newest, key, adopted, None)
        waiting = next(checkpoints, None)
    assert tree is not None
    heads = [head for head, _ in survey.rows(LogHead)]
    size, root, origin = (heads[0].size, heads[0].root, heads[0].origin) if heads else (0, EMPTY_ROOT, key.name)
    if (size, root, origin) != (tree.size, tree.root, key.name):
        survey.say("log head", "it is not that of the entries")
    if heads and (newest is None or (newest.size, newest.at) != (size, heads[0].at)):
        survey.say("log head", "it is not that of the newest checkpoint")


def _numbered(survey: Survey) -> Iterator[Placed]:
    query = of(LogEntry, Act.leaf).outerjoin(Act, Act.id == LogEntry.act).order_by(LogEntry.index)
    for entry, beside in survey.rows(LogEntry, query):
        if beside.leaf is None:
            survey.say(f"log entry {entry.index}", f"its act {entry.act} is not here")
        yield Placed(entry.index, f"act {entry.act}", None if beside.leaf is None else leaf_hash(beside.leaf))


def _recovered(survey: Survey) -> Iterator[Placed]:
    """Give the leaves that were taken back from a mirror: their acts are lost, their place is not."""
    for row, _ in survey.rows(LogRecovered, of(LogRecovered).order_by(LogRecovered.index)):
        try:
            Leaf.parse(row.leaf)
        except MalformedLeaf as refusal:
            survey.say(f"recovered entry {row.index}", str(refusal))
        yield Placed(row.index, "which was recovered", leaf_hash(row.leaf))


def _checkpoint(
    survey: Survey,
    row: LogCheckpoint,
    before: LogCheckpoint | None,
    key: VerifierKey,
    adopted: Adopted,
    tree: Tree | None,
) -> LogCheckpoint:
    where = f"checkpoint {row.size}"
    try:
        note = Note.parse(row.note)
        signed = Checkpoint.parse(note.verified([key]))
    except RegistryError as refusal:
        survey.say(where, str(refusal))
        return row
    for wrong in adopted.unsigned_lines(note, [key], ours=True):
        survey.say(where, wrong)
    if signed.origin != key.name:
        survey.say(where, "it is of another log")
    root = tree.root if tree is not None and tree.size == row.size else None
    if (signed.size, signed.root) != (row.size, row.root) or row.root != root:
        survey.say(where, "it is not signed over the tree of its size")
    if before is not None and row.at < before.at:
        survey.say(where, "its time is before that of a smaller one")
    return row


def _cosignatures(survey: Survey, adopted: Adopted) -> None:
    """Ask whether each line is a witness's under its checkpoint, and says the name and time of its row."""
    query = of(LogCosignature, LogCheckpoint.note.label("under"))
    query = query.outerjoin(LogCheckpoint, LogCheckpoint.size == LogCosignature.size)
    for row, beside in survey.rows(LogCosignature, query.order_by(LogCosignature.size, LogCosignature.name)):
        where = f"cosignature of {row.name} under checkpoint {row.size} at {row.at.isoformat()}"
        try:
            line = SignatureLine.parse(row.line)
            key = adopted.witnesses.get((line.name, line.id))
            if key is None or beside.under is None:
                survey.say(where, "its checkpoint is not here, or no list or agreement knows its key")
                continue
            at = cosigned_at(Note(Note.parse(beside.under).text, (line,)), key)
        except RegistryError as refusal:
            survey.say(where, str(refusal))
            continue
        survey.differ(where, row, {"name": line.name, "at": at})


def _published(survey: Survey, key: VerifierKey, adopted: Adopted) -> None:
    """Ask whether what was published is its checkpoint under the lines that the agreement asked for."""
    did = node_did(key.name.removesuffix("/log"))
    lines = select(func.array_agg(LogCosignature.line)).where(LogCosignature.size == LogPublished.size)
    query = of(LogPublished, LogCheckpoint.note.label("under"), lines.scalar_subquery().label("lines"))
    query = query.outerjoin(LogCheckpoint, LogCheckpoint.size == LogPublished.size).order_by(LogPublished.size)
    for row, beside in survey.rows(LogPublished, query):
        where = f"published checkpoint {row.size}"
        try:
            note = Note.parse(row.note)
            signed = Checkpoint.parse(note.verified([key]))
            under = "" if beside.under is None else Note.parse(beside.under).text
        except RegistryError as refusal:
            survey.say(where, str(refusal))
            continue
        if note.text != under or signed.size != row.size:
            survey.say(where, "its text is not that of the checkpoint of its size")
        for wrong in adopted.unsigned_lines(note, [key], ours=True):
            survey.say(where, wrong)
        for line in note.lines:
            if (line.name, line.id) in adopted.witnesses and line.encode() not in (beside.lines or ()):
                survey.say(where, f"the cosignature of {line.name} under it is not kept")
        unmet = adopted.refusal(did, note, row.at)
        if unmet is not None:
            survey.say(where, str(unmet))
