from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from registry.core.tlog.checkpoint import Checkpoint, MalformedCheckpoint
from registry.core.tlog.cosignature import cosign
from registry.core.tlog.merkle import EMPTY_ROOT
from registry.core.tlog.note import KeyType, Note, NotSigned, SignatureLine, VerifierKey, WrongSignature, sign_note
from registry.core.tlog.policy import (
    Cosigned,
    Group,
    KnownLog,
    KnownWitness,
    MalformedPolicy,
    Policy,
    QuorumNotMet,
    WrongOrigin,
    lines_that_count,
)

AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)
KEYS = [Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in range(1, 9)]


def vkey(number: int, name: str, type: KeyType = KeyType.COSIGNATURE) -> VerifierKey:
    return VerifierKey(name, type, KEYS[number].public_key().public_bytes_raw())


LOG, OTHER_LOG = (vkey(number, f"{name}.example/log", KeyType.ED25519) for number, name in ((0, "by"), (1, "uz")))
WITNESSES = {f"w{number}": vkey(number, f"w{number}.example/witness") for number in range(2, 8)}
CHECKPOINT = Checkpoint(LOG.name, 7, EMPTY_ROOT)
SIGNED = sign_note(CHECKPOINT.encode(), LOG, KEYS[0].sign)
LINES = "".join(f"witness {name} {key.encode()}\n" for name, key in WITNESSES.items())


def by(*names: str, at: Sequence[datetime] = ()) -> Note:
    """Return the checkpoint as the witnesses of these names cosigned it, a second after each other or `at`."""
    times = at or [AT + place * SECOND for place in range(len(names))]
    lines = tuple(
        cosign(SIGNED.text, WITNESSES[name], KEYS[int(name[1:])].sign, time)
        for name, time in zip(names, times, strict=True)
    )
    return Note(SIGNED.text, SIGNED.lines + lines)


def policy(groups: str) -> Policy:
    return Policy.parse(f"log {LOG.encode()}\n{LINES}{groups}\n")


def is_met(asked: Policy, note: Note) -> bool:
    try:
        return asked.met_at(note) is not None
    except QuorumNotMet:
        return False


def test_a_policy_is_read_with_its_comments_blanks_and_urls() -> None:
    text = (
        "# who vouches for the log of Belarus\n\n"
        f"log {LOG.encode()} https://by.example/log\n"
        f" \tlog\t{OTHER_LOG.encode()}\n"
        f"witness X1  {WITNESSES['w2'].encode()}   https://w2.example/\n"
        "   # quorum none\n"
        f"witness Y1 {WITNESSES['w3'].encode()}\n"
        "group X-and-Y all X1 Y1\t\n"
        "quorum X-and-Y"
    )
    assert Policy.parse(text) == Policy(
        (KnownLog(LOG, "https://by.example/log"), KnownLog(OTHER_LOG)),
        (KnownWitness("X1", WITNESSES["w2"], "https://w2.example/"), KnownWitness("Y1", WITNESSES["w3"])),
        (Group("X-and-Y", 2, ("X1", "Y1")),),
        "X-and-Y",
    )


def test_a_policy_without_log_or_witness_is_read() -> None:
    assert Policy.parse("quorum none\n") == Policy(())
    assert Policy(()).encode() == "quorum none\n"


def test_a_policy_is_written_in_the_words_of_the_specification() -> None:
    text = (
        f"log {LOG.encode()} https://by.example/log\n{LINES}"
        "group a any w2\ngroup b all w3 w4\ngroup c any w5 w6\ngroup d 2 a b c\nquorum d\n"
    )
    assert Policy.parse(text).encode() == text


def test_the_end_of_a_former_key_stands_in_a_comment() -> None:
    former = KnownWitness("w2", WITNESSES["w2"], until=AT)
    text = Policy((), (former,), quorum="w2").encode()
    assert text == (
        "# w2 counts for cosignatures up to 2026-11-21T09:30:00+00:00\n"
        f"witness w2 {WITNESSES['w2'].encode()}\nquorum w2\n"
    )
    assert Policy.parse(text) == Policy((), (replace(former, until=None),), quorum="w2")


