"""A peer that is away, lies or hangs up: what it did is named, and nothing is lost, doubled or believed."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise

import pytest
from sqlalchemy import select

from registry.cli.duties import Courier, Reminding
from registry.cli.freshening import Freshening
from registry.core.agreement import Environment
from registry.core.channel.message import MessageKind
from registry.core.channel.receipt import Receipt
from registry.core.envelope.jose import Envelope, Typ, seal
from registry.core.errors import RegistryError
from registry.peer.client import JWT, Peer
from registry.peer.refusals import PeerUnavailable
from registry.store import tasks
from registry.store.certificates import CertificateRow, Source
from registry.store.messages import MessageIn, MessageOut
from registry.store.tasks import Task, TaskKind
from tests.cli.serving import served
from tests.kit import Corridor, Country
from tests.usecases.channel import test_accept_message
from tests.usecases.channel.test_set_aside import Stranger, aside, forged
from tests.usecases.recovery.restored import NOBODY

AWAY = 200
Answer = tuple[int, str, str]
"""Status, media type and body."""


def test_what_was_issued_while_the_peer_was_away_arrives_once_and_in_order(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = []
    with closing(Peer.at(NOBODY)) as nobody:
        away = Courier(by.node, uz.did, nobody)
        for number in range(AWAY):
            issued.append(by.issued().number)
            if number % 20 == 19:
                by.sequence()
                corridor.clock.forward(timedelta(minutes=2))
                with pytest.raises(PeerUnavailable):
                    away.run()
                Reminding(by.node).run()
    assert open_ones(by) == [(TaskKind.MESSAGES_WAITING, uz.did)]
    with served(uz) as url, closing(Peer.at(url)) as peer:
        by.witnessed(uz)
        back = Courier(by.node, uz.did, peer)
        while back.run():
            pass
    sent, taken = channel_of(by, uz)
    assert sent == taken
    assert [seq for seq, *_ in sent] == list(range(1, 2 * AWAY + 1))  # each certificate, then the proof it went without
    with by.node.database.read() as tx:
        carried = select(MessageOut.log_index).where(MessageOut.kind == MessageKind.CERTIFICATE_ISSUED)
        indices = tx.scalars(carried.order_by(MessageOut.seq)).all()
    assert all(one is not None and other is not None and one < other for one, other in pairwise(indices))
    with uz.node.database.read() as tx:
        came = tx.scalars(select(CertificateRow).where(CertificateRow.source == Source.DELIVERED)).all()
    assert sorted(row.number for row in came) == sorted(issued)
    assert all(row.proof for row in came)
    Reminding(by.node).run()
    assert open_ones(by) == []
    with by.node.database.read() as tx:
        assert len(tx.scalars(select(Task)).all()) == 1  # one alarm, however long it took and however often it was told


def test_a_peer_that_owes_a_receipt_for_a_moment_is_no_alarm(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    by.sequence()
    by.messages(uz)
    corridor.clock.forward(timedelta(minutes=9))
    Reminding(by.node).run()
    assert open_ones(by) == []
    corridor.clock.forward(timedelta(minutes=1))
    Reminding(by.node).run()
    assert open_ones(by) == [(TaskKind.MESSAGES_WAITING, uz.did)]


@dataclass
class Liar:
    """The other country's node, which has its key and says what it likes: `lie` makes an answer of a message."""

    home: Country
    abroad: Country
    lie: Callable[["Liar", str], Answer]
    asked: list[str] = field(default_factory=list)

    def receipt(self, asked: str, /, **changes: object) -> Answer:
        """Answer as an honest node would, but for some members."""
        honest = Envelope.parse(self.abroad.take(asked), Typ.RECEIPT).payload
        return 200, JWT, seal({**honest, **changes}, Typ.RECEIPT, self.abroad.node.keyring.node).text  # type: ignore[dict-item]

    @contextmanager
    def listening(self) -> Iterator[Peer]:
        liar = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(self.path)

            def do_POST(self) -> None:
                self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

            def _answer(self, asked: str) -> None:
                liar.asked.append(asked)
                status, media_type, body = liar.lie(liar, asked)
                self.send_response(status)
                self.send_header("Content-Type", media_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            try:
                with closing(Peer.at(f"http://127.0.0.1:{server.server_port}")) as peer:
                    yield peer
            finally:
                server.shutdown()
                thread.join(20)


def _signed_by_home(liar: Liar, message: str) -> Answer:
    honest = Envelope.parse(liar.abroad.take(message), Typ.RECEIPT).payload
    return 200, JWT, seal(honest, Typ.RECEIPT, liar.home.node.keyring.node).text


LIES: dict[str, tuple[str, Callable[[Liar, str], Answer]]] = {
    "another environment": ("receipt-not-ours", lambda liar, asked: liar.receipt(asked, env=Environment.TRAINING)),
    "another node": ("receipt-not-ours", lambda liar, asked: liar.receipt(asked, issuer=liar.home.did)),
    "another key": ("receipt-not-ours", _signed_by_home),
    "another message": ("receipt-not-ours", lambda liar, asked: liar.receipt(asked, message="0" * 32)),
    "another digest": ("receipt-not-ours", lambda liar, asked: liar.receipt(asked, digest="0" * 64)),
    "wants it again": ("receipt-not-ours", lambda liar, asked: liar.receipt(asked, next_seq=1)),
    "another outcome": ("malformed-record", lambda liar, asked: liar.receipt(asked, outcome="perhaps")),
    "the message itself": ("malformed-envelope", lambda _liar, asked: (200, JWT, asked)),
    "a page": ("malformed-envelope", lambda _liar, _asked: (200, JWT, "<html></html>")),
    "nothing": ("malformed-envelope", lambda _liar, _asked: (200, JWT, "")),
    "a statement": ("malformed-envelope", lambda liar, _asked: (200, JWT, liar.abroad.states())),
    "a problem": ("peer-answers-otherwise", lambda _liar, _asked: (200, "application/problem+json", "{}")),
    "an earlier message that there is none of": (
        "peer-wants-earlier",
        lambda _liar, _asked: (409, "application/problem+json", '{"next_seq": 1}'),
    ),
    "a message that is not made yet": (
        "peer-wants-earlier",
        lambda _liar, _asked: (409, "application/problem+json", '{"next_seq": 900000}'),
    ),
}


@pytest.mark.parametrize("name", LIES)
def test_what_is_no_receipt_is_named_and_the_message_goes_again(corridor: Corridor, name: str) -> None:
    by, uz = corridor.by, corridor.uz
    uz.sequence()
    by.issued()
    by.sequence()
    by.messages(uz)
    code, lie = LIES[name]
    liar = Liar(by, uz, lie)
    with liar.listening() as peer:
        courier = Courier(by.node, uz.did, peer)
        before = by.everything()
        for _ in range(2):
            with pytest.raises(RegistryError) as refusal:
                courier.run()
            assert refusal.value.code == code
        assert by.everything() == before
        assert len(liar.asked) == 2
        liar.lie = lambda honest, asked: honest.receipt(asked)
        courier.run()
    sent, taken = channel_of(by, uz)
    assert [(seq, digest) for seq, digest, _ in sent] == [(seq, digest) for seq, digest, _ in taken]
    assert all(receipt and Receipt.parse(Envelope.parse(receipt, Typ.RECEIPT).payload) for *_, receipt in sent)


def test_a_receipt_that_is_cut_in_the_middle_comes_whole_the_next_time(corridor: Corridor) -> None:
    """The peer has taken the message and we do not know it: the same message has the same receipt."""
    by, uz = corridor.by, corridor.uz
    by.issued()
    by.sequence()
    by.messages(uz)
    liar = Liar(by, uz, lambda liar, asked: (200, JWT, liar.abroad.take(asked)[:-20]))
    with liar.listening() as peer:
        courier = Courier(by.node, uz.did, peer)
        with pytest.raises(RegistryError) as refusal:
            courier.run()
        assert refusal.value.code == "malformed-envelope"
        liar.lie = lambda liar, asked: (200, JWT, liar.abroad.take(asked))
        courier.run()
    sent, taken = channel_of(by, uz)
    assert sent == taken
    assert len(sent) == 1


STATEMENTS: dict[str, tuple[str, Callable[[Liar, str], Answer]]] = {
    "a page": ("malformed-envelope", lambda _liar, _asked: (200, "text/html", "<html></html>")),
    "the word of another node": ("freshness-of-another-node", lambda liar, _asked: (200, JWT, liar.home.states())),
    "a thing of another kind": ("malformed-envelope", lambda liar, _asked: (200, JWT, liar.asked[0])),
    "more than a statement can be": ("peer-without-end", lambda _liar, _asked: (200, JWT, "a" * 900_000)),
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_what_is_no_word_of_the_peer_is_named_and_not_kept(corridor: Corridor, name: str) -> None:
    by, uz = corridor.by, corridor.uz
    by.sequence()
    uz.sequence()
    by.states()
    code, lie = STATEMENTS[name]
    before = by.everything()
    with Liar(by, uz, lie).listening() as peer, pytest.raises(RegistryError) as refusal:
        Freshening(by.node, uz.did, peer).run()
    assert refusal.value.code == code
    assert by.everything() == before


def test_what_waits_for_a_key_ends_waiting_when_the_peer_says_that_its_list_is_the_newest(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    row = uz.issued("cotton-yarn")
    uz.deliver(by)
    test_accept_message.sent(uz, by, forged(uz, row, Stranger(uz)), kind=MessageKind.CERTIFICATE_STATUS)
    assert aside(by) == [None]
    corridor.clock.forward(timedelta(minutes=6))
    uz.sequence()
    statement = uz.states()
    with Liar(by, uz, lambda _liar, _asked: (200, JWT, statement)).listening() as peer:
        Freshening(by.node, uz.did, peer).run()
    assert aside(by) == [corridor.clock()]


def open_ones(country: Country) -> list[tuple[str, str]]:
    with country.node.database.read() as tx:
        return [(task.kind, task.subject) for task in tasks.open_tasks(tx)]


def channel_of(by: Country, uz: Country) -> tuple[list[tuple[int, str, str | None]], list[tuple[int, str, str | None]]]:
    """Return number, digest and receipt of each message, as the one sent them and as the other took them."""
    with by.node.database.read() as tx:
        out = tx.scalars(select(MessageOut).where(MessageOut.to == uz.did).order_by(MessageOut.seq)).all()
    with uz.node.database.read() as tx:
        came = tx.scalars(select(MessageIn).where(MessageIn.from_ == by.did).order_by(MessageIn.seq)).all()
    return (
        [(row.seq, row.digest, row.receipt) for row in out],
        [(row.seq, row.digest, row.receipt) for row in came],
    )
