"""How a request can end without its answer: one schema for all ends, and an example of each."""

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
# Members of an end beside those that all have.
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
    "description": "An end without an answer (RFC 9457). Members beyond these belong to the code.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "requestId"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": _TEXT,
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": _TEXT,
        "code": _TEXT | {"description": "Stable; what programs branch on."},
        "requestId": _TEXT,
        "errors": {
            "description": "Each field that does not fit.",
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message", "type"],
                "properties": {"field": _TEXT, "message": _TEXT, "type": _TEXT},
            },
        },
        "attempts": {
            "description": "Every provider that was tried, in order.",
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
        "reason": _TEXT | {"description": "The code of the connection test that failed."},
        "problems": {"description": "How the answers broke their contract.", "type": "array", "items": _TEXT},
        "limit": _TEXT | {"description": "Which limit refused: its name in the rate limits, or callsInFlight."},
        "max": {"type": "number"},
        "used": {"type": "number"},
        "reserved": {"type": "number"},
        "resetsAt": {"type": "string", "format": "date-time"},
    },
}


_OF_MODEL_CALLS: Final = (
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
_OF_SAVED_KEYS: Final = (
    errors.ProviderNotConfigured,
    errors.KeyUnreadable,
    errors.KeyServiceUnavailable,
)
# What a route may end in beside what follows from what it takes.
_OF_ROUTES: Final[dict[str, tuple[type[NexusError], ...]]] = {
    "generate_copy": _OF_MODEL_CALLS,
    "analyze_sentiment": _OF_MODEL_CALLS,
    "generate_summary": _OF_MODEL_CALLS,
    "translate": _OF_MODEL_CALLS,
    "put_config": (errors.ProviderTestFailed, *_OF_SAVED_KEYS, errors.LimitExceeded),
    "test_config": (*_OF_SAVED_KEYS, errors.LimitExceeded),
    "list_models": (*_OF_SAVED_KEYS, errors.ProviderFailed),
    "export_audit_logs": (errors.LimitExceeded, errors.JobsUnavailable),
    "erase_audit_content": (errors.LimitExceeded, errors.JobsUnavailable),
}


# What API Gateway itself answers, whatever the route.
_OF_EVERY_ROUTE: Final = ("WAF_FILTERED", "THROTTLED", "INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT")


def failures(name: str, operation: Operation, api: RestApi) -> list[Problem]:
    """Every end that an operation may come to without its answer, as its problem document."""
    kinds = [*_OF_EVERY_ROUTE]
    kinds += ["AUTHORIZER_FAILURE"] if operation.role is not None else []
    kinds += ["REQUEST_TOO_LARGE"] if operation.body else []
    of_gateway = [json.loads(api.gateway_response(kind).of(_REQUEST_ID)[2]) for kind in kinds]
    return [*map(problem, _own(operation)), *map(problem, _OF_ROUTES.get(name, ())), *of_gateway]


def _own(operation: Operation) -> Iterator[type[NexusError]]:
    if operation.body:
        yield errors.MalformedBody
    if operation.role is not None:
        yield errors.Unauthenticated
        # A token without any role of ours gets in, and no further.
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
