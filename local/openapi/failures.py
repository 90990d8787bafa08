"""List the errors of each route as problem documents, with one schema for all and an example of each."""

import json
from collections.abc import Iterator
from typing import Any, Final

from local.dev.default_models import DEFAULT_MODELS
from local.emulator.routes import RestApi
from nexus_ai.http.endpoint import Operation
from nexus_ai.platform import errors
from nexus_ai.platform.errors import NexusError
from nexus_ai.providers.base import ProviderName

type Problem = dict[str, Any]

_REQUEST_ID: Final = "0199f2c1-7a2f-7c54-9d5e-0b6a2f1c3d4e"
_ATTEMPTS: Final = [
    {
        "provider": "openai",
        "model": DEFAULT_MODELS[ProviderName.OPENAI],
        "outcome": "failed",
        "errorCode": "server_error",
        "latencyMs": 812,
    }
]
_FIELDS: Final = [{"field": "prompt", "message": "Field required", "type": "missing"}]
_LIMIT: Final = {
    "limit": "requestsPerHour",
    "max": 100,
    "used": 100,
    "reserved": 0,
    "resetsAt": "2026-11-23T15:00:00Z",
}
# Additional members of a problem document, by error code.
_EXTRA: Final[dict[str, dict[str, Any]]] = {
    errors.ValidationFailed.code: {"errors": _FIELDS},
    errors.LimitExceeded.code: _LIMIT,
    errors.LimitInFlight.code: _LIMIT | {"used": 60, "reserved": 40},
    errors.AllProvidersFailed.code: {"attempts": _ATTEMPTS},
    errors.InvalidCompletion.code: {
        "attempts": _ATTEMPTS,
        "problems": ["variation1 has 310 characters, and 280 are allowed"],
    },
}

_TEXT: Final = {"type": "string"}
PROBLEM: Final[dict[str, Any]] = {
    "title": "Problem",
    "description": "Error response (RFC 9457). Some codes have additional members.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "requestId"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": _TEXT,
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": _TEXT,
        "code": _TEXT | {"description": "Stable error code for use in programs."},
        "requestId": _TEXT,
        "errors": {
            "description": "The invalid fields, each with a message.",
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message", "type"],
                "properties": {"field": _TEXT, "message": _TEXT, "type": _TEXT},
            },
        },
        "attempts": {
            "description": "The attempts of the request, in order: one per call of a provider.",
            "type": "array",
            "items": {
                "type": "object",
                "required": ["provider", "model", "outcome", "errorCode", "latencyMs"],
                "properties": {
                    "provider": _TEXT,
                    "model": _TEXT,
                    "outcome": _TEXT,
                    "errorCode": {"type": ["string", "null"]},
                    "latencyMs": {"type": "integer", "minimum": 0},
                },
            },
        },
        "reason": _TEXT | {"description": "Result code of the failed connection test."},
        "problems": {
            "description": "The rules of the output contract that the completions violate.",
            "type": "array",
            "items": _TEXT,
        },
        "limit": _TEXT | {"description": "Name of the exceeded limit, as in the rate limits, or `callsInFlight`."},
        "max": {"type": "number"},
        "used": {"type": "number"},
        "reserved": {"type": "number"},
        "resetsAt": {"type": "string", "format": "date-time"},
    },
}


_MODEL_CALL_ERRORS: Final = (
    errors.PriceUnknown,
    errors.ModelNotAllowed,
    errors.ProviderNotConfigured,
    errors.IdempotencyInFlight,
    errors.IdempotencyMismatch,
    errors.ContentTooLarge,
    errors.RequestRejected,
    errors.MaxTokensTooLow,
    errors.LimitExceeded,
    errors.LimitInFlight,
    errors.AllProvidersFailed,
    errors.InvalidCompletion,
    errors.KeyServiceUnavailable,
)
_SAVED_KEY_ERRORS: Final = (
    errors.ProviderNotConfigured,
    errors.KeyUnreadable,
    errors.KeyServiceUnavailable,
)
# Errors of a route in addition to those that follow from its parameters, body and role.
_ROUTE_ERRORS: Final[dict[str, tuple[type[NexusError], ...]]] = {
    "generate_copy": _MODEL_CALL_ERRORS,
    "analyze_sentiment": _MODEL_CALL_ERRORS,
    "generate_summary": _MODEL_CALL_ERRORS,
    "translate": _MODEL_CALL_ERRORS,
    "put_config": (errors.ProviderTestFailed, *_SAVED_KEY_ERRORS, errors.LimitExceeded),
    "test_config": (*_SAVED_KEY_ERRORS, errors.LimitExceeded),
    "list_models": (*_SAVED_KEY_ERRORS, errors.ProviderFailed),
    "export_audit_logs": (errors.LimitExceeded, errors.JobsUnavailable),
    "erase_audit_content": (errors.LimitExceeded, errors.JobsUnavailable),
}


# Responses that API Gateway itself returns on every route.
_GATEWAY_RESPONSES: Final = ("WAF_FILTERED", "THROTTLED", "INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT")


def failures(name: str, operation: Operation, api: RestApi) -> list[Problem]:
    """Return a problem document for every error that an operation can return."""
    kinds = [*_GATEWAY_RESPONSES]
    kinds += ["AUTHORIZER_FAILURE"] if operation.role is not None else []
    kinds += ["REQUEST_TOO_LARGE"] if operation.body else []
    from_gateway = [json.loads(api.gateway_response(kind).of(_REQUEST_ID)[2]) for kind in kinds]
    return [*map(problem, _common_errors(operation)), *map(problem, _ROUTE_ERRORS.get(name, ())), *from_gateway]


def _common_errors(operation: Operation) -> Iterator[type[NexusError]]:
    if operation.body:
        yield errors.MalformedBody
    if operation.role is not None:
        yield errors.Unauthenticated
        # The authorizer accepts a token without a known role; the function then rejects it.
        yield errors.Forbidden
    if operation.path:
        yield errors.NotFound
    if operation.path or operation.query or operation.body:
        yield errors.ValidationFailed
    yield errors.InternalError
    if operation.role is not None:
        yield errors.StoreUnavailable


def problem(error: type[NexusError]) -> Problem:
    return {
        "type": f"urn:nexus-ai:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.default_detail or error.title,
        "code": error.code,
        "requestId": _REQUEST_ID,
        **_EXTRA.get(error.code, {}),
    }
