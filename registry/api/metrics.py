"""Figures for a monitor: what this process answered, and how the node stands; only where `REGISTRY_METRICS` is on."""

import os
from collections.abc import Iterable, Mapping
from math import inf

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from registry.api.call import NodeDep
from registry.api.limits import StrictRoute
from registry.api.operation import operation
from registry.api.problems import FaceProblem
from registry.core.errors import RegistryError
from registry.usecases.node.measure_node import Measures, measure

router = APIRouter(tags=["health"], route_class=StrictRoute)
SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""Where the processes of one node put their counts together; `registry serve` names it where there are several."""
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
TEXT = "text/plain"


class Meter:
    """Counts what this process answers."""

    def __init__(self) -> None:
        self.counts = CollectorRegistry()
        labels = ("method", "route", "status")
        self._requests = Counter("registry_requests", "Requests answered.", labels, registry=self.counts)
        self._seconds = Histogram(
            "registry_request_seconds", "Time to answer.", ("route",), buckets=BUCKETS, registry=self.counts
        )

    def count(self, method: str, route: str, status: str, seconds: float) -> None:
        """Count one request; `route` is a template, so that no path makes a series of its own."""
        self._requests.labels(method, route, status).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self, standing: Collector) -> bytes:
        """Return the counts of all processes, and how the node stands."""
        everything = CollectorRegistry()
        if SHARED in os.environ:
            MultiProcessCollector(everything)  # type: ignore[no-untyped-call]  # the library gives no types here
        else:
            everything.register(self.counts)
        everything.register(standing)
        return generate_latest(everything)


class Standing(Collector):
    """How the node stands, as gauges; where the database does not tell, that alone."""

    def __init__(self, measures: Measures | None) -> None:
        self.measures = measures

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Give the gauges."""
        yield _gauge("database_up", "Whether the database tells how the node stands.", int(self.measures is not None))
        if self.measures is None:
            return
        told = self.measures
        yield _gauge("log_size", "Entries of the log.", told.log.size)
        yield _gauge("log_published_size", "Entries that a quorum of witnesses has cosigned.", told.log.published)
        yield _gauge("log_lag_seconds", "Age of the oldest act that is not in the log.", told.log.lag)
        yield _gauge("log_unpublished_seconds", "Age of the oldest checkpoint without a quorum.", told.log.unpublished)
        peers = {peer.did: peer for peer in told.peers}
        yield _gauges("queue_messages", "Messages without a receipt.", "peer", {d: p.queue for d, p in peers.items()})
        yield _gauges("queue_seconds", "Age of the oldest of them.", "peer", {d: p.waiting for d, p in peers.items()})
        heard = {did: peer.silence for did, peer in peers.items() if peer.silence is not None}
        yield _gauges("peer_silence_seconds", "Time since the last message of a peer.", "peer", heard)
        names = {each.name: each for each in told.witnesses}
        yield _gauges(
            "witness_answer_age_seconds",
            "Age of a witness's last cosignature; +Inf while there is none yet.",
            "witness",
            {name: _or_ever(each.answered) for name, each in names.items()},
        )
        yield _gauges(
            "witness_unanswered_seconds",
            "For how long a witness is asked without an answer.",
            "witness",
            {name: each.unanswered or 0.0 for name, each in names.items()},
        )
        yield _gauges("tasks_open", "What waits for a person.", "kind", told.tasks)
        ages = {held.country: held.age for held in told.lists}
        left = {held.country: held.left for held in told.lists}
        yield _gauges("list_age_seconds", "Age of the newest trust list.", "country", ages)
        yield _gauges("list_left_seconds", "Time until it expires.", "country", left)
        stated = {held.country: _or_ever(held.stated) for held in told.lists}
        yield _gauges(
            "freshness_age_seconds",
            "Age of the newest freshness statement; +Inf while there is none yet.",
            "country",
            stated,
        )


@router.get("/metrics", **operation(None, "no-such-path", gives=[TEXT]))
def read_metrics(request: Request, node: NodeDep) -> Response:
    """Give figures in the text format of Prometheus, where the operator has switched them on."""
    if not node.settings.metrics:
        raise FaceProblem("no-such-path", "nothing is at this path")
    meter: Meter = request.app.state.meter
    try:
        with node.database.read() as tx:
            measures = measure(tx, node.pins, country=node.settings.country, at=node.now())
    except RegistryError:
        measures = None
    return Response(meter.text(Standing(measures)), 200, {"Cache-Control": "no-store"}, f"{TEXT}; version=0.0.4")


def _or_ever(age: float | None) -> float:
    return inf if age is None else age


def _gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"registry_{name}", meaning, value)


def _gauges(name: str, meaning: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"registry_{name}", meaning, labels=[label])
    for labelled, value in values.items():
        family.add_metric([labelled], value)
    return family
