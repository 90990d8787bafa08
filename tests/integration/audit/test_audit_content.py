"""Test the storage of prompts and completions: in items and in S3, redacted or not at all, until they expire."""

import json
import random
import string
import zlib
from hashlib import sha256
from typing import Any

import pytest

from local.providers.behaviours import Answer
from local.stack import LocalStack
from nexus_ai.audit.models import AuditStatus, Content, Part
from nexus_ai.audit.store import MAX_INLINE_BYTES
from nexus_ai.aws import clients, s3
from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.platform.clock import SystemClock
from nexus_ai.platform.settings import get_settings
from nexus_ai.platform.units import DAY_S
from nexus_ai.providers.base import ProviderName
from nexus_ai.settings.models import AuditContent, Preferences
from tests.integration.support.faults import fault
from tests.integration.support.pipeline import audit, copy, records, set_preferences, welcome

PERSONAL = "Ana Souza,\nCPF 529.982.247-25, 12.ABC.345/01DE-35, ana@clinica.com.br, (11) 98765-4321, R$ 99,90"
COMPLETION = json.dumps({"variation1": {"text": PERSONAL}}, ensure_ascii=False)
REDACTED = "CPF [CPF], [CNPJ], [e-mail], [phone], R$ 99,90"
TRACES = ("529.982.247-25", "12.ABC.345/01DE-35", "ana@clinica.com.br", "98765-4321")
# 30 KB of ideographs, which hardly compress.
LONG = "".join(chr(random.Random(7 + place).randrange(0x4E00, 0x9FFF)) for place in range(10_000))
CONTENT_DAYS = 90


def contents(tenant: str, now_s: int | None = None) -> dict[Part, str]:
    (record,) = [record for record in records(tenant) if record.status is not AuditStatus.CACHED]
    now_s = SystemClock().now_ms() // 1000 if now_s is None else now_s
    return {content.part: content.text for content in audit().contents(tenant, record.id, now_s)}


def content_item(tenant: str, part: Part) -> dict[str, Any]:
    (record,) = records(tenant)
    item = tables.audit_logs().get(keys.audit_content(tenant, record.id, part), consistent=True)
    assert item is not None
    return item


def object_names(tenant: str) -> list[str]:
    listed = clients.s3().list_objects_v2(Bucket=get_settings().content_bucket, Prefix=f"{tenant}/")
    return [entry.get("Key", "") for entry in listed.get("Contents", [])]


def set_content_policy(tenant: str, choice: AuditContent) -> None:
    set_preferences(tenant, Preferences(audit_content=choice))


def no_fault(request: object) -> None:
    """Let the call pass; `fault` only lists it."""


def test_content_over_16_kb_is_stored_in_s3_and_read_back(stack: LocalStack, tenant: str) -> None:
    reply = copy(stack, tenant, {"prompt": LONG})

    assert reply.status == 200, reply.body
    item = content_item(tenant, Part.PROMPT)
    assert "body" not in item
    packed = s3.get(item["object"])
    assert len(packed) > MAX_INLINE_BYTES
    assert sha256(packed).hexdigest() == item["sha256"]
    assert object_names(tenant) == [item["object"]]
    assert LONG in contents(tenant)[Part.PROMPT]
    assert len(content_item(tenant, Part.ANSWER)["body"]) <= MAX_INLINE_BYTES


@pytest.mark.parametrize("more", [0, 1])
def test_one_byte_over_the_bound_moves_content_to_s3(stack: LocalStack, tenant: str, more: int) -> None:
    copy(stack, tenant)
    (record,) = records(tenant)
    text = text_of_packed_size(MAX_INLINE_BYTES + more)

    audit().write(record, [Content(part=Part.PROMPT, text=text)])

    item = content_item(tenant, Part.PROMPT)
    assert ("object" in item, "body" in item) == (bool(more), not more)


def test_content_in_s3_is_never_overwritten(stack: LocalStack, tenant: str) -> None:
    copy(stack, tenant, {"prompt": LONG})
    (record,) = records(tenant)
    name, stored = content_item(tenant, Part.PROMPT)["object"], contents(tenant)

    s3.put_once(name, b"something else")
    assert contents(tenant) == stored
    audit().write(record, [Content(part=part, text=text) for part, text in stored.items()])

    assert contents(tenant) == stored


