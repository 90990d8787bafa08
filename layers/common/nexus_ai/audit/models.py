"""The audit record of a request, and its attempts."""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import Field

from nexus_ai.platform.schema import OrUnknown, StoredModel, StoredPart


class AuditStatus(StrEnum):
    OPEN = "open"
    ANSWERED = "answered"
    CACHED = "cached"
    REJECTED = "rejected"
    FAILED = "failed"
    ABANDONED = "abandoned"


class Outcome(StrEnum):
    ANSWERED = "answered"
    INVALID_ANSWER = "invalid_answer"  # the provider answered, and the answer broke the task's contract
    FAILED = "failed"
    SKIPPED = "skipped"  # its circuit is open, its context too small, its key not to be read: nothing was sent
    ABANDONED = "abandoned"  # the function was killed in mid-call


class Attempt(StoredModel):
    """One call of a provider, or the reason why there was none.

    Tokens and cost are what the limits were charged with: what the vendor told, or the whole reservation where it told
    nothing (`estimated`). `overrun` says that the answer cost more than was reserved for it. Money in micro-dollars;
    None is unknown.
    """

    provider: str
    model: str
    outcome: OrUnknown[Outcome]
    error_code: str | None = None
    latency_ms: int = 0
    sent: bool = False
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    reasoning_tokens: int | None = None
    charged_tokens: int = 0
    cost_micros: int | None = None
    estimated: bool = False
    overrun: bool = False
    # The number of its reservation within the request; None where nothing was reserved.
    reservation: int | None = None


class AuditRecord(StoredModel):
    """Who did what, when, from where, with what end. Prompt and answer are kept apart from it.

    `day` is the tenant's local date at the begin, in `time_zone`: the roll-up that the request belongs to.
    """

    id: str
    at_ms: int
    day: str
    time_zone: str
    deadline_ms: int
    tenant_id: str
    user_id: str
    module: str
    endpoint: str
    task: str
    prompt_version: str
    status: OrUnknown[AuditStatus]
    provider: str
    model: str
    attempts: tuple[Attempt, ...] = ()
    error_code: str | None = None
    cache_key: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    latency_ms: int | None = None
    # The SHA-256 of the Idempotency-Key, under which the answer is kept for replays.
    idempotency_hash: str | None = None
    # What was saved by an answer from the cache; None is unknown.
    saved_tokens: int | None = 0
    saved_cost_micros: int | None = 0

    @property
    def charged_tokens(self) -> int:
        return sum(attempt.charged_tokens for attempt in self.attempts)

    @property
    def cost_micros(self) -> int:
        """What the limits were charged with; attempts of unknown price count for nothing."""
        return sum(attempt.cost_micros or 0 for attempt in self.attempts)


class Part(StrEnum):
    PROMPT = "prompt"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Content:
    """A prompt or an answer, whole. `text` is JSON where the thing itself is."""

    part: Part
    text: str


class ContentItem(StoredModel):
    """Content as its item holds it: compressed in `body`, or in the S3 object of that name.

    `sha256` is of the compressed bytes.
    """

    sha256: str
    expires_at: int = Field(alias="expiresAt")
    body: bytes | None = None
    object: str | None = None


class StoredMessage(StoredModel):
    role: str
    text: str


class StoredPrompt(StoredModel):
    """A prompt as its content holds it, in JSON."""

    system: str = ""
    messages: tuple[StoredMessage, ...] = ()


class AuditFilter(StoredPart):
    """Records that began in [from_ms, to_ms) and have every other value that is not None.

    A criterion that this version does not know is kept, and not ignored: without it the filter would name records that
    nobody meant. One that is not asked for is None.
    """

    from_ms: int
    to_ms: int
    user_id: str | None = None
    provider: str | None = None
    module: str | None = None
    status: OrUnknown[AuditStatus] | None = None

    @property
    def is_understood(self) -> bool:
        """Say if this version knows every criterion."""
        return all(value is None for value in (self.model_extra or {}).values())

    def takes(self, record: AuditRecord) -> bool:
        """Say if a record of that time is meant."""
        asked = self.model_dump(exclude={"from_ms", "to_ms"}, exclude_none=True)
        return all(getattr(record, name) == value for name, value in asked.items())

    def is_met_by_time(self, *, but_for_user: bool) -> bool:
        """Whether every record of that time is meant, or every one of the user."""
        others = (self.provider, self.module, self.status, None if but_for_user else self.user_id)
        return all(other is None for other in others)


class AccessKind(StrEnum):
    READ = "read"
    EXPORTED = "exported"
    ERASED = "erased"


class AccessEntry(StoredModel):
    """Who did what with the content of a record. `id` sorts by time; a job's is the job's own, so that it counts once.

    `at_ms` is when it was asked for.
    """

    id: str
    at_ms: int
    record_id: str
    kind: OrUnknown[AccessKind]
    user_id: str
    ip: str | None = None
    user_agent: str | None = None


def fell_back(record: AuditRecord) -> bool:
    """Whether another provider answered than the first one asked."""
    answered_by = [attempt for attempt in record.attempts if attempt.outcome is Outcome.ANSWERED]
    return bool(answered_by) and answered_by[-1].provider != record.attempts[0].provider
