"""Ask whether what our witness remembers, and the mirror of each peer's log, are what was signed and what was mirrored.

When an entry was first seen, and when a head was moved, nobody signed. Lines under a foreign note that no list or
agreement here knows are the other state's to vouch for.

A mirror that was cut at its end is told by the note that vouches for more, by what our witness cosigned, and by the
certificates that came with a proof. Who cuts at the end of a step, and all three with it, leaves what an older backup
would be: the guard tells that of our witness, and the worker takes the rest from the peer again.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Text, cast, func, select, union

from registry.core.errors import RegistryError
from registry.core.identifiers import node_did
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.cosignature import cosigned_at
from registry.core.tlog.entry import Kind, Leaf, MalformedLeaf
from registry.core.tlog.merkle import leaf_hash
from registry.core.tlog.note import Note, VerifierKey
from registry.store.acts import Act
from registry.store.certificates import CertificateRow, Source
from registry.store.mirror import MirrorEntry, MirrorHead, MirrorTile
from registry.store.tasks import Task, TaskKind
from registry.store.witness import WitnessEvidence, WitnessHead
from registry.usecases.fsck.check_adopted import Adopted
from registry.usecases.fsck.check_tree import Placed, Tree, walk
from registry.usecases.fsck.survey_rows import Survey, of, read_object, readable
from registry.usecases.recovery.reconcile_log import PATIENCE
from registry.usecases.tlog.mirror_log import STEP


def check_witness(survey: Survey, key: VerifierKey, log: VerifierKey, adopted: Adopted) -> None:
    """Check what our witness cosigned last of each log, under its key or one it had before, and its evidence.

    What it cosigned before the last is in no row: of that the guard and the log itself are the memory.
    """
    own = {key, *_former(log, adopted)}
    for row, _ in survey.rows(WitnessHead, of(WitnessHead).order_by(WitnessHead.origin)):
        where = f"witnessed head of {row.origin}"
        try:
            note, signed = _read(row.note, row.origin, adopted)
            times = {cosigned_at(note, each) for each in own} - {None}
        except RegistryError as refusal:
            survey.say(where, str(refusal))
            continue
        for wrong in adopted.unsigned_lines(note, [*adopted.logs[row.origin], key], ours=True):
            survey.say(where, wrong)
        survey.differ(where, row, {"origin": signed.origin, "size": signed.size, "root": signed.root})
        if row.at not in times:
            survey.say(where, "at is not when our witness cosigned it")
    _evidence(survey, adopted)


def _former(log: VerifierKey, adopted: Adopted) -> Iterator[VerifierKey]:
    """Return the keys that adopted lists name for the witness of the node that runs our log."""
    for _, believed in adopted.lists:
        for node in believed.nodes.values():
            if node.row.log.origin == log.name:
                yield from node.row.witness_keys()


def _evidence(survey: Survey, adopted: Adopted) -> None:
    """Ask whether each piece of evidence is two notes that the log signed, as the act of keeping it says.

    A person is to look at it: the task that says so is open, or was closed by an act.
    """
    acts = select(Act.id, readable(Act.private)).where(Act.kind == Kind.WITNESS_CONFLICT).order_by(Act.id)
    said = {}
    for act in survey.stream(acts):
        private = read_object(act[1]) or {}
        said[private.get("origin"), private.get("note"), private.get("against")] = act[0]
    closing = select(Act.id).where(Act.kind == Kind.TASK_CLOSED, Act.subject == Task.subject)
    said_why = closing.where(Act.private["task"].as_string() == cast(Task.id, Text)).exists()
    opened = select(Task.subject, func.bool_and(Task.closed_at.is_(None) | said_why))
    tasks = opened.where(Task.kind == TaskKind.LOG_SPLIT).group_by(Task.subject)
    settled = {row[0]: row[1] for row in survey.stream(tasks)}
    for row, _ in survey.rows(WitnessEvidence, of(WitnessEvidence).order_by(WitnessEvidence.digest)):
        where = f"evidence {row.digest}"
        try:
            note, _ = _read(row.note, row.origin, adopted)
            if row.against:  # nothing was mirrored yet
                _read(row.against, row.origin, adopted)
        except RegistryError as refusal:
            survey.say(where, str(refusal))
            continue
        survey.differ(where, row, {"digest": sha256(note.text.encode()).hexdigest()})
        if said.pop((row.origin, row.note, row.against), None) is None:
            survey.say(where, "it was not kept by its act")
        if not settled.get(row.origin):
            wrong = "was closed without an act" if row.origin in settled else "is not here"
            survey.say(where, f"the task log.split about it {wrong}")
    for act in said.values():
        survey.say(f"act {act}", "it kept evidence that is not here")


def check_mirrors(survey: Survey, adopted: Adopted, at: datetime) -> None:
    """Check the mirror of each log as of a moment: entries, hashes, the head that they lead to, and its end."""
    tables = (MirrorEntry, MirrorTile, MirrorHead)
    heads = {head.origin: head for head, _ in survey.rows(MirrorHead)}
    for origin in survey.tx.scalars(union(*(select(table.origin) for table in tables))).all():
        name = f"mirror of {origin}"
        tree: Tree | None = None
        for tree in walk(survey, name, _mirrored(survey, name, origin), origin):  # noqa: B007  the last one is the whole
            pass
        assert tree is not None
        if origin not in heads:
            survey.say(name, "it has entries or tiles, and no head")
            continue
        _head(survey, f"{name}, head", heads[origin], tree, adopted)
    _ends(survey, {origin: head.size for origin, head in heads.items()}, at - PATIENCE)


def _ends(survey: Survey, sizes: Mapping[str, int], due: datetime) -> None:
    """Ask whether each mirror is as far as what our witness cosigned, and what was delivered with a proof, by then."""
    cosigned = select(WitnessHead.origin, WitnessHead.size).where(WitnessHead.at <= due).order_by(WitnessHead.origin)
    for origin, size in survey.stream(cosigned):
        if size > sizes.get(origin, 0):
            survey.say(f"mirror of {origin}", f"it ends at {sizes.get(origin, 0)}, and our witness cosigned {size}")
    mirrored = select(MirrorEntry.index).where(
        MirrorEntry.origin == func.split_part(CertificateRow.id, "/", 3).concat("/log"),
        MirrorEntry.digest == CertificateRow.digest,
    )
    proved = select(CertificateRow.id).where(
        CertificateRow.source == Source.DELIVERED, CertificateRow.proof.is_not(None)
    )
    missing = proved.where(CertificateRow.recorded_at <= due, ~mirrored.exists()).order_by(CertificateRow.id)
    for certificate in survey.tx.scalars(missing):
        survey.say(f"certificate {certificate}", "it came with a proof, and the mirror of its log does not hold it")


def _mirrored(survey: Survey, name: str, origin: str) -> Iterator[Placed]:
    query = of(MirrorEntry).where(MirrorEntry.origin == origin).order_by(MirrorEntry.index)
    for row, _ in survey.rows(MirrorEntry, query):
        try:
            leaf = Leaf.parse(row.entry)
        except MalformedLeaf:
            derived: dict[str, object] = {"kind": None, "to": None, "digest": None}
        else:
            derived = {"kind": leaf.kind, "to": leaf.to, "digest": leaf.digest}
        survey.differ(f"{name} entry {row.index}", row, derived, "its leaf says")
        yield Placed(row.index, "which was mirrored", leaf_hash(row.entry))


def _head(survey: Survey, where: str, row: MirrorHead, tree: Tree, adopted: Adopted) -> None:
    try:
        note, signed = _read(row.note, row.origin, adopted)
    except RegistryError as refusal:
        survey.say(where, str(refusal))
        return
    for wrong in adopted.unsigned_lines(note, list(adopted.logs[row.origin]), ours=False):
        survey.say(where, wrong)
    if (row.size, row.root) != (tree.size, tree.root):
        survey.say(where, "it is not that of the entries")
    if row.size > signed.size or (row.size == signed.size and row.root != signed.root):
        survey.say(where, "its entries do not lead to the checkpoint that its log signed")
    if row.size < signed.size and (row.size % STEP or row.size == 0):
        survey.say(where, f"it ends at {row.size}, which no step does, and its note vouches for {signed.size}")
    times = adopted.vouched_at(node_did(row.origin.removesuffix("/log")), note, row.at)
    if row.cosigned_at not in {None if time is None else min(time, row.at) for time in times}:
        survey.say(where, "cosigned_at is not when its witnesses vouched for it")


def _read(text: str, origin: str, adopted: Adopted) -> tuple[Note, Checkpoint]:
    """Read a note that the log of an origin signed. Raises what parsing and `Note.verified` raise."""
    note = Note.parse(text)
    return note, Checkpoint.parse(note.verified(adopted.logs.get(origin, set())))
