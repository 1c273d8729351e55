"""Is each act of a dossier in the log, as the dossier tells it? Answered with nothing but the pins (formats 11)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from registry.core import canonical
from registry.core.agreement import Agreement, in_order
from registry.core.envelope.jose import Envelope, Typ
from registry.core.errors import Malformed, RegistryError, Unprocessable
from registry.core.identifiers import Digest
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.entry import Kind, Leaf
from registry.core.tlog.note import Note
from registry.core.tlog.policy import KnownLog, Policy, QuorumNotMet
from registry.core.tlog.proof import LeafMissing, TlogProof, verify_proof
from registry.core.trust.believed_list import BelievedList, KnownNode
from registry.core.trust.log_policy import NoQuorum, log_policy
from registry.core.trust.pin import Pin
from registry.core.verification.carried import believe_carried, believe_lists, newest_of
from registry.core.verification.dossier import Dossier, ExportedAct, Selection, TakenBack
from registry.core.verification.dossier_report import ActFinding, LeafFinding, Report, Standing

NOT_PROVED = (
    "that nothing was left out: a dossier is a selection; only within a range of entries does it hold every act",
    "who did what stands as a leaf without its act, or why: that was lost with a database, or is held back",
    "since when an act was so: the log proves by when it was recorded",
    "that the log had one history beyond what its witnesses vouch for: registry log monitor follows it",
    "anything after the dossier was made: its lists, agreements and keys are those of that moment",
)
"""What the one who reads the findings must not take from them."""


@dataclass(eq=False)
class DossierNotTrusted(Unprocessable):
    """The dossier is of no node that the pins vouch for, or its lists are not such as can be judged by."""

    code: ClassVar[str] = "dossier-not-trusted"
    reason: str

    def __str__(self) -> str:
        return f"the dossier cannot be judged: {self.reason}"


@dataclass(eq=False)
class LeafDiffers(Unprocessable):
    """The leaf in the log says something else of the act than the dossier does."""

    code: ClassVar[str] = "leaf-differs"
    member: str

    def __str__(self) -> str:
        return f"its leaf has another {self.member}"


@dataclass(eq=False)
class CommitmentDiffers(Unprocessable):
    """The private part is not the one that the leaf was made over."""

    code: ClassVar[str] = "commitment-differs"

    def __str__(self) -> str:
        return "its leaf does not commit to this private part under this salt"


@dataclass(eq=False)
class StandsTwice(Unprocessable):
    """An act, or an entry of the log, stands twice in one dossier."""

    code: ClassVar[str] = "stands-twice"
    what: str

    def __str__(self) -> str:
        return f"{self.what} stands twice in the dossier"


@dataclass(eq=False)
class TwoHistories(Unprocessable):
    """The log signed two trees of one size: no two histories of one log are both true."""

    code: ClassVar[str] = "two-histories"
    size: int

    def __str__(self) -> str:
        return f"another proof in the dossier is against another tree of {self.size} entries: the log has split"


Track = Callable[[Sequence[ExportedAct]], Iterable[ExportedAct]]
"""Passes acts on one by one, so that whoever waits can be told how far it is."""


def check(dossier: Dossier, pins: Mapping[str, Pin], *, track: Track = iter) -> Report:
    """Judge each act by the pins and by nothing else; a proof is judged whatever became of the node's signature.

    Proofs are judged by the newest agreement, in the order of the dossier, that has the node's country as a party:
    for what goes to a country, the newest with that country. Raises `DossierNotTrusted`, `ListsUnfit`, and
    what a trust list or an agreement raises that cannot be believed.
    """
    contents = dossier.contents
    lists = believe_lists(contents.lists, pins, contents.env)
    home = next(iter(lists.get(contents.country, ())), None)
    node = None if home is None else home.node(contents.node)
    if home is None or node is None:
        raise DossierNotTrusted(f"no pinned country has {contents.node} as its node")
    agreements = in_order(believe_carried(text, lists) for text in contents.agreements)
    judge = _Judge(node, agreements, newest_of(lists))
    findings = tuple(judge.find(act) for act in track(contents.acts))
    taken_back = tuple(judge.find_leaf(lost) for lost in contents.taken_back)
    indices = {finding.index for finding in (*findings, *(each.finding for each in taken_back))} - {None}
    whole = contents.selection == Selection() and contents.after is None and contents.next is None
    return Report(findings, _altered(dossier, home), taken_back, _missing(indices) if whole else ())


@dataclass(slots=True)
class _Judge:
    """Judges act by act, and remembers what no two acts may share."""

    node: KnownNode
    agreements: Sequence[Agreement]
    lists: Mapping[str, BelievedList]
    seen: set[str] = field(default_factory=set)
    roots: dict[int, bytes] = field(default_factory=dict)

    def find(self, act: ExportedAct) -> ActFinding:
        """Return the finding of an act; nothing in it raises."""
        try:
            return self._find(act)
        except RegistryError as refusal:
            return ActFinding(act.id, Standing.WRONG, refusal.code, str(refusal))

    def _find(self, act: ExportedAct) -> ActFinding:
        self._is_first(f"the act {act.id}")
        if act.proof is None:
            assert act.leaf is not None
            _compare(act, act.leaf)
            return ActFinding(act.id, Standing.PENDING, "not-published", "no published checkpoint of the log covers it")
        proof = TlogProof.parse(act.proof)
        digest = None if act.digest is None else Digest(act.digest)
        logged_by, short = self._verify(proof, act.kind, digest, act.to)
        assert proof.extra is not None
        _compare(act, proof.extra)
        self._is_first(f"the entry {proof.index}")
        self._is_one_history(proof)
        if short is not None:
            return ActFinding(act.id, Standing.PENDING, short.code, str(short), proof.index)
        return ActFinding(act.id, Standing.PROVED, "proved", "the log holds it", proof.index, logged_by)

    def find_leaf(self, lost: TakenBack) -> LeafFinding:
        """Return the finding of a leaf without its act; nothing in it raises."""
        leaf: Leaf | None = None
        try:
            proof = None if lost.proof is None else TlogProof.parse(lost.proof)
            entry = lost.leaf if proof is None else proof.extra
            if entry is None:
                raise LeafMissing
            leaf = Leaf.parse(entry)
            return LeafFinding(leaf, self._find_leaf(leaf, proof))
        except RegistryError as refusal:
            named = "" if leaf is None else leaf.id
            return LeafFinding(leaf, ActFinding(named, Standing.WRONG, refusal.code, str(refusal)))

    def _find_leaf(self, leaf: Leaf, proof: TlogProof | None) -> ActFinding:
        self._is_first(f"the act {leaf.id}")
        if proof is None:
            return ActFinding(leaf.id, Standing.PENDING, "not-published", "no published checkpoint covers this leaf")
        logged_by, short = self._verify(proof, leaf.kind, leaf.digest, leaf.to)
        self._is_first(f"the entry {proof.index}")
        self._is_one_history(proof)
        if short is not None:
            return ActFinding(leaf.id, Standing.PENDING, short.code, str(short), proof.index)
        said = f"entry {proof.index} of the log is a leaf that was taken back without its act"
        return ActFinding(leaf.id, Standing.LOST, "act-lost", said, proof.index, logged_by)

    def _verify(
        self, proof: TlogProof, kind: Kind, digest: Digest | None, to: str | None
    ) -> tuple[datetime | None, RegistryError | None]:
        """Return by when the quorum had vouched for what a proof shows, or why not. Raises what `verify_proof` does."""
        policy, short = self._policy(to)
        try:
            return verify_proof(proof, policy, kind=kind, digest=digest).by, short
        except QuorumNotMet as refusal:
            return None, refusal

    def _policy(self, to: str | None) -> tuple[Policy, RegistryError | None]:
        """Return whose word is asked; where no quorum can be had the log's own, and why that proves nothing."""
        wanted = {self.node.country} if to is None else {self.node.country, to}
        found = next((each for each in reversed(self.agreements) if wanted <= set(each.countries)), None)
        try:
            if found is None:
                raise NoQuorum(
                    0, f"no agreement in the dossier says whose word counts for the log of {self.node.country}"
                )
            return log_policy(found, self.lists, self.node), None
        except QuorumNotMet as refusal:
            return Policy((KnownLog(self.node.row.log.vkey),)), refusal

    def _is_first(self, what: str) -> None:
        if what in self.seen:
            raise StandsTwice(what)
        self.seen.add(what)

    def _is_one_history(self, proof: TlogProof) -> None:
        checkpoint = Checkpoint.parse(Note.parse(proof.checkpoint_note).text)
        if self.roots.setdefault(checkpoint.size, checkpoint.root) != checkpoint.root:
            raise TwoHistories(checkpoint.size)


