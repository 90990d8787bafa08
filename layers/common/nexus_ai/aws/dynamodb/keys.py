"""Build the keys of all tables and the names of all S3 objects, as pure functions.

Every partition key starts with the tenant. A tenant id contains no "#" (platform.caller.TENANT_PATTERN), so it cannot
address the keys of another tenant.
"""

from hashlib import sha256
from string import printable
from typing import TypedDict
from urllib.parse import quote, unquote

# Sparse index of the table RateLimits. It holds only items with work that is due.
DUE_INDEX = "due"
DUE_SHARDS = 16


# Characters that need no escaping within a part of a key.
_NO_SEPARATORS = printable.replace("#", "").replace("%", "")


class Key(TypedDict):
    """Primary key of an item."""

    PK: str
    SK: str


def settings_partition(tenant_id: str) -> str:
    """Return the partition that holds all settings of a tenant."""
    return tenant_id


def provider_config(tenant_id: str, provider: str) -> Key:
    """Return the key of a tenant's provider config."""
    return {"PK": tenant_id, "SK": f"provider#{provider}"}


def default_provider(tenant_id: str) -> Key:
    """Return the key of the item that names a tenant's default provider."""
    return {"PK": tenant_id, "SK": "default"}


def alerts(tenant_id: str) -> Key:
    """Return the key of a tenant's alert settings."""
    return {"PK": tenant_id, "SK": "alerts"}


def stopped_email(tenant_id: str, address: str) -> Key:
    """Return the key that marks an address to which no more e-mails are sent.

    The address is lower-cased: domains ignore case, and so do mailbox names in practice.
    """
    return {"PK": tenant_id, "SK": f"stopped#{address.lower()}"}


def fallback(tenant_id: str, module: str) -> Key:
    """Return the key of a module's routing order."""
    return {"PK": tenant_id, "SK": f"fallback#{module}"}


def preferences(tenant_id: str) -> Key:
    """Return the key of a tenant's preferences."""
    return {"PK": tenant_id, "SK": "preferences"}


def circuit(tenant_id: str, provider: str, model: str) -> Key:
    """Return the key of the circuit breaker state of a provider and model."""
    return {"PK": tenant_id, "SK": f"circuit#{provider}#{model}"}


def limits(tenant_id: str) -> Key:
    """Return the key of a tenant's limits and reservations."""
    return {"PK": tenant_id, "SK": "limits"}


def ceiling(tenant_id: str) -> Key:
    """Return the key of the ceiling that the operator set for a tenant's limits."""
    return {"PK": tenant_id, "SK": "ceiling"}


def hourly_count(tenant_id: str, counted: str, hour: int) -> Key:
    """Return the key of an hourly counter. `hour` is the number of hours since the epoch."""
    return {"PK": tenant_id, "SK": f"{counted}#{hour}"}


def due_mark(tenant_id: str) -> Key:
    """Return the key of the sweep mark that an open audit record sets. The item of limits has its own mark."""
    return {"PK": tenant_id, "SK": "due"}


def unfinished_sweep() -> Key:
    """Return the key of the position at which the scheduled function continues. It belongs to no tenant."""
    return {"PK": "-", "SK": "sweep"}


def due_shard(tenant_id: str) -> str:
    """Return the index partition of a tenant's sweep mark. It never changes, and tenants are spread evenly."""
    return f"due#{_shard(tenant_id)}"


def _shard(tenant_id: str) -> int:
    return sha256(tenant_id.encode()).digest()[0] % DUE_SHARDS


def due_shards() -> list[str]:
    """Return all index partitions of sweep marks."""
    return [f"due#{shard}" for shard in range(DUE_SHARDS)]


def alert(tenant_id: str, name: str) -> Key:
    """Return the key of an alert. `name` begins with "alert#" and identifies one e-mail, which is sent once."""
    return {"PK": tenant_id, "SK": name}


