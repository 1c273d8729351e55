"""docker-compose.yml: its shape, and each of its services as a process of this machine with the same environment."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import ProgrammingError

from registry.api.limits import MAX_BODY, MAX_HEADERS, MAX_UPLOAD
from registry.demo.desk import wait_for
from registry.settings import CLI_ONLY, PREFIX, Settings
from registry.store.database import APP, OWNER, Database
from registry.store.postgres import SUPERUSER, Server, binaries
from tests import kit
from tests.processes import environment_of, wait_until_it_answers
from tests.two_nodes.compose import COUNTRIES, PROGRAM, ROOT, Service, names, read

COMPOSE = read()
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: told for name, told in SERVICES.items() if told["image"].startswith("registry:")}
NGINX = shutil.which("nginx")
NO_PROXY = "nginx is not installed: the proxy is read, and not driven"
SERVICE_KEYS = {
    *("image", "build", "command", "environment", "depends_on", "networks", "volumes", "secrets", "configs", "ports"),
    *("healthcheck", "restart", "profiles", "init", "read_only", "cap_drop", "security_opt", "tmpfs", "user"),
    *("stop_grace_period", "shm_size", "working_dir"),
}
"""What of the Compose specification is used here: a word that is none of it is a slip of the pen."""


def secrets_of(service: Any) -> dict[str, str]:
    return {each["target"]: each["source"] for each in service.get("secrets", ())}


def mounts(service: Any) -> dict[str, Any]:
    """Return what is mounted, by where; a short one is `source:target`."""
    long = [
        each
        if isinstance(each, dict)
        else dict(zip(("source", "target"), each.split(":"), strict=True)) | {"type": "volume"}
        for each in service.get("volumes", ())
    ]
    return {each["target"]: each for each in long}


def test_every_name_that_a_service_uses_is_declared() -> None:
    declared = {what: names(COMPOSE[what]) for what in ("networks", "volumes", "secrets", "configs")}
    used: dict[str, set[str]] = {what: set() for what in declared}
    for service in SERVICES.values():
        assert set(service) <= SERVICE_KEYS
        assert names(service.get("depends_on")) <= names(SERVICES)
        used["networks"] |= names(service["networks"])
        used["secrets"] |= set(secrets_of(service).values())
        used["volumes"] |= {each["source"] for each in mounts(service).values() if each["type"] == "volume"}
        used["configs"] |= {each["source"] for each in service.get("configs", ())}
        for how in (service.get("depends_on") or {}).values():
            assert how["condition"] in {"service_started", "service_healthy", "service_completed_successfully"}
    assert used == declared


def test_each_country_has_every_service_and_they_differ_in_the_country_alone() -> None:
    kinds = ("database", "migrate", "api", "worker", "proxy", "operator", "owner")
    assert set(SERVICES) == {f"{code}-{kind}" for code in COUNTRIES for kind in kinds}
    for kind in kinds:
        ours, theirs = repr(SERVICES[f"by-{kind}"]), repr(SERVICES[f"uz-{kind}"])
        for one, other in (("by-", "uz-"), ("by_", "uz_"), ("/by", "/uz"), ("'BY'", "'UZ'"), ("8100", "8101")):
            ours = ours.replace(one, other)
        for one, other in (("by.registry", "?"), ("uz.registry", "by.registry"), ("?", "uz.registry")):
            ours = ours.replace(one, other)
        assert ours.replace("http://uz-proxy", "") == theirs.replace("http://by-proxy", "")


def test_each_setting_is_one_and_no_secret_stands_in_the_environment() -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | CLI_ONLY
    for name, service in OURS.items():
        environment = service["environment"]
        assert set(environment) <= known
        held = {path for path in environment.values() if str(path).startswith("/run/secrets/")}
        wanted = {f"/run/secrets/{target}" for target in secrets_of(service)}
        assert held - wanted == (
            {"/run/secrets/app_password", "/run/secrets/passphrase"} if name.endswith(("-migrate", "-owner")) else set()
        )
        assert wanted <= held
    for service in SERVICES.values():
        for variable, value in service.get("environment", {}).items():
            assert variable.endswith("_FILE") or "PASS" not in variable, variable
            assert "@" not in str(value) or ":" not in str(value).split("@")[0].partition("//")[2]


def test_migrations_run_as_owner_and_neither_app_nor_operator_holds_the_owners_password() -> None:
    for code in COUNTRIES:
        for kind in ("migrate", "owner"):
            assert set(secrets_of(SERVICES[f"{code}-{kind}"])) == {"owner_password"}
        owner = mounts(SERVICES[f"{code}-owner"])
        assert owner.keys() == {"/keys/log.vkey", "/backups"}, "it has no private key"
        assert owner["/keys/log.vkey"]["read_only"] is True
        assert "REGISTRY_TOKEN" not in SERVICES[f"{code}-owner"]["environment"]
        for kind in ("api", "worker", "operator"):
            service = SERVICES[f"{code}-{kind}"]
            assert set(secrets_of(service)) == {"app_password", "passphrase"}
            assert not any("OWNER" in variable for variable in service["environment"])
        for kind in ("api", "worker"):
            service = SERVICES[f"{code}-{kind}"]
            assert service["depends_on"][f"{code}-migrate"] == {"condition": "service_completed_successfully"}
            assert mounts(service)["/keys"]["read_only"] is True
            assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])


def test_a_database_is_reached_by_its_own_node_alone() -> None:
    for code in COUNTRIES:
        network = f"{code}-database"
        on_it = {name for name, service in SERVICES.items() if network in names(service["networks"])}
        assert on_it == {f"{code}-{kind}" for kind in ("database", "migrate", "api", "worker", "operator", "owner")}
        assert COMPOSE["networks"][network] == {"internal": True}
        assert names(SERVICES[f"{code}-database"]["networks"]) == {network}
        assert names(SERVICES[f"{code}-api"]["networks"]) == {network, f"{code}-node"}
    published = {name for name, service in SERVICES.items() if "ports" in service}
    assert published == {"by-proxy", "uz-proxy"}
    assert all(port.startswith("127.0.0.1:") for name in published for port in SERVICES[name]["ports"])


def test_the_guard_is_on_no_volume_of_a_database() -> None:
    for code in COUNTRIES:
        database = {each["source"] for each in mounts(SERVICES[f"{code}-database"]).values()}
        guards = {mounts(SERVICES[f"{code}-{kind}"])["/guard"]["source"] for kind in ("api", "worker", "operator")}
        assert (database, guards) == ({f"{code}-database"}, {f"{code}-guard"})
        assert SERVICES[f"{code}-api"]["environment"]["REGISTRY_GUARD"].startswith("/guard/")


def test_a_service_whose_files_are_copied_in_is_not_read_only() -> None:
    """The engine cannot copy the content of a config into a container that is (docker/compose 12531)."""
    assert all("configs" not in service for service in SERVICES.values() if service.get("read_only"))


def test_the_image_is_built_of_the_lock_and_runs_as_nobody() -> None:
    builds = [service["build"] for service in OURS.values()]
    assert all(build == builds[0] for build in builds)
    lines = builds[0]["dockerfile_inline"].splitlines()
    assert [line for line in lines if line.startswith("FROM")] == [
        "FROM python:3.11-slim AS wheels",
        "FROM python:3.11-slim",
    ]
    recipe = "\n".join(lines)
    assert "--require-hashes --requirement /requirements.lock" in recipe
    assert "--no-index --find-links=/wheels" in recipe
    assert "USER 10001" in lines
    assert "/health/ready" in recipe
    for line in lines:
        words = line.split()
        if words[:1] == ["COPY"]:
            assert all((ROOT / source).exists() for source in words[1:-1]), line


def test_the_limits_of_the_proxy_are_those_of_the_node() -> None:
    proxy = COMPOSE["configs"]["proxy"]["content"]
    directives = {line.split("#")[0].strip() for line in proxy.splitlines()}
    assert {"client_header_timeout 10s;", "client_max_body_size 1m;", "client_max_body_size 10m;"} <= directives
    assert "large_client_header_buffers 2 8k;" in directives
    assert MAX_HEADERS == 2 * 8 * 1024
    assert MAX_BODY < 1 << 20
    assert MAX_UPLOAD < 10 << 20
    assert {"server_tokens off;", "location = /metrics { return 404; }"} <= directives


@contextmanager
def process(
    command: list[str], environment: dict[str, str], folder: Path, name: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command until the body ends; its words are in `<folder>/<name>.log`."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
    with (folder / f"{name}.log").open("wb") as log:
        running = subprocess.Popen(command, env=kept | environment, stdout=log, stderr=log, cwd=folder)
        try:
            yield running
        finally:
            running.terminate()
            running.wait(30)


def free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


@dataclass
class Stack:
    """All services of the file, each as a process here."""

    corridor: kit.Corridor
    folder: Path
    api: dict[str, int]
    proxy: dict[str, int]
    environments: dict[str, dict[str, str]] = field(default_factory=dict)

    def country(self, code: str) -> kit.Country:
        return self.corridor.by if code == "by" else self.corridor.uz

    def service(self, name: str, forge: kit.Forge) -> Service:
        """Return a service with what stands for the paths and addresses of its container."""
        code = name[:2]
        country = self.country(code)
        told = environment_of(forge, country, self._folder(code))
        secrets = {"app_password": forge.server.passwords[APP], "owner_password": forge.server.passwords[OWNER]}
        for target, value in (secrets | {"passphrase": kit.SECRET.decode()}).items():
            (self._folder(code) / target).write_text(value + "\n")
        places = {f"/run/secrets/{target}": str(self._folder(code) / target) for target in secrets_of(SERVICES[name])}
        places |= {f"http://{other}-proxy:8080": f"http://127.0.0.1:{self.proxy[other]}" for other in COUNTRIES}
        places |= {"@database:5432/registry": f"@127.0.0.1:{forge.server.port}/{country.database}"}
        places |= {"/keys": self._keys(name, Path(told["REGISTRY_KEYS"])), "/guard/guard.json": told["REGISTRY_GUARD"]}
        places |= {"0.0.0.0": "127.0.0.1", "8080": str(self.api[code]), "training": told["REGISTRY_ENV"]}  # noqa: S104  it is replaced
        service = Service(name, SERVICES[name], places)
        self.environments[name] = service.environment | {"REGISTRY_CLOCK_FILE": told["REGISTRY_CLOCK_FILE"]}
        return service

    def _keys(self, name: str, keys: Path) -> str:
        """Return the folder of keys of a service: all of it, or the files that are mounted one by one."""
        files = [Path(target) for target in mounts(SERVICES[name]) if target.startswith("/keys/")]
        if not files:
            return str(keys)
        folder = self._folder(name[:2]) / f"keys-of-{name}"
        folder.mkdir(exist_ok=True)
        for file in files:
            (folder / file.name).write_bytes((keys / file.name).read_bytes())
        return str(folder)

    def url(self, code: str) -> str:
        return f"http://127.0.0.1:{self.api[code]}"

    def outside(self, code: str) -> str:
        return f"http://127.0.0.1:{self.proxy[code]}"

    def _folder(self, code: str) -> Path:
        folder = self.folder / code
        folder.mkdir(exist_ok=True)
        return folder


@pytest.fixture(scope="module")
def stack(forge: kit.Forge, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Start everything in the order of `depends_on`; where there is no nginx, the api stands for its proxy."""
    folder = tmp_path_factory.mktemp("compose")
    with forge.corridor() as corridor, ExitStack() as running:
        ports = free_ports(4)
        api = dict(zip(COUNTRIES, ports[:2], strict=True))
        proxy = dict(zip(COUNTRIES, ports[2:], strict=True)) if NGINX else dict(api)
        made = Stack(corridor, folder, api, proxy)
        for code in COUNTRIES:
            _ = made.country(code).node.guard
        for code in COUNTRIES:
            migrate = made.service(f"{code}-migrate", forge)
            with process(migrate.command, made.environments[migrate.name], folder, migrate.name) as once:
                assert once.wait(60) == 0, (folder / f"{migrate.name}.log").read_text()
        for kind in ("api", "worker"):
            for code in COUNTRIES:
                service = made.service(f"{code}-{kind}", forge)
                started = process(service.command, made.environments[service.name], folder, service.name)
                at_work = running.enter_context(started)
                if kind == "api":
                    wait_until_it_answers(made.url(code), at_work, folder / f"{service.name}.log")
        for code in COUNTRIES if NGINX else ():
            running.enter_context(proxied(made, code, "10s"))
        for code in COUNTRIES:
            wait_for(lambda code=code: is_ready(made.url(code)), f"{code} ready")  # type: ignore[misc]
        yield made