WORDS = st.text(st.characters(min_codepoint=33, codec="utf-8", exclude_characters="\x7f"), min_size=1, max_size=9)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Make a policy whose every name is defined before it is used, and is a member once."""
    names = draw(st.lists(WORDS.filter(lambda word: word != "none"), unique=True, max_size=12))
    places = draw(st.permutations(range(8)))
    half = min(len(names) // 2, 6)
    witnesses = [
        KnownWitness(name, vkey(place, f"w{place}"), draw(st.none() | WORDS))
        for name, place in zip(names[:half], places, strict=False)
    ]
    free = [witness.name for witness in witnesses]
    groups = []
    for name in names[half:]:
        if not free:
            break
        members = draw(st.lists(st.sampled_from(free), unique=True, min_size=1))
        groups.append(Group(name, draw(st.integers(1, len(members))), tuple(members)))
        free = [*(other for other in free if other not in members), name]
    logs = [
        KnownLog(vkey(place, f"log{place}", KeyType.ED25519), draw(st.none() | WORDS))
        for place in draw(st.sets(st.integers(0, 7)))
    ]
    known = ["none", *(witness.name for witness in witnesses), *(group.name for group in groups)]
    return Policy(tuple(logs), tuple(witnesses), tuple(groups), draw(st.sampled_from(known)))


@given(policies())
def test_every_policy_is_read_back(written: Policy) -> None:
    assert Policy.parse(written.encode()) == written


@given(st.text(max_size=80))
def test_any_text_is_a_policy_or_refused(text: str) -> None:
    for rubbish in (text, f"{text}\nquorum none", f"witness {text} {WITNESSES['w2'].encode()}\nquorum none"):
        try:
            read = Policy.parse(rubbish)
        except MalformedPolicy:
            continue
        assert Policy.parse(read.encode()) == read


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("# quorum none", 1),
        ("\n\n", 3),
        ("quorum", 1),
        ("quorum none none", 1),
        ("quorum none\nquorum none", 2),
        (f"{LINES}quorum w2\nquorum w3", 8),
        ("quorum w2", 1),
        (f"quorum w2\n{LINES}", 1),
        ("Quorum none", 1),
        ("quorum none # truly", 1),
        ("log\nquorum none", 1),
        ("log x\nquorum none", 1),
        (f"log {LOG.encode()} a b\nquorum none", 1),
        (f"log {WITNESSES['w2'].encode()}\nquorum none", 1),
        (f"log {LOG.encode()}\nlog {LOG.encode()}\nquorum none", 2),
        (f"log {LOG.encode()}\nlog {replace(LOG, name='other').encode()}\nquorum none", 2),
        ("witness w\nquorum none", 1),
        ("witness w x\nquorum none", 1),
        (f"witness none {WITNESSES['w2'].encode()}\nquorum none", 1),
        (f"witness w {WITNESSES['w2'].encode()} a b\nquorum none", 1),
        (f"witness w {LOG.encode()}\nquorum none", 1),
        (f"{LINES}witness again {WITNESSES['w2'].encode()}\nquorum none", 7),
        (f"{LINES}witness again {replace(WITNESSES['w2'], name='other').encode()}\nquorum none", 7),
        (f"witness w2 {WITNESSES['w3'].encode()}\n{LINES}quorum none", 2),
        ("group g any\nquorum none", 1),
        ("group g any nobody\nquorum none", 1),
        ("group g any g\nquorum none", 1),
        (f"{LINES}group g any none\nquorum none", 7),
        (f"{LINES}group none any w2\nquorum none", 7),
        (f"{LINES}group w2 any w3\nquorum none", 7),
        (f"{LINES}group g any w2\ngroup g any w3\nquorum none", 8),
        (f"{LINES}group g any w2 w2\nquorum none", 7),
        (f"{LINES}group g any w2\ngroup h any w2\nquorum none", 8),
        (f"{LINES}group g any w2\ngroup h any g\ngroup i any g\nquorum none", 9),
        (f"group g any w2\n{LINES}quorum none", 1),
        (f"{LINES}group g 0 w2\nquorum none", 7),
        (f"{LINES}group g 2 w2\nquorum none", 7),
        (f"{LINES}group g -1 w2\nquorum none", 7),
        (f"{LINES}group g +1 w2\nquorum none", 7),
        (f"{LINES}group g 01 w2\nquorum none", 7),
        (f"{LINES}group g 1_0 w2\nquorum none", 7),
        (f"{LINES}group g ١ w2\nquorum none", 7),
        (f"{LINES}group g {'9' * 5_000} w2\nquorum none", 7),
        (f"{LINES}group g some w2\nquorum none", 7),
        ("quorum\xa0none", 1),
        ("quorum none\r\n", 1),
        ("# a comment\x0bquorum none", 1),
        ("quorum none\n# \0", 2),
        ("quorum none\n# \x7f", 2),
        ("witness", 1),
        ("mirror m\nquorum none", 1),
    ],
)
def test_what_is_no_policy_is_refused_and_the_line_named(text: str, line: int) -> None:
    with pytest.raises(MalformedPolicy, match=rf"^line {line} of the policy cannot be read: ") as refused:
        Policy.parse(text)
    assert refused.value.line == line


def test_no_comment_hides_a_line() -> None:
    """Only a newline ends a line: neither a separator of Unicode nor a control character does."""
    for mark in "\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}\x85":
        with pytest.raises(MalformedPolicy, match="it names no quorum"):
            Policy.parse(f"# nobody{mark}quorum none")


def test_names_are_told_apart_as_they_are_spelled() -> None:
    lines = [f"witness {name} {WITNESSES[w].encode()}" for name, w in (("K", "w2"), ("\N{KELVIN SIGN}", "w3"))]
    read = Policy.parse("\n".join([*lines, "quorum \N{KELVIN SIGN}"]))
    assert read.quorum == read.witnesses[1].name


@pytest.mark.parametrize(
    ("groups", "sets"),
    [
        ("quorum w2", [{"w2"}]),
        ("group g any w2 w3\nquorum g", [{"w2"}, {"w3"}]),
        ("group g all w2 w3\nquorum g", [{"w2", "w3"}]),
        ("group g 2 w2 w3 w4\nquorum g", [{"w2", "w3"}, {"w2", "w4"}, {"w3", "w4"}]),
        (
            "group x 2 w2 w3 w4\ngroup y any w5 w6\ngroup xy all x y\nquorum xy",
            [{*pair, y} for pair in combinations(("w2", "w3", "w4"), 2) for y in ("w5", "w6")],
        ),
        ("group x all w2 w3\ngroup y any x w4\nquorum y", [{"w2", "w3"}, {"w4"}]),
        ("group x all w2 w3\nquorum w4", [{"w4"}]),
    ],
)
def test_the_quorum_is_met_by_the_sets_that_it_says_and_by_no_other(groups: str, sets: list[set[str]]) -> None:
    asked = policy(groups)
    for count in range(len(WITNESSES) + 1):
        for cosigned in combinations(WITNESSES, count):
            assert is_met(asked, by(*cosigned)) == any(enough <= set(cosigned) for enough in sets)


@pytest.mark.parametrize(
    ("groups", "seconds", "met"),
    [
        ("quorum w2", {"w2": 5, "w3": 1}, 5),
        ("group g any w2 w3\nquorum g", {"w2": 5, "w3": 3}, 3),
        ("group g all w2 w3\nquorum g", {"w2": 5, "w3": 3}, 5),
        ("group g 2 w2 w3 w4\nquorum g", {"w2": 9, "w3": 3, "w4": 4}, 4),
        ("group x 2 w2 w3 w4\ngroup y any w5 w6\ngroup z all x y\nquorum z", {"w2": 2, "w4": 4, "w5": 7, "w6": 3}, 4),
        ("group x 2 w2 w3 w4\ngroup y any w5 w6\ngroup z all x y\nquorum z", {"w2": 2, "w4": 4, "w5": 7}, 7),
    ],
)
def test_the_quorum_is_complete_at_the_moment_of_the_last_line_that_it_needs(
    groups: str, seconds: dict[str, int], met: int
) -> None:
    note = by(*seconds, at=[AT + after * SECOND for after in seconds.values()])
    assert policy(groups).met_at(note) == AT + met * SECOND
    assert policy(groups).check(note) == Cosigned(CHECKPOINT, AT + met * SECOND)


def test_too_few_are_counted_whatever_groups_they_are_in() -> None:
    asked = policy("group g all w2 w3 w4\nquorum g")
    for names in ((), ("w2",), ("w2", "w5"), ("w5", "w6", "w7")):
        with pytest.raises(QuorumNotMet, match=rf"^{len(names)} of the witnesses that count") as refused:
            asked.check(by(*names))
        assert (refused.value.code, refused.value.cosigned) == ("quorum-not-met", len(names))


def test_where_no_witness_is_asked_none_is_looked_at() -> None:
    forged = Note(SIGNED.text, (*SIGNED.lines, SignatureLine("w2", WITNESSES["w2"].id, b"\0" * 72)))
    assert policy("quorum none").check(forged) == Cosigned(CHECKPOINT, None)


def test_a_forged_line_of_a_known_witness_spoils_the_note_though_the_quorum_is_met_without_it() -> None:
    forged = SignatureLine(WITNESSES["w3"].name, WITNESSES["w3"].id, bytes(8) + b"\1" * 64)
    note = Note(SIGNED.text, (*by("w2").lines, forged))
    with pytest.raises(WrongSignature):
        policy("quorum w2").met_at(note)


def test_a_former_key_counts_up_to_its_end() -> None:
    for until, counts in ((AT - SECOND, False), (AT, True), (AT + SECOND, True), (None, True)):
        asked = Policy((KnownLog(LOG),), (KnownWitness("w2", WITNESSES["w2"], until=until),), quorum="w2")
        assert is_met(asked, by("w2")) == counts


def test_a_former_key_that_signed_before_and_after_its_end_counts_for_what_was_before() -> None:
    asked = Policy((KnownLog(LOG),), (KnownWitness("w2", WITNESSES["w2"], until=AT),), quorum="w2")
    assert asked.met_at(by("w2", "w2", at=[AT + SECOND, AT])) == AT


def test_a_checkpoint_is_of_the_log_that_signed_it() -> None:
    two = Policy((KnownLog(LOG), KnownLog(OTHER_LOG, "https://uz.example/log")))
    assert two.signed(SIGNED) == CHECKPOINT
    assert two.log(OTHER_LOG.name) == KnownLog(OTHER_LOG, "https://uz.example/log")
    assert two.log("kz.example/log") is None
    theirs = replace(CHECKPOINT, origin=OTHER_LOG.name)
    assert two.signed(sign_note(theirs.encode(), OTHER_LOG, KEYS[1].sign)) == theirs
    for text in (theirs.encode(), replace(CHECKPOINT, origin="kz.example/log").encode()):
        with pytest.raises(WrongOrigin, match=r", not of by\.example/log$"):
            two.signed(sign_note(text, LOG, KEYS[0].sign))
    with pytest.raises(MalformedCheckpoint):
        two.signed(sign_note("no checkpoint\n", LOG, KEYS[0].sign))
    with pytest.raises(NotSigned):
        Policy((KnownLog(OTHER_LOG),)).signed(SIGNED)
    with pytest.raises(NotSigned):
        Policy(()).check(SIGNED)


def test_a_log_may_have_two_keys_of_one_name() -> None:
    second = vkey(1, LOG.name, KeyType.ED25519)
    note = sign_note(CHECKPOINT.encode(), second, KEYS[1].sign)
    assert Policy((KnownLog(LOG), KnownLog(second))).signed(note) == CHECKPOINT


def test_only_the_lines_of_logs_and_witnesses_are_kept() -> None:
    note = by("w2", "w3", "w4")
    few = Policy((KnownLog(LOG),), (KnownWitness("w2", WITNESSES["w2"]),))
    other = Policy((KnownLog(LOG),), (KnownWitness("w4", WITNESSES["w4"]),))
    impostor = SignatureLine(LOG.name, b"0000", b"x" * 64)
    shown = Note(note.text, (*note.lines, impostor))
    assert lines_that_count(shown, [few, other]) == by("w2", "w4", at=[AT, AT + 2 * SECOND])
    assert lines_that_count(shown, []).lines == ()
