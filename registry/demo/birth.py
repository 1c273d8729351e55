"""The birth of a corridor, in the order of formats 9: keys, people, pins, lists, agreement; each step a command."""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from registry.core.identifiers import body_did, node_did
from registry.demo.country import Country

Tell = Callable[[str], None]

CAST: Mapping[str, Mapping[str, Any]] = {
    "BY": {
        "operator": ("Оперативно-аналитический центр (учебный)", "г. Минск", "Е. С. Ковалёва", "П. А. Жук"),
        "body": ("bcci", "УП «Минское отделение БелТПП» (учебное)", "г. Минск, ул. Коммунистическая, 11"),
        "customs": ("Минская региональная таможня (учебная)", "г. Минск, ул. Могилёвская, 45/1"),
        "examiner": "В. И. Гончар",
        "signatory": "Т. М. Левчук",
        "second_signatory": "О. П. Шамко",
        "officer": "С. Д. Бондарь",
        "auditor": "Н. Г. Рудько",
        "serial": "BY{presented_in}{year:1}101{serial:6}",
    },
    "UZ": {
        "operator": ("Oʻquv axborot markazi", "Toshkent sh.", "N. R. Yusupova", "B. A. Karimov"),
        "body": ("uzex", "«OʻZBEKEKSPERTIZA» AJ (oʻquv)", "Toshkent sh., Amir Temur shoh koʻchasi, 15"),
        "customs": ("Toshkent bojxona boshqarmasi (oʻquv)", "Toshkent sh., Oʻzbekiston koʻchasi, 3"),
        "examiner": "G. T. Saidova",
        "signatory": "R. K. Aliyev",
        "second_signatory": "M. S. Qodirova",
        "officer": "J. B. Toʻxtayev",
        "auditor": "L. U. Hakimova",
        "serial": "UZ{presented_in}{year:1}201{serial:6}",
    },
}
THRESHOLD, LIST_KEYS = 2, ("1", "2", "3")
CALENDARS = Path(__file__).with_name("calendars")


def give_birth(countries: Mapping[str, Country], exporters: Mapping[str, list[dict[str, str]]], tell: Tell) -> None:
    """Take both countries from nothing to an agreement in force."""
    _both(countries, make_keys, tell, "root, three list keys, node, log, witness and document keys, each encrypted")
    _both(countries, lambda country: register(country, exporters[country.code]), tell, "organisations and people")
    _both(countries, keep_calendars, tell, "working days of two years: one operator proposes, another confirms")
    _both(countries, lambda country: pin(country, country), tell, "own root pinned: one proposes, another confirms")
    _both(countries, publish, tell, "trust list drafted, signed by two list keys one at a time, published")
    _both(countries, lambda country: pin(country, _other(countries, country)), tell, "the other's root pinned")
    _both(countries, lambda country: adopt(country, _other(countries, country)), tell, "the other's list adopted")
    agreement = agree(countries)
    tell(f"agreement {agreement[:16]}… signed by two list keys of each country")
    folder = countries["BY"].folder.parent
    _both(
        countries,
        lambda country: country.run(
            "agreement", "adopt", str(folder / "agreement.jws"), token=country.token("operator")
        ),
        tell,
        "the same file adopted on both nodes: the agreement is in force",
    )


def make_keys(country: Country) -> None:
    """Make every key of a country; the root and the list keys in a folder of their own."""
    node, root = str(country.secret("node")), str(country.secret("root"))
    offline, keys = str(country.offline), str(country.keys)
    by_root = ("--root-folder", offline, "--root-passphrase-file", root)
    own_root = ("--name", country.name, "--env", "demo", "--folder", offline, "--passphrase-file", root)
    country.run("keys", "root", "--country", country.code, *own_root)
    for label in LIST_KEYS:
        secret = str(country.secret(f"list-{label}"))
        country.run("keys", "list", label, "--folder", offline, *by_root, "--passphrase-file", secret)
    here = ("--name", country.name, "--folder", keys, "--passphrase-file", node)
    body = CAST[country.code]["body"][0]
    country.run("keys", "node", *here, *by_root)
    country.run("keys", "document", "--body", body, *here, *by_root)
    country.run("keys", "log", *here)
    country.run("keys", "witness", *here)