@contextmanager
def proxied(made: Stack, code: str, header_timeout: str, port: int | None = None) -> Iterator[int]:
    """Run the proxy of a country with the configuration of the file; the time for headers may be shorter than there."""
    port = port or made.proxy[code]
    folder = made.folder / f"{code}-proxy-{port}"
    folder.mkdir()
    content = COMPOSE["configs"]["proxy"]["content"]
    changes = {
        "listen 8080": f"listen 127.0.0.1:{port}",
        "http://node:8080": made.url(code),
        "/tmp/nginx": f"{folder}/nginx",  # noqa: S108  it is replaced
        "client_header_timeout 10s": f"client_header_timeout {header_timeout}",
        "worker_processes auto": "worker_processes 1",
    }
    for there, here in changes.items():
        assert there in content
        content = content.replace(there, here)
    (folder / "nginx.conf").write_text(content)
    who = "user root; " if os.geteuid() == 0 else ""
    command = [str(NGINX), "-e", "stderr", "-c", str(folder / "nginx.conf"), "-g", f"{who}daemon off;"]
    with process(command, {}, folder, "nginx") as running:
        wait_until_it_answers(f"http://127.0.0.1:{port}", running, folder / "nginx.log")
        yield port


def is_ready(url: str) -> bool | None:
    return httpx2.get(f"{url}/health/ready", trust_env=False).status_code == 200 or None


