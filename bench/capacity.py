"""What calls of DynamoDB take, as it tells itself where it is asked."""

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
    """Units of capacity, and calls by their names; a call that is tried again is one."""

    read: float = 0
    write: float = 0
    calls: Counter[str] = field(default_factory=Counter[str])


@contextmanager
def counted() -> Generator[Capacity]:
    """What is used within it."""
    capacity = Capacity()
    service = clients.dynamodb()
    call = service.call

    def told(operation: str, members: Mapping[str, Any], *, repeatable: bool = True) -> dict[str, Any]:
        capacity.calls[operation] += 1
        if operation == "TransactWriteItems":
            capacity.write += sum(_transacted(item["Put"]["Item"]) for item in members["TransactItems"])
            return call(operation, members, repeatable=repeatable)
        answer = call(operation, {**members, "ReturnConsumedCapacity": "TOTAL"}, repeatable=repeatable)
        found: Any = answer.get("ConsumedCapacity", [])
        tables = cast("list[dict[str, Any]]", found if isinstance(found, list) else [found])
        units = sum(float(table["CapacityUnits"]) for table in tables)
        if operation in READS:
            capacity.read += units + _of_nothing(operation, members, answer, units)
        else:
            capacity.write += units
        return answer

    with patch.object(service, "call", told):
        yield capacity


def _of_nothing(operation: str, members: Mapping[str, Any], answer: Mapping[str, Any], units: float) -> float:
    """The units of reads that found nothing, which DynamoDB Local leaves out, but for those of GetItem. DynamoDB counts
    what the smallest item would take
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html).
    """
    if operation == "BatchGetItem":
        return sum(
            _smallest(asked) * (len(asked["Keys"]) - len(answer["Responses"].get(table, [])))
            for table, asked in members["RequestItems"].items()
        )
    return 0 if units else _smallest(members)


def _smallest(read: Mapping[str, Any]) -> float:
    return 1 if read.get("ConsistentRead") else 0.5


def _transacted(item: Mapping[str, Mapping[str, Any]]) -> int:
    """The units of an item in a transaction: twice those that it takes by itself, and its copy in the index likewise.

    DynamoDB Local counts those of whole transactions otherwise, and one of a single small item as four.
    """
    return 2 * ceil(size_of(item) / 1024) * (2 if INDEX in item else 1)


def size_of(item: Mapping[str, Any]) -> int:
    """Bytes of an item in DynamoDB's types."""
    return _size({"M": item})


def _size(typed: Mapping[str, Any]) -> int:
    """Bytes of a value, as DynamoDB's developer guide counts them ("DynamoDB item sizes and formats")."""
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
