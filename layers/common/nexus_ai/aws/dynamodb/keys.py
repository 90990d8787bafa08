"""Every key of every table, as pure functions. Every partition key starts with the tenant.

A tenant id holds no "#" (core.caller.TENANT_PATTERN), so that no id can reach into another tenant's keys.
"""

from hashlib import sha256
from string import printable
from typing import TypedDict
from urllib.parse import quote, unquote

# The sparse index of table RateLimits: items that something is due for, and no others.
DUE_INDEX = "due"
DUE_SHARDS = 16


# What stands in a part of a key as it is.
_NO_SEPARATORS = printable.replace("#", "").replace("%", "")


class Key(TypedDict):
    PK: str
    SK: str


def settings_partition(tenant_id: str) -> str:
    return tenant_id


def provider_config(tenant_id: str, provider: str) -> Key:
    return {"PK": tenant_id, "SK": f"provider#{provider}"}


def default_provider(tenant_id: str) -> Key:
    return {"PK": tenant_id, "SK": "default"}


def alerts(tenant_id: str) -> Key:
    return {"PK": tenant_id, "SK": "alerts"}


def stopped_email(tenant_id: str, address: str) -> Key:
    """Domains, and in fact the names before them, are the same in upper and lower case."""
    return {"PK": tenant_id, "SK": f"stopped#{address.lower()}"}


def fallback(tenant_id: str, module: str) -> Key:
    return {"PK": tenant_id, "SK": f"fallback#{module}"}


def preferences(tenant_id: str) -> Key:
    return {"PK": tenant_id, "SK": "preferences"}


def circuit(tenant_id: str, provider: str, model: str) -> Key:
    return {"PK": tenant_id, "SK": f"circuit#{provider}#{model}"}


def limits(tenant_id: str) -> Key:
    return {"PK": tenant_id, "SK": "limits"}


def ceiling(tenant_id: str) -> Key:
    return {"PK": tenant_id, "SK": "ceiling"}


def hourly_count(tenant_id: str, counted: str, hour: int) -> Key:
    """`hour` counts from 1970 UTC."""
    return {"PK": tenant_id, "SK": f"{counted}#{hour}"}


def due_mark(tenant_id: str) -> Key:
    """The mark that an open audit record sets, beside the one on the item of limits."""
    return {"PK": tenant_id, "SK": "due"}


def unfinished_sweep() -> Key:
    """Where the scheduled function goes on: no tenant's."""
    return {"PK": "-", "SK": "sweep"}


def due_shard(tenant_id: str) -> str:
    """The partition of the index of what is due: the same for a tenant at all times, and even over tenants."""
    return f"due#{_shard(tenant_id)}"


def _shard(tenant_id: str) -> int:
    return sha256(tenant_id.encode()).digest()[0] % DUE_SHARDS


def due_shards() -> list[str]:
    return [f"due#{shard}" for shard in range(DUE_SHARDS)]


def alert(tenant_id: str, name: str) -> Key:
    """`name` begins with "alert#": what is to be told once is one item."""
    return {"PK": tenant_id, "SK": name}


def alert_shard(tenant_id: str) -> str:
    """The partition of the same index that holds the alerts which are to be sent."""
    return f"alert#{_shard(tenant_id)}"


def alert_shards() -> list[str]:
    return [f"alert#{shard}" for shard in range(DUE_SHARDS)]


def usage_check(tenant_id: str, day: str, time_zone: str) -> Key:
    """That a day's roll-ups are to be compared with its records. No name of a zone holds "#"."""
    return {"PK": tenant_id, "SK": f"check#{day}#{time_zone}"}


def usage_check_shard(tenant_id: str) -> str:
    return f"check#{_shard(tenant_id)}"


def usage_check_shards() -> list[str]:
    return [f"check#{shard}" for shard in range(DUE_SHARDS)]


def cached_response(tenant_id: str, cache_key: str) -> Key:
    return {"PK": f"{tenant_id}#{cache_key}", "SK": "answer"}


def idempotency(tenant_id: str, key_hash: str) -> Key:
    return {"PK": f"{tenant_id}#{key_hash}", "SK": "idempotency"}


def usage(tenant_id: str, day: str, provider: str, model: str, module: str) -> Key:
    """Return the key of a roll-up. A model may have any name that its provider gives it, with the separator in it."""
    named = "#".join(quote(name, safe=_NO_SEPARATORS) for name in (provider, model, module))
    return {"PK": tenant_id, "SK": f"{day}#{named}"}


def usage_dimensions(sort_key: str) -> tuple[str, str, str, str] | None:
    """Return day, provider, model and module of a roll-up; None for a key of another form."""
    match sort_key.split("#"):
        case [day, provider, model, module]:
            return day, unquote(provider), unquote(model), unquote(module)
        case _:
            return None


def audit_record(tenant_id: str, record_id: str) -> Key:
    return {"PK": tenant_id, "SK": record_id}


def audit_contents(tenant_id: str) -> str:
    return f"{tenant_id}#content"


def audit_content(tenant_id: str, record_id: str, part: str) -> Key:
    return {"PK": audit_contents(tenant_id), "SK": f"{record_id}#{part}"}


def audit_owner(tenant_id: str, user_id: str) -> str:
    """The partition of the index `byUser` of audit records."""
    return f"{tenant_id}#{user_id}"


def audit_accesses(tenant_id: str) -> str:
    return f"{tenant_id}#access"


def audit_access(tenant_id: str, record_id: str, access_id: str) -> Key:
    return {"PK": audit_accesses(tenant_id), "SK": f"{record_id}#{access_id}"}


def audit_jobs(tenant_id: str) -> str:
    return f"{tenant_id}#job"


def audit_job(tenant_id: str, job_id: str) -> Key:
    return {"PK": audit_jobs(tenant_id), "SK": job_id}


def audit_object(tenant_id: str, record_id: str, part: str) -> str:
    """The name of the S3 object that holds content too large for an item."""
    return f"{tenant_id}/{record_id}/{part}"


def export_object(tenant_id: str, job_id: str, file: str) -> str:
    """The name of a file of an export. No tenant begins with "-", so that it is apart from all content."""
    return f"-/exports/{tenant_id}/{job_id}/{file}.jsonl"


def probe() -> Key:
    """The key that a health check reads: no tenant's."""
    return {"PK": "-", "SK": "health"}


PROBE_OBJECT = "-/health"