def test_a_certificate_crosses_the_border_between_the_services(stack: Stack, forge: kit.Forge) -> None:
    by, uz = stack.corridor.by, stack.corridor.uz
    for code, country in (("by", by), ("uz", uz)):
        shown = httpx2.get(f"{stack.outside(code)}/trust-list", trust_env=False)
        assert (shown.status_code, shown.text) == (200, forge.lists[country.code])
        assert "server" not in shown.headers or shown.headers["server"] == "nginx"
    number = by.issued().number

    def passed() -> bool | None:
        """Ask until the certificate has come, and the proof that waits for the other country's witness."""
        headers = {"Authorization": f"Bearer {uz.tokens['officer']}", "Idempotency-Key": secrets.token_hex(8)}
        asked = f"{stack.outside('uz')}/api/v1/verifications"
        answer = httpx2.post(asked, json={"number": number}, headers=headers, trust_env=False, timeout=20)
        assert answer.status_code == 201, answer.text
        return answer.json()["indication"] == "TOTAL-PASSED" or None

    wait_for(passed, "the certificate in Tashkent")


def test_the_image_calls_a_node_healthy_that_is_ready(stack: Stack) -> None:
    recipe = SERVICES["by-api"]["build"]["dockerfile_inline"]
    line = next(line for line in recipe.splitlines() if line.strip().startswith("CMD") and "urlopen" in line)
    program = line.partition('"-c", "')[2].rpartition('"]')[0]
    for port, code in ((stack.api["by"], 0), (free_ports(1)[0], 1)):
        checked = program.replace("127.0.0.1:8080", f"127.0.0.1:{port}")
        done = subprocess.run([sys.executable, "-c", checked], capture_output=True, check=False, timeout=30)
        assert done.returncode == code, done.stderr