def register(country: Country, exporters: list[dict[str, str]]) -> None:
    """Make the database and register the people: two operators in one ceremony, and by these two everyone else."""
    country.run("database", "upgrade")
    cast = CAST[country.code]
    name, address, first, second = cast["operator"]
    people = {"operator": (first, _token(country)), "second_operator": (second, _token(country))}
    words = [word for who, made in people.values() for word in ("--name", who, "--sha256", made["sha256"])]
    begun = country.run("party", "first-operators", "--organisation", name, "--address", address, *words)
    for (who, (called, made)), person in zip(people.items(), begun["people"], strict=True):
        country.people[who] = {
            "name": called,
            "token": made["token"],
            "person": person,
            "organisation": begun["organisation"],
        }
    token = country.token("operator")
    code, body_name, body_address = cast["body"]
    body = country.run(
        *("party", "organisation", "--kind", "body", "--name", body_name, "--address", body_address),
        *("--country", country.code, "--code", code, "--body-role", "authorised"),
        token=token,
    )["organisation"]
    _person(country, "examiner", cast["examiner"], body, "examiner")
    _person(country, "signatory", cast["signatory"], body, "signatory")
    _person(country, "second_signatory", cast["second_signatory"], body, "signatory")
    name, address = cast["customs"]
    customs = _organisation(country, "customs", name, address, None)
    _person(country, "officer", cast["officer"], customs, "customs")
    _person(country, "auditor", cast["auditor"], begun["organisation"], "auditor")
    for exporter in exporters:
        organisation = _organisation(country, "exporter", exporter["name"], exporter["address"], exporter["tax_id"])
        _person(country, exporter["key"], exporter["person"], organisation, "exporter")


def calendars_of(code: str) -> list[Path]:
    """Return the calendars of a country, a file for each year."""
    return sorted(CALENDARS.glob(f"{code.lower()}-*.json"))


def keep_calendars(country: Country) -> None:
    """Propose the calendars of a country, and have the other operator confirm them."""
    files = [str(file) for file in calendars_of(country.code)]
    country.run("calendar", "propose", *files, token=country.token("operator"))
    country.run("calendar", "confirm", *files, token=country.token("second_operator"))


def pin(country: Country, whose: Country) -> None:
    """Pin a root: one operator proposes, the other types the fingerprint that came by telephone."""
    proposed = country.run(
        *("trust", "pin", "propose", str(whose.offline / "root.cert.pem"), "--threshold", str(THRESHOLD)),
        token=country.token("operator"),
    )
    spoken = proposed["fingerprint"]
    country.run("trust", "pin", "confirm", whose.code, spoken, token=country.token("second_operator"))


def publish(country: Country, *changes: str) -> None:
    """Draft the list with what changes in it, sign it with as many list keys as the threshold asks, and publish it."""
    token, draft = country.token("operator"), country.folder / "trust-list.json"
    country.run("trust", "draft", str(draft), "--list-keys", str(country.offline), *changes, token=token)
    signatures = [_sign(country, "trust", draft, label) for label in LIST_KEYS[:THRESHOLD]]
    country.run("trust", "publish", *signatures, token=token)
    country.run("trust", "show", "--out", str(country.folder / "trust-list.jws"))


def adopt(country: Country, whose: Country) -> None:
    """Adopt the other country's list."""
    country.run("trust", "adopt", str(whose.folder / "trust-list.jws"), token=country.token("operator"))


