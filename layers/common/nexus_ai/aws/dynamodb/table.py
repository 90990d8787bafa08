"""A thin wrapper of a DynamoDB table: plain Python values in and out, and two errors instead of AWS's many."""

import base64
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast
from uuid import uuid4

from nexus_ai.aws import clients
from nexus_ai.aws.dynamodb.keys import Key
from nexus_ai.net.aws_json import ServiceError
from nexus_ai.net.aws_transport import TransportError
from nexus_ai.platform.errors import StoreUnavailable

type Item = dict[str, Any]
# DynamoDB's own limit for one BatchWriteItem.
BATCH = 25
BATCH_TRIES = 4


class ConditionFailed(Exception):
    """A conditional write was refused. `item` is the item as it stood then; None where there was none."""

    def __init__(self, item: Item | None) -> None:
        super().__init__("condition failed")
        self.item = item


class Table:
    def __init__(self, name: str) -> None:
        self.name = name

    def get(self, key: Key, *, consistent: bool = False) -> Item | None:
        request = {"TableName": self.name, "Key": marshal(key), "ConsistentRead": consistent}
        found = _send("GetItem", request).get("Item")
        return unmarshal(found) if found else None

    def put(
        self,
        item: Mapping[str, Any],
        *,
        condition: str | None = None,
        values: Mapping[str, Any] | None = None,
        names: Mapping[str, str] | None = None,
    ) -> None:
        """Writes the whole item; raises ConditionFailed."""
        request: dict[str, Any] = {"TableName": self.name, "Item": marshal(item)}
        if condition:
            request |= {"ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        if values:
            request["ExpressionAttributeValues"] = marshal(values)
        if names:
            request["ExpressionAttributeNames"] = dict(names)
        _send("PutItem", request)

    def update(
        self,
        key: Key,
        expression: str,
        values: Mapping[str, Any],
        *,
        condition: str | None = None,
        names: Mapping[str, str] | None = None,
        returns: str = "NONE",
        repeatable: bool = True,
    ) -> Item:
        """One UpdateItem; returns what `returns` (ReturnValues) asks for, raises ConditionFailed.

        `repeatable` False is for what adds up: it is sent again only where it was certainly not carried out.
        """
        request: dict[str, Any] = {
            "TableName": self.name,
            "Key": marshal(key),
            "UpdateExpression": expression,
            "ReturnValues": returns,
        }
        if values:
            request["ExpressionAttributeValues"] = marshal(values)
        if names:
            request["ExpressionAttributeNames"] = dict(names)
        if condition:
            request |= {"ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        return unmarshal(_send("UpdateItem", request, repeatable=repeatable).get("Attributes", {}))

    def set_fields(
        self,
        key: Key,
        fields: Mapping[str, Any],
        *,
        keep: Collection[str] = (),
        condition: str | None = None,
        values: Mapping[str, Any] | None = None,
        names: Mapping[str, str] | None = None,
        returns: str = "NONE",
    ) -> Item:
        """Write these fields of an item and leave all others, which a newer version may have added.

        `files[2]` names the third entry of the list `files`, or appends it to a list of two. Fields of `keep` are
        written only where they are missing. Returns and raises what `update` does.
        """
        sets: list[str] = []
        all_names, all_values = dict(names or {}), dict(values or {})
        for number, (field, value) in enumerate(fields.items()):
            name, bracket, place = field.partition("[")
            path, given = f"#set{number}{bracket}{place}", f":set{number}"
            sets.append(f"{path} = " + (f"if_not_exists({path}, {given})" if field in keep else given))
            all_names[f"#set{number}"] = name
            all_values[given] = value
        expression = f"SET {', '.join(sets)}"
        return self.update(key, expression, all_values, condition=condition, names=all_names, returns=returns)

    def delete(self, key: Key, *, condition: str | None = None, values: Mapping[str, Any] | None = None) -> None:
        request: dict[str, Any] = {"TableName": self.name, "Key": marshal(key)}
        if condition:
            request |= {"ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        if values:
            request["ExpressionAttributeValues"] = marshal(values)
        _send("DeleteItem", request)

    def query(
        self,
        condition: str,
        values: Mapping[str, Any],
        *,
        index: str | None = None,
        filter_by: str | None = None,
        names: Mapping[str, str] | None = None,
        newest_first: bool = False,
        page_size: int | None = None,
        consistent: bool = False,
        only: str | None = None,
    ) -> Iterator[Item]:
        """Yield all items of one partition that meet the condition, page after page as they are asked for.

        `only` names the attributes that are wanted of each.
        """
        request: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": marshal(values),
            "ScanIndexForward": not newest_first,
            "ConsistentRead": consistent,
        }
        optional = {
            "IndexName": index,
            "FilterExpression": filter_by,
            "ExpressionAttributeNames": dict(names) if names else None,
            "Limit": page_size,
            "ProjectionExpression": only,
        }
        request |= {name: value for name, value in optional.items() if value is not None}
        while True:
            page = _send("Query", request)
            for item in page["Items"]:
                yield unmarshal(item)
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


@dataclass(frozen=True, slots=True)
class Read:
    """An item to read, of a table that is read consistently or is not."""

    table: Table
    key: Key
    consistent: bool = False


def read_together(reads: Sequence[Read]) -> list[Item | None]:
    """Reads items of different tables in one call (BatchGetItem), in the order of `reads`; raises StoreUnavailable.

    None is an item that is not there, or that DynamoDB left unprocessed: for those who go on without it.
    """
    wanted = {read.table.name: {"Keys": [marshal(read.key)], "ConsistentRead": read.consistent} for read in reads}
    found = _send("BatchGetItem", {"RequestItems": wanted})["Responses"]
    items = [found.get(read.table.name) for read in reads]
    return [unmarshal(item[0]) if item else None for item in items]


def put_together(writes: Sequence[tuple[Table, Mapping[str, Any]]]) -> None:
    """Writes items of several tables in one call (BatchWriteItem): no conditions, and not all or nothing."""
    _batch([(table.name, {"PutRequest": {"Item": marshal(item)}}) for table, item in writes])


def put_atomically(writes: Sequence[tuple[Table, Mapping[str, Any]]]) -> None:
    """Writes items in one call, all of them or none, for twice the capacity where there are several.

    Who may put items may do this: a transaction has no right of its own, and that to write a batch allows deleting.
    """
    if len(writes) == 1:
        ((table, item),) = writes
        table.put(item)
        return
    puts = [{"Put": {"TableName": table.name, "Item": marshal(item)}} for table, item in writes]
    # All tries are one transaction: one that arrives late, behind another that was carried out, writes nothing.
    _send("TransactWriteItems", {"TransactItems": puts, "ClientRequestToken": uuid4().hex})


def delete_together(deletes: Sequence[tuple[Table, Key]]) -> None:
    """Deletes items of several tables in one call, each named once; those that are not there are no error."""
    _batch([(table.name, {"DeleteRequest": {"Key": marshal(key)}}) for table, key in deletes])


def _batch(requests: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """What DynamoDB leaves unprocessed is sent again; StoreUnavailable is raised where some is left at the end."""
    if not 0 < len(requests) <= BATCH:
        raise ValueError(f"1 to {BATCH} items go into one batch, not {len(requests)}")
    pending: dict[str, Any] = {}
    for name, request in requests:
        pending.setdefault(name, []).append(request)
    for number in range(1, BATCH_TRIES + 1):
        pending = _send("BatchWriteItem", {"RequestItems": pending}).get("UnprocessedItems", {})
        if not pending:
            return
        if not clients.dynamodb().pause(number):
            break
    raise StoreUnavailable


def _send(operation: str, request: Mapping[str, Any], *, repeatable: bool = True) -> dict[str, Any]:
    """One call of DynamoDB, tried again where that may help; raises ConditionFailed and StoreUnavailable."""
    try:
        return clients.dynamodb().call(operation, request, repeatable=repeatable)
    except ServiceError as error:
        if error.code == "ConditionalCheckFailedException":
            old = error.body.get("Item")
            raise ConditionFailed(unmarshal(old) if old else None) from None
        raise StoreUnavailable from error
    except TransportError as error:
        raise StoreUnavailable from error


def marshal(item: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values to DynamoDB's typed ones. Money and counts are int, so that a float is a fault."""
    return {name: _typed(value) for name, value in item.items()}


def unmarshal(item: Mapping[str, Any]) -> Item:
    return {name: _plain(value) for name, value in item.items()}


def _typed(value: object) -> dict[str, Any]:
    # In the order in which they are frequent.
    if isinstance(value, str):
        return {"S": value}
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int | Decimal):
        return {"N": str(value)}
    if isinstance(value, list | tuple):
        return {"L": [_typed(element) for element in cast("Sequence[object]", value)]}
    if isinstance(value, bytes):
        return {"B": base64.b64encode(value).decode()}
    if isinstance(value, Mapping):
        return {"M": marshal(cast("Mapping[str, object]", value))}
    raise TypeError(f"{type(value).__name__} has no place in an item")


def _plain(typed: Mapping[str, Any]) -> Any:
    ((kind, value),) = typed.items()
    match kind:
        case "NULL":
            return None
        case "N":
            return int(value) if "." not in value and "E" not in value.upper() else Decimal(value)
        case "L":
            return [_plain(element) for element in value]
        case "M":
            return unmarshal(value)
        case "B":
            return base64.b64decode(value)
        case _:
            return value