def test_the_operator_asks_how_the_node_stands(stack: Stack, forge: kit.Forge) -> None:
    service = stack.service("by-operator", forge)
    environment = stack.environments[service.name]
    with process(service.command, environment, stack.folder, service.name) as asked:
        assert asked.wait(60) == 0
    assert "ready" in (stack.folder / "by-operator.log").read_text()


def test_the_owner_makes_backups_and_holds_the_ceremony_and_an_operator_can_do_neither(
    stack: Stack, forge: kit.Forge
) -> None:
    backup = ("database", "backup", "by.dump")
    ceremony = (
        "party",
        "first-operators",
        "--organisation",
        "О",
        "--address",
        "М",
        "--name",
        "А",
        "--sha256",
        "0" * 64,
    )

    def ends(name: str, *words: str) -> tuple[int, str]:
        service = stack.service(name, forge)
        command, environment = [*PROGRAM, *words], stack.environments[name]
        with process(command if words else service.command, environment, stack.folder, name) as asked:
            return asked.wait(60), (stack.folder / f"{name}.log").read_text()

    assert ends("by-owner")[0] == 0
    assert ends("by-owner", *backup)[0] == 0
    assert "node-works" in ends("by-owner", "database", "restore", "by.dump", "--replace")[1]
    assert "party-wrong: the first operators are at least two people" in ends("by-owner", *ceremony)[1]
    assert "owner-wanted" in ends("by-operator", *ceremony)[1]
    assert "backup-failed" in ends("by-operator", *backup, "--force")[1]


