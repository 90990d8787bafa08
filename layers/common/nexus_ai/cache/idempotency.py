"""Store the records of Idempotency-Keys in the Cache table.

A request claims its key before anything else happens, and stores its result under the key when it ends. The claim of a
request that was killed expires after its deadline.

A replay has to work even if the tenant stores no content. The result is therefore encrypted with a key derived from the
Idempotency-Key, of which only a hash is stored. The table alone is not enough to read the result.
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

# Lifetime of a record.
KEPT_S = DAY_S
# NIST SP 800-38D, section 8.2: 96 bits, and never used twice with one key.
NONCE_BYTES = 12


def key_hash(key: str) -> str:
    """Return the SHA-256 of an Idempotency-Key in hexadecimal, which is stored in its place."""
    return sha256(key.encode()).hexdigest()


class IdempotencyRecord(StoredModel):
    """Record of the first request with an Idempotency-Key.

    Attributes:
        fingerprint: The hash of what the client sent. A repetition must have the same one.
        request_id: The id of the first request.
        claimed_until_ms: The moment after which another request may take a claim that has no `end`.
        end: The result of the request; None while it is in flight.
    """

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
    """Return AES-256-GCM with a key derived from the tenant and the Idempotency-Key (HKDF, RFC 5869)."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 (few requests have such a key)
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

    derived = HKDF(SHA256(), length=32, salt=tenant_id.encode(), info=b"end of a request").derive(key.encode())
    return AESGCM(derived)


class IdempotencyStore:
    """Idempotency records in the Cache table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def claim(self, tenant_id: str, key: str, record: IdempotencyRecord, now_ms: int) -> IdempotencyRecord | None:
        """Claim the key for a request.

        An expired record, or a claim without a result past its deadline, is replaced.

        Returns:
            None if the request has claimed the key, otherwise the record of the request that holds it.
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
        """Return the record of an Idempotency-Key with a strongly consistent read; None if there is none."""
        item = self._table.get(keys.idempotency(tenant_id, key_hash(key)), consistent=True)
        return _record(tenant_id, key, item) if item else None

    def writes(self, tenant_id: str, key: str, record: IdempotencyRecord, now_ms: int) -> list[tuple[Table, Item]]:
        """Return the item that replaces the request's own claim when the request has ended."""
        return [(self._table, _item(tenant_id, key, record, now_ms // 1000 + KEPT_S))]

    def release(self, tenant_id: str, key: str, request_id: str) -> None:
        """Delete the request's claim, so that the client can send the request again."""
        self.forget(tenant_id, key_hash(key), request_id)

    def forget(self, tenant_id: str, hashed_key: str, request_id: str) -> None:
        """Delete the record of an Idempotency-Key if it belongs to this request."""
        try:
            self._table.delete(
                keys.idempotency(tenant_id, hashed_key), condition="request_id = :mine", values={":mine": request_id}
            )
        except ConditionFailed:
            return
