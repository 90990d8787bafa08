"""Define the errors of the API. Their texts are for strangers: no secrets, and no words of a provider."""

from collections.abc import Mapping
from typing import Any


class NexusError(Exception):
    """Base class of the errors that the API returns.

    Attributes:
        status: The HTTP status.
        code: The stable name that client programs branch on.
        title: What happened, the same for all errors of the class.
        default_detail: What the client can do; the detail of an error that is raised without one.
        retryable: True if the same request may succeed later. Such an error is not stored for replays.
        detail: What is particular to this request.
        extra: Further members of the problem document (RFC 9457, section 3.2).
        retry_after: Whole seconds for the Retry-After header.
        request_id: The id of the earlier request that this error is replayed from, if it is a replay.
    """

    status: int = 500
    code: str = "internal_error"
    title: str = "Something went wrong on our side"
    default_detail: str = ""
    retryable: bool = False

    def __init__(
        self, detail: str | None = None, *, extra: Mapping[str, Any] | None = None, retry_after: int | None = None
    ) -> None:
        self.detail = detail or self.default_detail or self.title
        super().__init__(self.detail)
        self.extra: dict[str, Any] = dict(extra or {})
        self.retry_after = retry_after
        self.request_id: str | None = None


class InternalError(NexusError):
    """Unexpected error in Nexus AI. The log has its cause under the request id; the response never has it."""

    retryable = True


class MalformedBody(NexusError):
    """Body that is not one JSON object in UTF-8."""

    status = 400
    code = "malformed_body"
    title = "The body is not a JSON object"


class Unauthenticated(NexusError):
    """Token that is missing, invalid or expired."""

    status = 401
    code = "unauthenticated"
    title = "A valid bearer token is required"
    default_detail = "Send a valid token in the Authorization header, as Bearer <token>."


class PriceUnknown(NexusError):
    """Model without a known price while a dollar limit is set."""

    status = 402
    code = "price_unknown"
    title = "The model has no known price, and a dollar limit is set"
    default_detail = "Choose a model with a known price, or ask an administrator to enter its price in the preferences."


class Forbidden(NexusError):
    """Operation that the roles of the user do not allow."""

    status = 403
    code = "forbidden"
    title = "This operation requires another role"
    default_detail = "Ask an administrator of your tenant for the role."


class ModelNotAllowed(NexusError):
    """Provider or model that the tenant's preferences exclude."""

    status = 403
    code = "model_not_allowed"
    title = "The tenant's preferences do not allow this provider or model"
    default_detail = "Choose another model, or ask an administrator to allow it."


class NotFound(NexusError):
    """Resource that does not exist, or that belongs to another tenant or user."""

    status = 404
    code = "not_found"
    title = "Not found"
    default_detail = "The resource does not exist. Check the path and the id."


class ProviderNotConfigured(NexusError):
    """Provider without an enabled config of the tenant."""

    status = 409
    code = "provider_not_configured"
    title = "The provider is not configured"
    default_detail = "Ask an administrator to save an API key for the provider."


class KeyUnreadable(NexusError):
    """Saved API key that cannot be decrypted."""

    status = 409
    code = "key_unreadable"
    title = "The provider key cannot be read"
    default_detail = "The saved API key cannot be decrypted. Ask an administrator to save the key again."


class IdempotencyInFlight(NexusError):
    """Repetition of a request that has not ended."""

    status = 409
    code = "idempotency_in_flight"
    title = "The first request with this Idempotency-Key is still in flight"
    default_detail = "Wait as long as Retry-After says, then send the request again with the same key."
    retryable = True


class ContentTooLarge(NexusError):
    """Text that exceeds the context window, even if it is divided."""

    status = 413
    code = "content_too_large"
    title = "The text is too large for the model"
    default_detail = "Send a shorter text, or choose a model with a larger context window."


class ValidationFailed(NexusError):
    """Request with invalid fields. `extra["errors"]` names each of them: `{field, message, type}`."""

    status = 422
    code = "validation_failed"
    title = "The request is not valid"


class IdempotencyMismatch(NexusError):
    """Idempotency-Key whose first request was a different one."""

    status = 422
    code = "idempotency_mismatch"
    title = "This Idempotency-Key was used with a different request"
    default_detail = "Use a new key for each request that differs."


class RequestRejected(NexusError):
    """Request that a provider rejected as invalid (400 or 422), so no fallback was tried."""

    status = 422
    code = "request_rejected"
    title = "The provider rejected the request as invalid"
    default_detail = "Other providers would reject it as well. Change the text or the parameters of the request."


class MaxTokensTooLow(NexusError):
    """Completion that was cut off at the request's own maxTokens. No fallback is tried, because none would help."""

    status = 422
    code = "max_tokens_too_low"
    title = "The completion was cut off at maxTokens"
    default_detail = "Send a higher maxTokens, or leave it out."


class ProviderTestFailed(NexusError):
    """Connection test that failed. `extra` has its `reason`, and `errors`, which names the field at fault."""

    status = 422
    code = "provider_test_failed"
    title = "The connection test failed, so nothing was saved"
    default_detail = "`reason` names the cause, and `errors` names the field to change."


class LimitExceeded(NexusError):
    """Limit that cannot cover the request. `extra` has limit, max, used, reserved and resetsAt."""

    status = 429
    code = "limit_exceeded"
    title = "A usage limit is exceeded"
    default_detail = "`limit` names the limit, and `resetsAt` the moment when it resets."
    retryable = True


class LimitInFlight(LimitExceeded):
    """Limit that cannot cover the request only because of reservations in flight. They end within seconds."""

    code = "limit_in_flight"
    title = "Too many requests are in flight"
    default_detail = "Requests in flight have reserved the rest of a limit. Try again in a few seconds."


class AllProvidersFailed(NexusError):
    """Request for which every candidate failed or was skipped. `extra["attempts"]` lists them."""

    status = 502
    code = "all_providers_failed"
    title = "No provider returned a valid completion"
    default_detail = "`attempts` lists the failure of each provider. Try again later."
    retryable = True


class ProviderFailed(NexusError):
    """Failed request to a provider outside the pipeline. `extra["reason"]` is the code of a connection test."""

    status = 502
    code = "provider_failed"
    title = "The provider returned no usable response"
    default_detail = "`reason` names the cause. Try again later."
    retryable = True


class InvalidCompletion(AllProvidersFailed):
    """Completions that all broke the output contract, even after their repair."""

    code = "invalid_answer"
    title = "No provider returned a completion in the required format"


class StoreUnavailable(NexusError):
    """Store that cannot be read or written."""

    status = 503
    code = "store_unavailable"
    title = "The data store is unavailable"
    default_detail = "Limits and records cannot be read or written. Try again in a few seconds."
    retryable = True


class JobsUnavailable(NexusError):
    """Export or erasure that could not be started."""

    status = 503
    code = "jobs_unavailable"
    title = "The job could not be started"
    default_detail = "Try again in a few seconds."
    retryable = True


class KeyServiceUnavailable(NexusError):
    """Key service that cannot be reached, or that returned an error."""

    status = 503
    code = "key_service_unavailable"
    title = "The key service is unavailable"
    default_detail = "Provider keys cannot be encrypted or decrypted. Try again in a few seconds."
    retryable = True


def stored_error(
    code: str, detail: str, extra: Mapping[str, Any], *, status: int | None, title: str | None
) -> NexusError:
    """Return a stored error for a replay.

    An error of a newer version, for which this version has no class, keeps its stored code, status and title.
    """
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
