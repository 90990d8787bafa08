"""Restore frozen items: the contents of the tables and the bucket as one version left them.

`python -m tests.fixtures.stored_items` has written them once. They are never written again: every later version must
be able to read them.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any, Final, cast

import pytest
from pydantic import BaseModel

import nexus_ai
from local.stack import LocalStack
from nexus_ai.aws import clients, s3
from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.aws.dynamodb.table import Item, Table, unmarshal
from nexus_ai.gateway.composition import gateway
from nexus_ai.platform.clock import SystemClock
from nexus_ai.platform.schema import StoredModel
from nexus_ai.platform.settings import get_settings
from nexus_ai.settings import key_ring
from nexus_ai.settings.service import settings_service
from tests.integration.support.aws_calls import scan
from tests.integration.support.http_client import Reply, ask
from tests.integration.support.pipeline import sweep_at

FROZEN: Final = Path(__file__).parents[2] / "fixtures" / "stored_items" / "2026-11-30"
TENANT: Final = "frozen-clinic"
TABLES: Final[Mapping[str, Callable[[], Table]]] = {
    "settings": tables.settings,
    "rate_limits": tables.rate_limits,
    "cache": tables.cache,
    "usage": tables.usage,
    "audit_logs": tables.audit_logs,
}
PROVIDER_KEY: Final = "sk-frozen-0123456789"

# By the names of the tables.
type Items = dict[str, list[Item]]
type Objects = dict[str, bytes]


def read_json(name: str) -> Any:
    return json.loads((FROZEN / f"{name}.json").read_text("utf-8"))


def frozen_items() -> Items:
    return {name: [unmarshal(item) for item in read_json(name)] for name in TABLES}


def frozen_objects() -> Objects:
    return {name: b64decode(body) for name, body in read_json("objects").items()}


def stored_items() -> Items:
    """Return the tenant's items that the tables have now."""
    return {name: [unmarshal(item) for item in typed_items(table())] for name, table in TABLES.items()}


def typed_items(table: Table) -> Iterator[dict[str, Any]]:
    """Yield the tenant's items and the item of an unfinished sweep, in DynamoDB's own types."""
    for item in scan(table.name):
        if _is_frozen(item["PK"]["S"], item["SK"]["S"]):
            yield item


def stored_objects() -> dict[str, str]:
    """Return the tenant's objects by their names, in base64."""
    return {name: b64encode(s3.get(name)).decode() for name in _object_names()}


def put_back(items: Items, contents: Objects) -> None:
    """Replace all of the tenant's items and objects.

    Provider keys are encrypted again, because this deployment's key cannot decrypt the frozen ciphertexts.
    """
    for name, table in TABLES.items():
        for item in list(typed_items(table())):
            table().delete({"PK": item["PK"]["S"], "SK": item["SK"]["S"]})
        for item in items[name]:
            table().put(_with_readable_key(item))
    if names := _object_names():
        s3.delete(names)
    for name, body in contents.items():
        s3.put(name, body)


def _with_readable_key(item: Item) -> Item:
    if "key_ciphertext" not in item:
        return item
    return {**item, "key_ciphertext": key_ring.encrypt(TENANT, item["provider"], PROVIDER_KEY)}


def _is_frozen(partition: str, sort_key: str) -> bool:
    sweep = keys.unfinished_sweep()
    return partition.partition("#")[0] == TENANT or (partition, sort_key) == (sweep["PK"], sweep["SK"])


def _object_names() -> list[str]:
    found: list[str] = []
    for prefix in (f"{TENANT}/", f"-/exports/{TENANT}/"):
        page = clients.s3().list_objects_v2(Bucket=get_settings().content_bucket, Prefix=prefix)
        found += [entry.get("Key", "") for entry in page.get("Contents", [])]
    return found


def job_id(name: str) -> str:
    return str(read_json("responses")[f"job_{name}"]["id"])


def holds(shown: object, frozen: object) -> bool:
    """Return True if a response still has everything that was frozen. It may have more fields."""
    if isinstance(frozen, dict):
        members, others = cast("dict[str, object]", frozen), cast("dict[str, object]", shown)
        return isinstance(shown, dict) and all(
            name in others and holds(others[name], value) for name, value in members.items()
        )
    if isinstance(frozen, list):
        entries, found = cast("list[object]", frozen), cast("list[object]", shown)
        return isinstance(shown, list) and len(found) == len(entries) and all(map(holds, found, entries))
    return shown == frozen


class Clinic:
    """Tenant of the frozen items, and the requests of its users."""

    def __init__(self, stack: LocalStack, now_ms: int) -> None:
        self.stack = stack
        self.now_ms = now_ms
        self.responses: dict[str, Any] = read_json("responses")

    def call(self, method: str, path: str, body: object = None, user: str = "chefe", **headers: str) -> Reply:
        token = self.stack.stranger_token(TENANT, user, ["admin"])
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return ask(self.stack.url, method, f"/api/marketing/{path}", token=token, body=body, headers=named)

    def good(self, method: str, path: str, body: object = None, user: str = "chefe", **headers: str) -> dict[str, Any]:
        reply = self.call(method, path, body, user, **headers)
        assert reply.status in {200, 202}, reply.body
        return reply.body

    def sweep(self, later_ms: int) -> None:
        self.forget()
        sweep_at(self.now_ms + later_ms).sweep_tenant(TENANT)

    def forget(self) -> None:
        """Clear all memoized settings, as if the next call ran in another process."""
        settings_service.cache_clear()
        gateway.cache_clear()


@contextmanager
def at_the_frozen_moment(monkeypatch: pytest.MonkeyPatch, stack: LocalStack) -> Generator[Clinic]:
    """Stop the clock at the moment when the items were frozen, and yield their tenant."""
    now_ms = int(read_json("moment")["atMs"])

    def frozen_now_ms(_: SystemClock) -> int:
        return now_ms

    monkeypatch.setattr(SystemClock, "now_ms", frozen_now_ms)
    clinic = Clinic(stack, now_ms)
    clinic.forget()
    try:
        yield clinic
    finally:
        put_back({name: [] for name in TABLES}, {})
        clinic.forget()


# Routes that show the frozen items, by the names of the frozen responses.
ROUTES: Final[Mapping[str, str]] = {
    "configs": "ai/configs",
    "fallback": "ai/fallback-config",
    "preferences": "ai/preferences",
    "limits": "ai/rate-limits",
    "usage": "ai/usage-stats",
    "records": "ai/audit-logs?limit=4",
    **{f"job_{name}": f"ai/audit-logs/jobs/{job_id(name)}" for name in ("erased", "withdrawn", "queued")},
}


def models_below[Base: BaseModel](base: type[Base]) -> list[type[Base]]:
    """Return the layer's subclasses of `base`, sorted by name."""
    for module in walk_packages(nexus_ai.__path__, "nexus_ai."):
        import_module(module.name)
    found: set[type[Base]] = set()
    waiting: list[type[Base]] = [base]
    while waiting:
        below = waiting.pop().__subclasses__()
        found.update(below)
        waiting += below
    return sorted((model for model in found if model.__module__.startswith("nexus_ai.")), key=full_name)


def full_name(model: type[BaseModel]) -> str:
    return f"{model.__module__}.{model.__name__}"


def required_fields() -> dict[str, list[str]]:
    """Return the required fields of all stored models, by model name."""
    return {
        model.__name__: sorted(name for name, field in model.model_fields.items() if field.is_required())
        for model in models_below(StoredModel)
    }
