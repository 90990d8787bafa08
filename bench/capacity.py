"""What calls of DynamoDB take, as it tells itself where it is asked."""

from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from unittest.mock import patch

from nexus_ai.storage import aws

READS = frozenset({"Query", "GetItem", "BatchGetItem"})


@dataclass
class Capacity:
    """Units of capacity, and calls by their names; a call that is tried again is one."""

    read: float = 0
    write: float = 0
    calls: Counter[str] = field(default_factory=Counter[str])


@contextmanager
def counted() -> Generator[Capacity]:
    """What is used within it."""
    capacity = Capacity()
    service = aws.dynamodb()
    call = service.call

    def told(operation: str, members: Mapping[str, Any], *, repeatable: bool = True) -> dict[str, Any]:
        capacity.calls[operation] += 1
        answer = call(operation, {**members, "ReturnConsumedCapacity": "TOTAL"}, repeatable=repeatable)
        found: Any = answer.get("ConsumedCapacity", [])
        tables = cast("list[dict[str, Any]]", found if isinstance(found, list) else [found])
        units = sum(float(table["CapacityUnits"]) for table in tables)
        if operation in READS:
            capacity.read += units
        else:
            capacity.write += units
        return answer

    with patch.object(service, "call", told):
        yield capacity