def text_of_packed_size(size: int) -> str:
    """Return a text that zlib compresses to exactly `size` bytes. It grows by smaller and smaller steps."""
    letters = random.Random(size)
    text = ""
    while (packed := len(zlib.compress(text.encode()))) < size:
        missing = max(1, (size - packed) // 2)
        text += "".join(letters.choices(string.ascii_letters + string.digits, k=missing))
    assert packed == size
    return text


def test_content_changed_in_s3_is_not_returned(stack: LocalStack, tenant: str) -> None:
    copy(stack, tenant, {"prompt": LONG})
    item = content_item(tenant, Part.PROMPT)
    s3.put(item["object"], s3.get(item["object"])[:-1] + b"x")

    with pytest.raises(ValueError, match="does not match its checksum"):
        contents(tenant)


def test_list_reads_no_content(stack: LocalStack, tenant: str) -> None:
    copy(stack, tenant, {"prompt": LONG})
    audit_table = get_settings().audit_logs_table
    with (
        fault("Query", f"{tenant}#content", no_fault) as queried,
        fault("GetItem", audit_table, no_fault) as read,
        fault("GetObject", "", no_fault, service="s3") as fetched,
    ):
        listed = records(tenant)
        assert (len(listed), queried, read, fetched) == (1, [], [], [])
        contents(tenant)

    # Reads of content are listed, which shows that the check above can fail.
    assert (len(read), len(fetched)) == (2, 1)
    assert LONG not in str(listed)


@pytest.mark.parametrize("prompt", ["Convite", LONG])
def test_expired_content_is_not_returned_before_it_is_deleted(stack: LocalStack, tenant: str, prompt: str) -> None:
    copy(stack, tenant, {"prompt": prompt})
    (record,) = records(tenant)
    ends_s = record.at_ms // 1000 + CONTENT_DAYS * DAY_S

    assert set(contents(tenant, ends_s - 1)) == {Part.PROMPT, Part.ANSWER}
    assert contents(tenant, ends_s) == {}
    assert content_item(tenant, Part.PROMPT)["expiresAt"] == ends_s
    assert [record.status for record in records(tenant)] == [AuditStatus.ANSWERED]


def test_full_content_is_stored_verbatim_in_audit_and_cache(stack: LocalStack, tenant: str) -> None:
    stack.providers.always(ProviderName.OPENAI, Answer(text=COMPLETION))

    reply, again = copy(stack, tenant, {"prompt": PERSONAL}), copy(stack, tenant, {"prompt": PERSONAL})

    assert reply.body["data"]["variations"][0]["text"] == PERSONAL
    assert contents(tenant)[Part.ANSWER] == COMPLETION
    assert all(trace in contents(tenant)[Part.PROMPT] for trace in TRACES)
    assert again.body["cached"] is True


def test_redacted_content_has_no_personal_data_in_audit_and_cache(stack: LocalStack, tenant: str) -> None:
    welcome(stack, tenant)
    set_content_policy(tenant, AuditContent.REDACTED)
    stack.providers.always(ProviderName.OPENAI, Answer(text=COMPLETION))

    reply, again = copy(stack, tenant, {"prompt": PERSONAL}), copy(stack, tenant, {"prompt": PERSONAL})

    assert reply.body["data"]["variations"][0]["text"] == PERSONAL
    assert again.body["cached"] is False
    for record in records(tenant):
        for content in audit().contents(tenant, record.id, record.at_ms // 1000):
            assert REDACTED in content.text
            assert not [trace for trace in TRACES if trace in content.text]


def test_completion_without_personal_data_is_cached_if_redacted(stack: LocalStack, tenant: str) -> None:
    welcome(stack, tenant)
    set_content_policy(tenant, AuditContent.REDACTED)

    first, again = copy(stack, tenant, {"prompt": PERSONAL}), copy(stack, tenant, {"prompt": PERSONAL})

    assert (first.body["cached"], again.body["cached"]) == (False, True)


def test_without_content_only_the_record_is_stored(stack: LocalStack, tenant: str) -> None:
    welcome(stack, tenant)
    set_content_policy(tenant, AuditContent.NONE)

    first, again = copy(stack, tenant, {"prompt": LONG}), copy(stack, tenant, {"prompt": LONG})

    assert (first.body["cached"], again.body["cached"]) == (False, False)
    assert [record.status for record in records(tenant)] == [AuditStatus.ANSWERED] * 2
    for record in records(tenant):
        assert audit().contents(tenant, record.id, record.at_ms // 1000) == []
    assert object_names(tenant) == []