def agree(countries: Mapping[str, Country]) -> str:
    """Draft the agreement, have both countries sign it, and join the signatures; return its id."""
    by = countries["BY"]
    folder = by.folder.parent
    wishes, draft, joined = folder / "wishes.json", folder / "agreement.json", folder / "agreement.jws"
    since = datetime.now(UTC).date().replace(month=1, day=1)
    names = {code: country.name for code, country in countries.items()}
    wished = agreement_wishes(names, since)
    wishes.write_text(json.dumps(wished, ensure_ascii=False, indent=1))
    made = by.run("agreement", "draft", str(wishes), str(draft))
    signatures = [
        _sign(country, "agreement", draft, label) for country in countries.values() for label in LIST_KEYS[:THRESHOLD]
    ]
    by.run("agreement", "join", str(joined), *signatures)
    return str(made["id"])


def agreement_wishes(names: Mapping[str, str], since: date) -> dict[str, Any]:
    """Return the agreement as two ministries might write it; what the sources leave open is a value here."""
    offsets = {"BY": "+03:00", "UZ": "+05:00"}
    authorities = {
        "BY": ("Государственный таможенный комитет", "Белорусская торгово-промышленная палата"),
        "UZ": ("Davlat bojxona qoʻmitasi", "«OʻZBEKEKSPERTIZA» AJ"),
    }
    return {
        "env": "demo",
        "title": "Учебное соглашение о взаимном применении электронных систем сертификации",
        "from": since.isoformat(),
        "parties": [
            {
                "country": code,
                "offset": offsets[code],
                "nodes": [node_did(name)],
                "central_customs": authorities[code][0],
                "central_authorised_body": authorities[code][1],
            }
            for code, name in names.items()
        ],
        "recognitions": [
            {
                "scheme": "origin-st1",
                "rules_set": "CIS-1993",
                "issued_in": issued_in,
                "presented_in": presented_in,
                "from": since.isoformat(),
                "effect": "recognised",
                "form": "electronic" if issued_in == "UZ" else "paper",
                "validity_months": 12,
                "tolerance_percent": "0",
            }
            for issued_in, presented_in in (("BY", "UZ"), ("UZ", "BY"))
        ],
        "numbers": [
            {"body": body_did(name, CAST[code]["body"][0]), "pattern": CAST[code]["serial"]}
            for code, name in names.items()
        ],
        "silence": "accepted",
        "log_required_after_hours": 24,
        "witnesses": [{"country": code, "witnesses": 1} for code in names],
    }


def _sign(country: Country, what: str, draft: Path, label: str) -> str:
    out = country.folder / f"{what}-{label}.jws"
    key, secret = f"list-{label}", str(country.secret(f"list-{label}"))
    folder = str(country.offline)
    country.run(what, "sign", str(draft), str(out), "--key", key, "--folder", folder, "--passphrase-file", secret)
    return str(out)


def _organisation(country: Country, kind: str, name: str, address: str, tax_id: str | None) -> str:
    words = ["--kind", kind, "--name", name, "--address", address, "--country", country.code]
    if tax_id is not None:
        words += ["--tax-id", tax_id]
    made = country.run("party", "organisation", *words, token=country.token("operator"))
    return str(made["organisation"])


def _person(country: Country, who: str, name: str, organisation: str, *roles: str) -> None:
    chosen = [word for role in roles for word in ("--role", role)]
    made = _token(country)
    words = ("--organisation", organisation, "--name", name, *chosen, "--sha256", made["sha256"], "--days", "30")
    person = str(country.run("party", "person", *words, token=country.token("operator"))["person"])
    told = ("--sha256", made["sha256"])
    country.run("party", "token", "confirm", person, *told, token=country.token("second_operator"))
    country.people[who] = {"name": name, "token": made["token"], "person": person, "organisation": organisation}


def _token(country: Country) -> dict[str, str]:
    """Make a token as its person does, alone; operators are told its fingerprint."""
    return country.run("party", "token", "new")


def _other(countries: Mapping[str, Country], country: Country) -> Country:
    return next(other for other in countries.values() if other is not country)


def _both(countries: Mapping[str, Country], work: Callable[[Country], object], tell: Tell, what: str) -> None:
    """Do a step in both countries at once, and tell it."""
    with ThreadPoolExecutor(len(countries)) as pool:
        list(pool.map(work, countries.values()))
    tell(f"{' and '.join(countries)}: {what}")
