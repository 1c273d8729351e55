"""Which logs are followed, and whose cosignatures make a checkpoint count (c2sp.org/tlog-policy of C2SP@5ba5ee8)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Self

from registry.core.errors import Malformed, RegistryError, Unprocessable
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.cosignature import cosigned_at
from registry.core.tlog.note import KeyType, Note, VerifierKey

NONE = "none"
"""The quorum that asks for no witness."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_BLANK = re.compile(r"[ \t]+")
_COUNT = re.compile(r"[1-9]\d{0,3}", re.ASCII)


@dataclass(eq=False)
class MalformedPolicy(Malformed):
    """The text is not a policy."""

    code: ClassVar[str] = "malformed-policy"
    clause: ClassVar[str | None] = "c2sp.org/tlog-policy"
    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line} of the policy cannot be read: {self.reason}"


@dataclass(eq=False)
class WrongOrigin(Unprocessable):
    """The checkpoint is of another log than the key's."""

    code: ClassVar[str] = "wrong-origin"
    clause: ClassVar[str | None] = "c2sp.org/tlog-checkpoint@v1.0.0, Note text"
    origin: str
    expected: str

    def __str__(self) -> str:
        return f"the checkpoint is of {self.origin}, not of {self.expected}"


@dataclass(eq=False)
class QuorumNotMet(Unprocessable):
    """Too few of the witnesses that count have cosigned the checkpoint."""

    code: ClassVar[str] = "quorum-not-met"
    clause: ClassVar[str | None] = "c2sp.org/tlog-policy"
    cosigned: int

    def __str__(self) -> str:
        return f"{self.cosigned} of the witnesses that count have cosigned the checkpoint, and that is not the quorum"


@dataclass(frozen=True, slots=True)
class KnownLog:
    """A log that is followed, and where it is served."""

    vkey: VerifierKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class KnownWitness:
    """A witness, where it is asked, and until when its key counts, which no policy's text says."""

    name: str
    vkey: VerifierKey
    url: str | None = None
    until: datetime | None = None

    def cosigned_at(self, note: Note) -> datetime | None:
        """Return when it cosigned, where that counts. Raises `WrongSignature`."""
        at = cosigned_at(note, self.vkey)
        return None if at is None or (self.until is not None and at > self.until) else at


