"""A cheap client, so that it is not what is measured: prepared requests over kept connections, in a closed loop."""

import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """What a load saw."""

    rate: float
    p50: float
    p99: float
    statuses: dict[int, int]


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """Return the bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: bench", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def run(port: int, requests: Sequence[bytes], connections: int = 8) -> Measured:
    """Send every request once, spread over the connections, and measure."""
    times: list[float] = []
    statuses: dict[int, int] = {}
    lock = threading.Lock()

    def work(mine: Sequence[bytes]) -> None:
        seen: list[tuple[float, int]] = []
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for each in mine:
                began = time.perf_counter()
                connection.sendall(each)
                status = _read(connection)
                seen.append((time.perf_counter() - began, status))
        with lock:
            times.extend(took for took, _ in seen)
            for _, status in seen:
                statuses[status] = statuses.get(status, 0) + 1

    threads = [threading.Thread(target=work, args=(requests[place::connections],)) for place in range(connections)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    times.sort()
    return Measured(len(times) / took, times[len(times) // 2], times[int(len(times) * 0.99)], statuses)


def _read(connection: socket.socket) -> int:
    """Read one response with a Content-Length and return its status."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65_536)
        if not part:
            raise ConnectionError("the server closed the connection")
        data += part
    head, _, rest = data.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    while len(rest) < length:
        rest += connection.recv(65_536)
    return int(head[9:12])
