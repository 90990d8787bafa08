"""Define audit records, their attempts, their content and the accesses to it."""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import Field

from nexus_ai.platform.schema import OrUnknown, StoredModel, StoredPart


class AuditStatus(StrEnum):
    """Status of a request in its audit record."""

    OPEN = "open"
    ANSWERED = "answered"
    CACHED = "cached"
    REJECTED = "rejected"
    FAILED = "failed"
    ABANDONED = "abandoned"


class Outcome(StrEnum):
    """Result of an attempt."""

    ANSWERED = "answered"
    INVALID_ANSWER = "invalid_answer"  # the completion broke the task's output contract
    FAILED = "failed"
    SKIPPED = "skipped"  # circuit breaker open, context too small or key unreadable: no request was sent
    ABANDONED = "abandoned"  # the function died during the attempt


class Attempt(StoredModel):
    """Call of one provider, or the reason why it was skipped.

    Tokens and cost are the amounts charged to the limits. If the provider reported no usage, the whole reservation is
    charged and `estimated` is true. `overrun` is true if the reported usage exceeded the reservation. Money is in
    micro-dollars; None is unknown.
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
    # Number of the reservation within the request. None if nothing was reserved.
    reservation: int | None = None


class AuditRecord(StoredModel):
    """Metadata of one request: user, time, origin, attempts and result.

    The prompt and the completion are stored separately as content. `day` is the tenant's local date at the start of the
    request, in `time_zone`. It selects the usage roll-up that the request belongs to.

    `records.new_record` builds it, and `api.record_view` shows it.
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
    # SHA-256 of the Idempotency-Key under which the response is stored for replays.
    idempotency_hash: str | None = None
    # Saved by a cache hit. None is unknown.
    saved_tokens: int | None = 0
    saved_cost_micros: int | None = 0

    @property
    def charged_tokens(self) -> int:
        """Return the tokens of all attempts that were charged to the limits."""
        return sum(attempt.charged_tokens for attempt in self.attempts)

    @property
    def cost_micros(self) -> int:
        """Return the cost of all attempts that was charged to the limits. An unknown cost counts as zero."""
        return sum(attempt.cost_micros or 0 for attempt in self.attempts)


class Part(StrEnum):
    """Part of the content: the prompt or the completion."""

    PROMPT = "prompt"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Content:
    """Complete prompt or completion. `text` is JSON for a prompt and for a structured completion."""

    part: Part
    text: str


class ContentItem(StoredModel):
    """Stored content: compressed in `body`, or in the S3 object named by `object`.

    `sha256` is the checksum of the compressed bytes.
    """

    sha256: str
    expires_at: int = Field(alias="expiresAt")
    body: bytes | None = None
    object: str | None = None


class StoredMessage(StoredModel):
    """Message of a stored prompt."""

    role: str
    text: str


class StoredPrompt(StoredModel):
    """Prompt as its content stores it, in JSON."""

    system: str = ""
    messages: tuple[StoredMessage, ...] = ()


class AuditFilter(StoredPart):
    """Filter for records that began in [from_ms, to_ms) and match every other value that is not None.

    A criterion that this version does not know is kept. Ignoring it would select records that were not requested.
    """

    from_ms: int
    to_ms: int
    user_id: str | None = None
    provider: str | None = None
    module: str | None = None
    status: OrUnknown[AuditStatus] | None = None

    @property
    def is_understood(self) -> bool:
        """Return True if this version knows every criterion that is set."""
        return all(value is None for value in (self.model_extra or {}).values())

    def matches(self, record: AuditRecord) -> bool:
        """Return True if a record of that time range matches all other criteria."""
        criteria = self.model_dump(exclude={"from_ms", "to_ms"}, exclude_none=True)
        return all(getattr(record, name) == value for name, value in criteria.items())

    def filters_only_by_time(self, *, ignore_user: bool) -> bool:
        """Return True if no criterion besides the time range, and optionally the user, is set."""
        others = (self.provider, self.module, self.status, None if ignore_user else self.user_id)
        return all(other is None for other in others)


class AccessKind(StrEnum):
    """Kind of an access to content."""

    READ = "read"
    EXPORTED = "exported"
    ERASED = "erased"


class AccessEntry(StoredModel):
    """Entry that says who read, exported or erased the content of a record.

    `id` sorts by time. The entries of a job use the id of the job, so that repeated runs write each entry once. `at_ms`
    is the time of the request.
    """

    id: str
    at_ms: int
    record_id: str
    kind: OrUnknown[AccessKind]
    user_id: str
    ip: str | None = None
    user_agent: str | None = None


def fell_back(record: AuditRecord) -> bool:
    """Return True if another provider than that of the first attempt returned the completion."""
    answered = [attempt for attempt in record.attempts if attempt.outcome is Outcome.ANSWERED]
    return bool(answered) and answered[-1].provider != record.attempts[0].provider