def _missing(indices: AbstractSet[int | None]) -> tuple[tuple[int, int], ...]:
    """Return the ranges of entries below the last that are not among these."""
    found, expected = [], 0
    for index in sorted(index for index in indices if index is not None):
        if index > expected:
            found.append((expected, index - 1))
        expected = index + 1
    return tuple(found)


def _compare(act: ExportedAct, entry: bytes) -> None:
    """Check that the leaf is that of the act: each column, and the commitment. Raises `LeafDiffers` and its like."""
    leaf = Leaf.parse(entry)
    for member in ("id", "kind", "at", "by", "to", "digest"):
        if getattr(leaf, member) != getattr(act, member):
            raise LeafDiffers(member)
    if canonical.digest(act.salt + act.private) != leaf.private:
        raise CommitmentDiffers


def _altered(dossier: Dossier, home: BelievedList) -> str | None:
    """Return why the node's signature does not stand for the whole, if it does not."""
    contents = dossier.contents
    try:
        envelope = Envelope.parse(dossier.statement, Typ.DOSSIER)
    except Malformed as refusal:
        return str(refusal)
    node = home.nodes.get(envelope.kid)
    if node is None or node.row.id != contents.node or not node.chained.valid_at(contents.made_at):
        return f"it is not signed by a key that {contents.node} had when it was made"
    if not envelope.is_signed_by(node.chained.key):
        return f"the signature of {contents.node} does not verify"
    if envelope.payload != contents.statement:
        return f"{contents.node} signed other contents"
    return None
