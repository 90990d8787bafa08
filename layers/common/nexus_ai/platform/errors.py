"""One tree of errors. Each class tells a stranger what happened, in words that hold no secret and no vendor's text."""

from collections.abc import Mapping
from typing import Any


class NexusError(Exception):
    """An end of a request that its caller is told of.

    `status` is the HTTP status, `code` the stable name that programs branch on, `title` the class's one line, and
    `detail` what is particular to this request. `extra` adds members to the problem document (RFC 9457, section 3.2).
    `retry_after` is in whole seconds. `retryable` says that the same request may succeed later, so that no record of
    an Idempotency-Key may keep this end.
    """

    status: int = 500
    code: str = "internal_error"
    title: str = "Something went wrong on our side"
    retryable: bool = False

    def __init__(
        self, detail: str | None = None, *, extra: Mapping[str, Any] | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.extra: dict[str, Any] = dict(extra or {})
        self.retry_after = retry_after
        # Set where this end was that of an earlier request with the same Idempotency-Key.
        self.request_id: str | None = None


class InternalError(NexusError):
    """A fault of ours. Its cause is in the log under the request id, never in the answer."""

    retryable = True


class MalformedBody(NexusError):
    status = 400
    code = "malformed_body"
    title = "The body is not a JSON object"


class Unauthenticated(NexusError):
    status = 401
    code = "unauthenticated"
    title = "A valid bearer token is needed"


class PriceUnknown(NexusError):
    status = 402
    code = "price_unknown"
    title = "The model has no known price, and a dollar limit is set"


class Forbidden(NexusError):
    status = 403
    code = "forbidden"
    title = "This needs another role"


class ModelNotAllowed(NexusError):
    status = 403
    code = "model_not_allowed"
    title = "Your company does not allow this provider or model"


class NotFound(NexusError):
    status = 404
    code = "not_found"
    title = "There is no such thing"


class ProviderNotConfigured(NexusError):
    status = 409
    code = "provider_not_configured"
    title = "The provider is not configured"


class KeyUnreadable(NexusError):
    status = 409
    code = "key_unreadable"
    title = "The provider's key cannot be read any more: an administrator saves it again"


class IdempotencyInFlight(NexusError):
    status = 409
    code = "idempotency_in_flight"
    title = "The first request with this Idempotency-Key has not ended yet"
    retryable = True


class ContentTooLarge(NexusError):
    status = 413
    code = "content_too_large"
    title = "The text is larger than what the model takes"


class ValidationFailed(NexusError):
    """`extra["errors"]` names each field: `{field, message, type}`."""

    status = 422
    code = "validation_failed"
    title = "The request is not valid"


class IdempotencyMismatch(NexusError):
    status = 422
    code = "idempotency_mismatch"
    title = "This Idempotency-Key was used with another request"


class RequestRejected(NexusError):
    """The provider found the request itself at fault (400 or 422), so that another provider would not help."""

    status = 422
    code = "request_rejected"
    title = "The provider refused the request as invalid"


class MaxTokensTooLow(NexusError):
    """An answer of the promised form needs more room than the request left for it: no provider would help."""

    status = 422
    code = "max_tokens_too_low"
    title = "The answer was cut at maxTokens before it was whole: send more, or leave it out"


class ProviderTestFailed(NexusError):
    """`extra` has `reason`, the code of a connection test, and `errors`, which names the field at fault."""

    status = 422
    code = "provider_test_failed"
    title = "The provider did not take this key and model, so that nothing was saved"


class LimitExceeded(NexusError):
    """`extra` has limit, max, used, reserved and resetsAt."""

    status = 429
    code = "limit_exceeded"
    title = "A limit of your company is used up"
    retryable = True


class LimitInFlight(LimitExceeded):
    """Only the reservations of calls in flight stand in the way: seconds, not hours."""

    code = "limit_in_flight"
    title = "Calls in flight hold what is left of a limit"


class AllProvidersFailed(NexusError):
    """`extra["attempts"]` lists what was tried."""

    status = 502
    code = "all_providers_failed"
    title = "No provider gave a usable answer"
    retryable = True


class ProviderFailed(NexusError):
    """`extra["reason"]` says how, in the words of a connection test."""

    status = 502
    code = "provider_failed"
    title = "The provider did not tell what it was asked"
    retryable = True


class InvalidCompletion(AllProvidersFailed):
    """Providers answered, but no answer kept the task's contract, even after its repair."""

    code = "invalid_answer"
    title = "No provider gave an answer of the promised form"


class StoreUnavailable(NexusError):
    status = 503
    code = "store_unavailable"
    title = "The store of limits and records cannot be reached"
    retryable = True


class JobsUnavailable(NexusError):
    status = 503
    code = "jobs_unavailable"
    title = "The job could not be started"
    retryable = True


class KeyServiceUnavailable(NexusError):
    status = 503
    code = "key_service_unavailable"
    title = "The service that keeps provider keys cannot be reached"
    retryable = True


def stored_error(
    code: str, detail: str, extra: Mapping[str, Any], *, status: int | None, title: str | None
) -> NexusError:
    """Return an error that was stored. One that this version has no class for keeps its code, status and title."""
    classes: list[type[NexusError]] = [NexusError]
    while classes:
        candidate = classes.pop()
        if candidate.code == code and candidate is not NexusError:
            return candidate(detail, extra=extra)
        classes += candidate.__subclasses__()
    error = InternalError(detail, extra=extra)
    if status is not None and title is not None:
        error.code, error.status, error.title = code, status, title
    return error