@dataclass(frozen=True, slots=True)
class Group:
    """Members of whom so many must have cosigned: witnesses, or groups defined before."""

    name: str
    needed: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A checkpoint that the policy believes, and since when; None where it asks for no witness."""

    checkpoint: Checkpoint
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Policy:
    """Logs, witnesses, groups, and the one name whose word is the quorum."""

    logs: tuple[KnownLog, ...]
    witnesses: tuple[KnownWitness, ...] = ()
    groups: tuple[Group, ...] = ()
    quorum: str = NONE

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a policy. Raises `MalformedPolicy` naming the line."""
        logs: list[KnownLog] = []
        witnesses: list[KnownWitness] = []
        groups: list[Group] = []
        names: dict[str, bool] = {}
        quorum: str | None = None
        number = 0
        for number, line in enumerate(text.split("\n"), 1):
            try:
                match _words(line):
                    case []:
                        continue
                    case ["log", vkey, *url] if len(url) < 2:  # noqa: PLR2004  one, or none
                        logs.append(
                            KnownLog(_key(vkey, [log.vkey for log in logs], witness=False), url[0] if url else None)
                        )
                    case ["witness", name, vkey, *url] if len(url) < 2 and _is_new(name, names):  # noqa: PLR2004  as above
                        known = [witness.vkey for witness in witnesses]
                        witnesses.append(KnownWitness(name, _key(vkey, known, witness=True), url[0] if url else None))
                        names[name] = False
                    case ["group", name, needed, *members] if members and _is_new(name, names):
                        for member in members:
                            _take(member, names)
                        groups.append(Group(name, _needed(needed, len(members)), tuple(members)))
                        names[name] = False
                    case ["quorum", name] if quorum is None and (name == NONE or name in names):
                        quorum = name
                    case _:
                        raise ValueError("it is no log, witness, group or quorum, or repeats or misses a name")  # noqa: TRY301  as those of its parts
            except (ValueError, RegistryError) as refusal:
                raise MalformedPolicy(number, str(refusal)) from None
        if quorum is None:
            raise MalformedPolicy(number, "it names no quorum")
        return cls(tuple(logs), tuple(witnesses), tuple(groups), quorum)

    def encode(self) -> str:
        """Write the policy; a key that no longer counts for what comes is named in a comment."""
        lines = [" ".join(filter(None, ("log", log.vkey.encode(), log.url))) for log in self.logs]
        for witness in self.witnesses:
            if witness.until is not None:
                lines.append(f"# {witness.name} counts for cosignatures up to {witness.until.isoformat()}")
            lines.append(" ".join(filter(None, ("witness", witness.name, witness.vkey.encode(), witness.url))))
        for group in self.groups:
            words = {len(group.members): "all", 1: "any"}
            lines.append(f"group {group.name} {words.get(group.needed, group.needed)} {' '.join(group.members)}")
        return "\n".join((*lines, f"quorum {self.quorum}", ""))

    def log(self, origin: str) -> KnownLog | None:
        """Return the log of this origin."""
        return next((log for log in self.logs if log.vkey.name == origin), None)

    def signed(self, note: Note) -> Checkpoint:
        """Return the checkpoint that one of the logs signed, whoever cosigned it.

        Raises `NotSigned`, `WrongSignature`, `MalformedCheckpoint`, and `WrongOrigin` where a log signed for another.
        """
        text = note.verified([log.vkey for log in self.logs])
        checkpoint = Checkpoint.parse(text)
        signers = [log.vkey.name for log in self.logs if note.signatures_by(log.vkey)]
        if checkpoint.origin not in signers:
            raise WrongOrigin(checkpoint.origin, ", ".join(signers))
        return checkpoint

    def check(self, note: Note) -> Cosigned:
        """Return what the note says if log and quorum vouch for it. Raises `QuorumNotMet`, and what `signed` raises."""
        return Cosigned(self.signed(note), self.met_at(note))

    def met_at(self, note: Note) -> datetime | None:
        """Return the moment at which the quorum was complete; None where none is asked.

        Raises `QuorumNotMet`, and `WrongSignature` where a line of a witness does not verify.
        """
        if self.quorum == NONE:
            return None
        times: dict[str, datetime | None] = {witness.name: witness.cosigned_at(note) for witness in self.witnesses}
        cosigned = sum(at is not None for at in times.values())
        for group in self.groups:
            times[group.name] = _complete(group, times)
        at = times[self.quorum]
        if at is None:
            raise QuorumNotMet(cosigned)
        return at


def lines_that_count(note: Note, policies: Sequence[Policy]) -> Note:
    """Return a note under the lines of the logs and of the witnesses alone: what a stranger wrote is not passed on."""
    keys = [log.vkey for policy in policies for log in policy.logs]
    keys += [witness.vkey for policy in policies for witness in policy.witnesses]
    known = {(key.name, key.id) for key in keys}
    return Note(note.text, tuple(line for line in note.lines if (line.name, line.id) in known))


def _complete(group: Group, times: Mapping[str, datetime | None]) -> datetime | None:
    reached = sorted(at for at in (times[member] for member in group.members) if at is not None)
    return reached[group.needed - 1] if len(reached) >= group.needed else None


def _words(line: str) -> Sequence[str]:
    """Return what a line says: only space and tab part words, so that no comment hides a line."""
    if _CONTROL.search(line):
        raise ValueError("it holds a control character")
    words = _BLANK.split(line.strip(" \t"))
    return [] if words[0].startswith("#") or words == [""] else words


def _key(text: str, known: Sequence[VerifierKey], *, witness: bool) -> VerifierKey:
    key = VerifierKey.parse(text)
    if (key.type is KeyType.ED25519) == witness:
        raise ValueError("the key is not of the type that its line asks for")
    if any(key.public == other.public for other in known):
        raise ValueError("the key stands twice")
    return key


def _is_new(name: str, names: Mapping[str, bool]) -> bool:
    return name != NONE and name not in names


def _take(member: str, names: dict[str, bool]) -> None:
    """Count a member in a group, once: who stood in two would count twice."""
    if names.get(member, True):
        raise ValueError(f"{member} is not defined before, or is a member already")
    names[member] = True


def _needed(text: str, members: int) -> int:
    needed = {"any": 1, "all": members}.get(text) or (int(text) if _COUNT.fullmatch(text) else 0)
    if not 1 <= needed <= members:
        raise ValueError(f"it does not ask for 1 to {members} of its members")
    return needed
