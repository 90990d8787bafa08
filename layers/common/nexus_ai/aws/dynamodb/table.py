"""Wrap a DynamoDB table: plain Python values in and out, and two errors.

All operations raise StoreUnavailable if DynamoDB fails or cannot be reached. Conditional writes also raise
ConditionFailed.
"""

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
# DynamoDB's limit for one BatchWriteItem.
BATCH = 25
BATCH_ATTEMPTS = 4


class ConditionFailed(Exception):
    """Conditional write that was refused. `item` is the item at that moment, or None if it did not exist."""

    def __init__(self, item: Item | None) -> None:
        super().__init__("condition failed")
        self.item = item


class Table:
    """DynamoDB table with its operations."""

    def __init__(self, name: str) -> None:
        self.name = name

    def get(self, key: Key, *, consistent: bool = False) -> Item | None:
        """Return the item with this key, or None."""
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
        """Write the complete item.

        Raises:
            ConditionFailed: The condition does not hold.
        """
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
        """Send one UpdateItem request.

        Args:
            key: Key of the item.
            expression: The update expression.
            values: Values of the placeholders that begin with `:`.
            condition: The condition expression.
            names: Attribute names of the placeholders that begin with `#`.
            returns: DynamoDB's ReturnValues.
            repeatable: False for updates that add to a number. They are sent again only if the first request certainly
                had no effect.

        Returns:
            The attributes that `returns` selects.

        Raises:
            ConditionFailed: The condition does not hold.
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

        Args:
            key: Key of the item.
            fields: New values. `files[2]` names the third entry of the list `files`, or appends it to a list of two.
            keep: Fields that are written only if they are missing.
            condition: The condition expression.
            values: Values of the placeholders of the condition.
            names: Attribute names of the placeholders of the condition.
            returns: DynamoDB's ReturnValues.

        Returns:
            The attributes that `returns` selects.

        Raises:
            ConditionFailed: The condition does not hold.
        """
        sets: list[str] = []
        all_names, all_values = dict(names or {}), dict(values or {})
        for number, (field, value) in enumerate(fields.items()):
            name, bracket, index = field.partition("[")
            path, placeholder = f"#set{number}{bracket}{index}", f":set{number}"
            sets.append(f"{path} = " + (f"if_not_exists({path}, {placeholder})" if field in keep else placeholder))
            all_names[f"#set{number}"] = name
            all_values[placeholder] = value
        expression = f"SET {', '.join(sets)}"
        return self.update(key, expression, all_values, condition=condition, names=all_names, returns=returns)

    def delete(self, key: Key, *, condition: str | None = None, values: Mapping[str, Any] | None = None) -> None:
        """Delete the item with this key. A missing item is not an error.

        Raises:
            ConditionFailed: The condition does not hold.
        """
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
        """Yield all items of one partition that meet the condition. Pages are read as they are needed.

        Args:
            condition: The key condition expression.
            values: Values of the placeholders that begin with `:`.
            index: Name of the index to read; None for the table.
            filter_by: Filter expression that DynamoDB applies after reading.
            names: Attribute names of the placeholders that begin with `#`.
            newest_first: Read the sort keys in descending order.
            page_size: Maximum number of items that DynamoDB reads for one page.
            consistent: Use strongly consistent reads.
            only: Projection expression: the attributes to return of each item.
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
    """Item to read, and whether to read it with strong consistency."""

    table: Table
    key: Key
    consistent: bool = False


def read_together(reads: Sequence[Read]) -> list[Item | None]:
    """Read items of different tables in one call (BatchGetItem), at most one item per table.

    Returns:
        The items in the order of `reads`. None means that an item does not exist or that DynamoDB left it unprocessed,
        so use this only if the caller can work without the items.

    Raises:
        StoreUnavailable: DynamoDB could not be reached.
    """
    requested = {read.table.name: {"Keys": [marshal(read.key)], "ConsistentRead": read.consistent} for read in reads}
    response = _send("BatchGetItem", {"RequestItems": requested})["Responses"]
    items = [response.get(read.table.name) for read in reads]
    return [unmarshal(item[0]) if item else None for item in items]


def put_together(writes: Sequence[tuple[Table, Mapping[str, Any]]]) -> None:
    """Write items of several tables in one call (BatchWriteItem), without conditions and without a transaction.

    Raises:
        StoreUnavailable: Some items could not be written.
    """
    _batch([(table.name, {"PutRequest": {"Item": marshal(item)}}) for table, item in writes])


def put_atomically(writes: Sequence[tuple[Table, Mapping[str, Any]]]) -> None:
    """Write all items or none, in one transaction. Several items cost twice the write capacity.

    Needs only `dynamodb:PutItem`; `BatchWriteItem` would also permit deletes.

    Raises:
        StoreUnavailable: DynamoDB could not be reached.
    """
    if len(writes) == 1:
        ((table, item),) = writes
        table.put(item)
        return
    puts = [{"Put": {"TableName": table.name, "Item": marshal(item)}} for table, item in writes]
    # With the same token, DynamoDB runs the transaction only once, even if a repeated request arrives late.
    _send("TransactWriteItems", {"TransactItems": puts, "ClientRequestToken": uuid4().hex})


def delete_together(deletes: Sequence[tuple[Table, Key]]) -> None:
    """Delete items of several tables in one call. Missing items are not an error.

    Raises:
        StoreUnavailable: Some items could not be deleted.
    """
    _batch([(table.name, {"DeleteRequest": {"Key": marshal(key)}}) for table, key in deletes])


def _batch(requests: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Send a batch, and repeat the requests that DynamoDB leaves unprocessed.

    Raises:
        StoreUnavailable: Some requests are still unprocessed after the last attempt.
    """
    if not 0 < len(requests) <= BATCH:
        raise ValueError(f"a batch holds 1 to {BATCH} items, not {len(requests)}")
    pending: dict[str, Any] = {}
    for name, request in requests:
        pending.setdefault(name, []).append(request)
    for number in range(1, BATCH_ATTEMPTS + 1):
        pending = _send("BatchWriteItem", {"RequestItems": pending}).get("UnprocessedItems", {})
        if not pending:
            return
        if not clients.dynamodb().pause(number):
            break
    raise StoreUnavailable


def _send(operation: str, request: Mapping[str, Any], *, repeatable: bool = True) -> dict[str, Any]:
    """Call DynamoDB. The client retries failures that a retry may solve.

    Raises:
        ConditionFailed: The condition of a write does not hold.
        StoreUnavailable: DynamoDB failed or could not be reached.
    """
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
    """Convert plain values to DynamoDB's typed values. Money and counts are integers, so a float raises TypeError."""
    return {name: _typed(value) for name, value in item.items()}


def unmarshal(item: Mapping[str, Any]) -> Item:
    """Convert DynamoDB's typed values to plain values."""
    return {name: _plain(value) for name, value in item.items()}


def _typed(value: object) -> dict[str, Any]:
    # Most frequent types first.
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
    raise TypeError(f"{type(value).__name__} cannot be stored in an item")


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