def alert_shard(tenant_id: str) -> str:
    """Return the index partition of the alerts that are due to be sent."""
    return f"alert#{_shard(tenant_id)}"


def alert_shards() -> list[str]:
    """Return all index partitions of due alerts."""
    return [f"alert#{shard}" for shard in range(DUE_SHARDS)]


def usage_check(tenant_id: str, day: str, time_zone: str) -> Key:
    """Return the key of the mark that a day needs reconciliation. Names of time zones contain no "#"."""
    return {"PK": tenant_id, "SK": f"check#{day}#{time_zone}"}


def usage_check_shard(tenant_id: str) -> str:
    """Return the index partition of a tenant's reconciliation marks."""
    return f"check#{_shard(tenant_id)}"


def usage_check_shards() -> list[str]:
    """Return all index partitions of reconciliation marks."""
    return [f"check#{shard}" for shard in range(DUE_SHARDS)]


def cached_response(tenant_id: str, cache_key: str) -> Key:
    """Return the key of a cached response."""
    return {"PK": f"{tenant_id}#{cache_key}", "SK": "answer"}


def idempotency(tenant_id: str, key_hash: str) -> Key:
    """Return the key of an idempotency record."""
    return {"PK": f"{tenant_id}#{key_hash}", "SK": "idempotency"}


def usage(tenant_id: str, day: str, provider: str, model: str, module: str) -> Key:
    """Return the key of a usage roll-up. Names are escaped, because a provider's model id may contain the separator."""
    dimensions = "#".join(quote(name, safe=_NO_SEPARATORS) for name in (provider, model, module))
    return {"PK": tenant_id, "SK": f"{day}#{dimensions}"}


def usage_dimensions(sort_key: str) -> tuple[str, str, str, str] | None:
    """Return the day, provider, model and module of a roll-up, or None if the key has another form."""
    match sort_key.split("#"):
        case [day, provider, model, module]:
            return day, unquote(provider), unquote(model), unquote(module)
        case _:
            return None


def audit_record(tenant_id: str, record_id: str) -> Key:
    """Return the key of an audit record."""
    return {"PK": tenant_id, "SK": record_id}


def audit_contents(tenant_id: str) -> str:
    """Return the partition of a tenant's audit content."""
    return f"{tenant_id}#content"


def audit_content(tenant_id: str, record_id: str, part: str) -> Key:
    """Return the key of one part of the content of a record."""
    return {"PK": audit_contents(tenant_id), "SK": f"{record_id}#{part}"}


def audit_owner(tenant_id: str, user_id: str) -> str:
    """Return the partition of the index `byUser` that holds a user's records."""
    return f"{tenant_id}#{user_id}"


def audit_accesses(tenant_id: str) -> str:
    """Return the partition of a tenant's access entries."""
    return f"{tenant_id}#access"


def audit_access(tenant_id: str, record_id: str, access_id: str) -> Key:
    """Return the key of an access entry."""
    return {"PK": audit_accesses(tenant_id), "SK": f"{record_id}#{access_id}"}


def audit_jobs(tenant_id: str) -> str:
    """Return the partition of a tenant's audit jobs."""
    return f"{tenant_id}#job"


def audit_job(tenant_id: str, job_id: str) -> Key:
    """Return the key of an audit job."""
    return {"PK": audit_jobs(tenant_id), "SK": job_id}


def audit_object(tenant_id: str, record_id: str, part: str) -> str:
    """Return the name of the S3 object for content that is too large for an item."""
    return f"{tenant_id}/{record_id}/{part}"


def export_object(tenant_id: str, job_id: str, file: str) -> str:
    """Return the name of the S3 object of an export file.

    It begins with "-", unlike any tenant id, so it cannot be the name of content.
    """
    return f"-/exports/{tenant_id}/{job_id}/{file}.jsonl"


def probe() -> Key:
    """Return the key that the health check reads. It belongs to no tenant."""
    return {"PK": "-", "SK": "health"}


PROBE_OBJECT = "-/health"
