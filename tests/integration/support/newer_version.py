"""Change the frozen items as a newer version could: add fields, and items of unknown kinds."""

import json
import zlib
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final, cast

from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.aws.dynamodb.table import Item
from nexus_ai.cache.idempotency import IdempotencyStore, key_hash
from tests.integration.support.stored_items import TENANT, Items, Objects

ADDED: Final = "addedLater"
VALUE: Final = {"by": "a newer version", "times": [1, 2]}
# Maps whose keys are names and not fields.
_BY_NAME: Final = frozenset({"prices", "sums", "inFlight"})
# Lists with an entry per window. A newer version may have more windows.
_OF_WINDOWS: Final = frozenset({"maxima", "remaining", "held", "ends"})
# Reservations that are unknown by their form, and by their name.
OTHER_RESERVATIONS: Final[Item] = {"of-a-batch": {"tokens": 5}, "nightly": [0, 0, 0, 1, "openai", "m", 1, 1, 1]}
IDEMPOTENCY_KEYS: Final = ("frozen-answer", "frozen-error")
DUE_S: Final = 1_700_000_000

type Change = Callable[[Items, Objects], None]


def as_they_are(_items: Items, _contents: Objects) -> None:
    return


def with_unknown_fields(items: Items, contents: Objects) -> None:
    """Add a field to every item and to every object in it, including encrypted and compressed ones."""
    for table, stored in items.items():
        items[table] = [_grown(_with_grown_content(item, contents)) for item in stored]


def beside_unknown_kinds(items: Items, contents: Objects) -> None:
    """Add items of unknown kinds to every partition. Some keys begin like those of known kinds."""
    record = next(item["SK"] for item in items["audit_logs"] if item["SK"].endswith("#answer")).partition("#")[0]
    due = {"dueAt": DUE_S}
    items["settings"] += [
        _of("webhook#1", url="https://crm.example"),
        _of("preferences#ana", cache_ttl_days=0, audit_content="none"),
        _of("default#agenda", provider="openai"),
        _of("alerts#ana", thresholds=[], emails=[]),
        _of("provider#openai#spare", provider="openai", enabled="sometimes"),
        # Two providers that only the newer version has: one like the others, and one without a key.
        _of("provider#mistral", **_MISTRAL),
        _of("provider#bedrock", provider="bedrock", role="arn:aws:iam::123456789012:role/models"),
        _of("fallback#*#ana", steps="all of them"),
        _of("circuit#openai#gpt-5-mini#eu", failures="many"),
    ]
    items["rate_limits"] += [
        _of("limits#key#1", **due, dueShard=keys.due_shard(TENANT), maxima={"perMinute": 1}),
        _of("alert#forecast#costPerMonthUsd", **due, dueShard=keys.alert_shard(TENANT), content={"inDays": 3}),
        _of("alert#limit#callsPerMinute#80#1", **due, dueShard=keys.alert_shard(TENANT), content={"calls": 3}),
        _of("check#2026-11-30#America/Manaus#crm", **due, dueShard=keys.usage_check_shard(TENANT)),
        _of("recheck", **due, dueShard=keys.usage_check_shard(TENANT)),
    ]
    items["usage"] += [
        _of("2026-11-30#openai#gpt-5-mini#marketing#ana", requests=1000, cost_micros=10**9),
        _of("2026-11-30#total", requests=1000),
        _of("by-user#ana#2026-11-30", requests=1000),
    ]
    items["cache"] += [{**item, "SK": "stream", "body": b"?"} for item in items["cache"] if item["SK"] == "answer"]
    items["audit_logs"] += [
        _of("a-summary#2026-11-30", byUser=keys.audit_owner(TENANT, "ana"), text="?"),
        _of("0-first", byUser=keys.audit_owner(TENANT, "chefe")),
        _of(f"{record}#tools", PK=keys.audit_contents(TENANT), calls=[]),
        _of(f"{record}#share#1", PK=keys.audit_accesses(TENANT), link="?"),
        _of("every-monday#1", PK=keys.audit_jobs(TENANT), cron="0 9 * * 1"),
        _of("1", PK=f"{TENANT}#labels"),
    ]
    contents[keys.audit_object(TENANT, record, "tools")] = b"?"


_MISTRAL: Final[Item] = {
    "provider": "mistral",
    "model": "mistral-large",
    "enabled": True,
    "key_ciphertext": b"?",
    "key_last_four": "6789",
    "key_fingerprint": "0123456789abcdef",
    "updated_at_ms": 1,
}


def _of(sort_key: str, **fields: object) -> Item:
    return {"PK": TENANT, "SK": sort_key, **fields}


def _grown(value: object, name: str = "") -> Any:
    if isinstance(value, dict):
        return _grown_map(cast("Item", value), name)
    if not isinstance(value, list):
        return value
    entries = [_grown(entry) for entry in cast("list[object]", value)]
    # A newer version may count, reserve or limit more.
    match name:
        case "counters":
            return [*entries, "added_later"]
        case _ if name in _OF_WINDOWS:
            return [*entries, 7]
        case "reservation":
            return [*entries, "more"]
        case _:
            return entries


def _grown_map(members: Item, name: str) -> Item:
    match name:
        case "sums":
            return {key: {**counters, "added_later": 3} for key, counters in members.items()}
        case "inFlight":
            known = {key: _grown(entry, "reservation") for key, entry in members.items()}
            return {**known, **OTHER_RESERVATIONS}
        case "wanted":
            # A search criterion without a value.
            return {**members, ADDED: None}
        case _ if name in _BY_NAME:
            return {key: _grown(entry) for key, entry in members.items()}
        case _:
            return {**{key: _grown(member, key) for key, member in members.items()}, ADDED: VALUE}


def _with_grown_content(item: Item, contents: Objects) -> Item:
    """Return the item with one more field in its JSON, which may be stored in an object."""
    if item["SK"] == "idempotency" and "body" in item:
        return _with_grown_end(item)
    if item["SK"].endswith("#prompt"):
        packed = contents[item["object"]] if "object" in item else item["body"]
        prompt = zlib.compress(json.dumps(_grown(json.loads(zlib.decompress(packed)))).encode())
        if "object" in item:
            contents[item["object"]] = prompt
        body = {} if "object" in item else {"body": prompt}
        return {**item, **body, "sha256": sha256(prompt).hexdigest()}
    return item


def _with_grown_end(item: Item) -> Item:
    store = IdempotencyStore(tables.cache())
    for key in IDEMPOTENCY_KEYS:
        if item["PK"] == keys.idempotency(TENANT, key_hash(key))["PK"]:
            tables.cache().put(item)
            record = store.load(TENANT, key)
            assert record
            grown = record.model_copy(update={"end": _grown(record.end)})
            ((_, written),) = store.writes(TENANT, key, grown, 0)
            return {**written, "expiresAt": item["expiresAt"]}
    raise LookupError("an idempotency record has an unknown key")
