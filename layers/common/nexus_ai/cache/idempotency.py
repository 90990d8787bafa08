"""Records of Idempotency-Keys, beside the cached answers: a request that is sent twice is carried out once.

A record is claimed before anything else happens, and holds the end of the request once there is one. A claim whose
request was killed is void after its deadline.

A replay must be answered even where the tenant wants no content kept, so that the end is encrypted under the
Idempotency-Key itself, of which only a hash is stored: who has the table cannot read it, who sends the key can.
"""

import json
import os
import zlib
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from nexus_ai.aws.dynamodb import keys
from nexus_ai.aws.dynamodb.table import ConditionFailed, Item, Table
from nexus_ai.platform.schema import StoredModel
from nexus_ai.platform.units import DAY_S

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

# How long a key is remembered.
KEPT_S = DAY_S
# NIST SP 800-38D, section 8.2: of 96 bits, and never twice under one key.
NONCE_BYTES = 12


def key_hash(key: str) -> str:
    """What is stored of an Idempotency-Key, in hexadecimal."""
    return sha256(key.encode()).hexdigest()


class IdempotencyRecord(StoredModel):
    """`end` is None while the first request is in flight. `fingerprint` is of its body, `request_id` its own."""

    fingerprint: str
    request_id: str
    claimed_until_ms: int
    end: Any = None


def _item(tenant_id: str, key: str, record: IdempotencyRecord, expires_at: int) -> Item:
    item = {
        **keys.idempotency(tenant_id, key_hash(key)),
        **record.model_dump(exclude={"end"}),
        "expiresAt": expires_at,
    }
    if record.end is not None:
        nonce = os.urandom(NONCE_BYTES)
        end = zlib.compress(json.dumps(record.end).encode())
        item["body"] = nonce + _cipher(tenant_id, key).encrypt(nonce, end, None)
    return item


def _record(tenant_id: str, key: str, item: Item) -> IdempotencyRecord:
    end = None
    if "body" in item:
        nonce, body = item["body"][:NONCE_BYTES], item["body"][NONCE_BYTES:]
        end = json.loads(zlib.decompress(_cipher(tenant_id, key).decrypt(nonce, body, None)))
    return IdempotencyRecord.model_validate({**item, "end": end})


def _cipher(tenant_id: str, key: str) -> "AESGCM":
    """AES-256-GCM under a key of its own for each tenant and Idempotency-Key (HKDF, RFC 5869)."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 (only with an Idempotency-Key)
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

    derived = HKDF(SHA256(), length=32, salt=tenant_id.encode(), info=b"end of a request").derive(key.encode())
    return AESGCM(derived)


class IdempotencyStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def claim(self, tenant_id: str, key: str, record: IdempotencyRecord, now_ms: int) -> IdempotencyRecord | None:
        """Take the key for this request: None. Where another request has it: that one's record.

        A record past its time and a claim past its deadline stand in nobody's way, and are replaced whole.
        """
        item = _item(tenant_id, key, record, now_ms // 1000 + KEPT_S)
        try:
            self._table.put(
                item,
                condition="attribute_not_exists(PK) OR expiresAt <= :now_s "
                "OR (attribute_not_exists(body) AND claimed_until_ms < :now_ms) OR request_id = :mine",
                values={":now_s": now_ms // 1000, ":now_ms": now_ms, ":mine": record.request_id},
            )
        except ConditionFailed as taken:
            return _record(tenant_id, key, taken.item) if taken.item else None
        return None

    def load(self, tenant_id: str, key: str) -> IdempotencyRecord | None:
        item = self._table.get(keys.idempotency(tenant_id, key_hash(key)), consistent=True)
        return _record(tenant_id, key, item) if item else None

    def writes(self, tenant_id: str, key: str, record: IdempotencyRecord, now_ms: int) -> list[tuple[Table, Item]]:
        """Return the item to put, whole, once the request has ended: the claim before it was the same request's."""
        return [(self._table, _item(tenant_id, key, record, now_ms // 1000 + KEPT_S))]

    def release(self, tenant_id: str, key: str, request_id: str) -> None:
        """Gives the key back after a failure that may be tried again."""
        self.forget(tenant_id, key_hash(key), request_id)

    def forget(self, tenant_id: str, hashed_key: str, request_id: str) -> None:
        """Deletes what a request has left under its key; another's is left alone."""
        try:
            self._table.delete(
                keys.idempotency(tenant_id, hashed_key), condition="request_id = :mine", values={":mine": request_id}
            )
        except ConditionFailed:
            return
