"""Count the capacity units that calls of DynamoDB consume, as reported in its responses."""

from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from typing import Any, cast
from unittest.mock import patch

from nexus_ai.audit.store import INDEX
from nexus_ai.aws import clients

READS = frozenset({"Query", "GetItem", "BatchGetItem"})


@dataclass
class Capacity:
    """Capacity units, and calls by operation. A call with retries counts once."""

    read: float = 0
    write: float = 0
    calls: Counter[str] = field(default_factory=Counter[str])


@contextmanager
def counted() -> Generator[Capacity]:
    """Count what is consumed within the block."""
    capacity = Capacity()
    service = clients.dynamodb()
    call = service.call

    def count(operation: str, members: Mapping[str, Any], *, repeatable: bool = True) -> dict[str, Any]:
        capacity.calls[operation] += 1
        if operation == "TransactWriteItems":
            capacity.write += sum(_transacted(item["Put"]["Item"]) for item in members["TransactItems"])
            return call(operation, members, repeatable=repeatable)
        response = call(operation, {**members, "ReturnConsumedCapacity": "TOTAL"}, repeatable=repeatable)
        found: Any = response.get("ConsumedCapacity", [])
        tables = cast("list[dict[str, Any]]", found if isinstance(found, list) else [found])
        units = sum(float(table["CapacityUnits"]) for table in tables)
        if operation in READS:
            capacity.read += units + _units_of_empty_reads(operation, members, response, units)
        else:
            capacity.write += units
        return response

    with patch.object(service, "call", count):
        yield capacity


def _units_of_empty_reads(
    operation: str, members: Mapping[str, Any], response: Mapping[str, Any], units: float
) -> float:
    """Return the units of reads without a result, which DynamoDB Local reports only for GetItem.

    DynamoDB counts as many units as for the smallest item
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html).
    """
    if operation == "BatchGetItem":
        return sum(
            _smallest_read(read) * (len(read["Keys"]) - len(response["Responses"].get(table, [])))
            for table, read in members["RequestItems"].items()
        )
    return 0 if units else _smallest_read(members)


def _smallest_read(read: Mapping[str, Any]) -> float:
    return 1 if read.get("ConsistentRead") else 0.5


def _transacted(item: Mapping[str, Mapping[str, Any]]) -> int:
    """Return the units of an item in a transaction: twice those of a single write, and the same for the index.

    DynamoDB Local counts transactions differently: one with a single small item counts four units.
    """
    return 2 * ceil(size_of(item) / 1024) * (2 if INDEX in item else 1)


def size_of(item: Mapping[str, Any]) -> int:
    """Return the size in bytes of an item in DynamoDB's types."""
    return _size({"M": item})


def _size(typed: Mapping[str, Any]) -> int:
    """Return the size in bytes of a value, by DynamoDB's developer guide ("DynamoDB item sizes and formats")."""
    ((kind, value),) = typed.items()
    match kind:
        case "M":
            return 3 + sum(1 + len(name) + _size(each) for name, each in value.items())
        case "L":
            return 3 + sum(1 + _size(each) for each in value)
        case "S":
            return len(value.encode())
        case "B":
            return len(value)
        case "N":
            return len(value) // 2 + 2
        case _:
            return 1