def test_the_app_of_the_services_owns_nothing_that_is_append_only(stack: Stack) -> None:
    with (
        stack.corridor.by.node.database.begin() as tx,
        pytest.raises(ProgrammingError, match=r"must be owner|permission"),
    ):
        tx.execute(text("ALTER TABLE act DISABLE TRIGGER ALL"))


@pytest.mark.skipif(NGINX is None, reason=NO_PROXY)
def test_the_proxy_passes_on_neither_figures_nor_what_is_wrong(stack: Stack) -> None:
    assert httpx2.get(f"{stack.url('by')}/metrics", trust_env=False).status_code == 200
    for path in ("/metrics", "/health/ready", "/metrics?x=1", "//metrics", "/%6detrics"):
        hidden = httpx2.get(f"{stack.outside('by')}{path}", trust_env=False)
        assert (hidden.status_code, hidden.json()["code"]) == (404, "no-such-path"), path
    assert httpx2.get(f"{stack.outside('by')}/health/live", trust_env=False).status_code == 200
    assert httpx2.request("TRACE", f"{stack.outside('by')}/trust-list", trust_env=False).status_code == 405


@pytest.mark.skipif(NGINX is None, reason=NO_PROXY)
@pytest.mark.parametrize(
    ("path", "size", "passes"),
    [
        ("/api/v1/applications", 1_000_000, True),
        ("/api/v1/applications", 1_100_000, False),
        (f"/api/v1/products/{'0' * 32}/evidence", 9_900_000, True),
        (f"/api/v1/products/{'0' * 32}/evidence", 10_600_000, False),
    ],
)
def test_the_proxy_takes_no_longer_body_than_the_node(stack: Stack, path: str, size: int, *, passes: bool) -> None:
    url, headers = f"{stack.outside('by')}{path}", {"Content-Type": "application/pdf"}
    answer = httpx2.post(url, content=bytes(size), headers=headers, trust_env=False, timeout=30)
    by_the_node = "x-request-id" in answer.headers
    assert by_the_node == passes
    assert (answer.json()["code"] == "body-too-large") != passes
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.skipif(NGINX is None, reason=NO_PROXY)
def test_the_proxy_takes_no_longer_headers_than_the_node(stack: Stack) -> None:
    for length, statuses in ((6_000, {200}), (40_000, {400, 431})):
        headers = {f"X-{number}": "x" * 1000 for number in range(length // 1000)}
        answer = httpx2.get(f"{stack.outside('by')}/trust-list", headers=headers, trust_env=False)
        assert answer.status_code in statuses, answer.text
    assert answer.json()["code"] in {"request-unreadable", "headers-too-large"}


@pytest.mark.skipif(NGINX is None, reason=NO_PROXY)
def test_who_is_slow_with_the_headers_is_hung_up_on(stack: Stack) -> None:
    (port,) = free_ports(1)
    with proxied(stack, "by", "1s", port), socket.create_connection(("127.0.0.1", port), timeout=20) as slow:
        slow.sendall(b"GET /trust-list HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        began = time.monotonic()
        with pytest.raises(ConnectionResetError):
            slow.recv(1 << 16)
        assert 0.5 < time.monotonic() - began < 10


@pytest.mark.skipif(NGINX is None, reason=NO_PROXY)
def test_a_node_that_is_away_is_told_as_a_problem(stack: Stack) -> None:
    (nobody, port) = free_ports(2)
    away = Stack(stack.corridor, stack.folder, {"by": nobody}, {"by": port})
    with proxied(away, "by", "10s", port):
        answer = httpx2.get(f"http://127.0.0.1:{port}/trust-list", trust_env=False)
    assert (answer.status_code, answer.json()["code"]) == (502, "node-unavailable")


@pytest.fixture
def empty() -> Iterator[Server]:
    """A server as the image of PostgreSQL starts it: a superuser, an empty database, and no role of ours."""
    folder = kit.FOLDER / str(os.getpid()) / "compose-database"
    server = Server.start(folder)
    engine = create_engine(server.url(SUPERUSER, "postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in (f"DROP ROLE {OWNER}", f"DROP ROLE {APP}", "CREATE DATABASE registry"):
            connection.execute(text(statement))
    engine.dispose()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def test_the_databases_first_start_makes_both_roles_and_migrations_the_rest(empty: Server, tmp_path: Path) -> None:
    script = COMPOSE["configs"]["roles"]["content"].replace("/run/secrets", str(tmp_path))
    words = {"owner_password": "o'w\"n er", "app_password": "app\\word"}
    for name, word in words.items():
        (tmp_path / name).write_text(word + "\n")
    (tmp_path / "roles.sql").write_text(script)
    at = {"PGHOST": "127.0.0.1", "PGPORT": str(empty.port), "PGUSER": SUPERUSER, "PGDATABASE": "registry"}
    subprocess.run(
        [binaries() / "psql", "--no-psqlrc", "--set=ON_ERROR_STOP=1", f"--file={tmp_path}/roles.sql"],
        check=True,
        env={"PATH": os.environ["PATH"], "PGPASSWORD": empty.passwords[SUPERUSER], **at},
        capture_output=True,
    )
    places = {"/run/secrets": str(tmp_path), "@database:5432": f"@127.0.0.1:{empty.port}"}
    migrate = Service("by-migrate", SERVICES["by-migrate"], places)
    with process(migrate.command, migrate.environment, tmp_path, "migrate") as once:
        assert once.wait(60) == 0, (tmp_path / "migrate.log").read_text()
    url = empty.url(SUPERUSER, "registry")
    app = create_engine(url).url.set(username=APP, password=words["app_password"])
    database = Database.open(app.render_as_string(hide_password=False))
    try:
        database.check_safe(production=True)
        with database.read() as tx:
            assert tx.scalar(text("SELECT count(*) FROM act")) == 0
    finally:
        database.close()
