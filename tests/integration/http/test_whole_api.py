"""Test the API against docs/openapi.json with generated requests.

Schemathesis generates valid and invalid requests. Every response must have the documented form, and none may be a 500.
"""

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode, checks
from schemathesis.specs.openapi import checks as of_openapi

from local.openapi.reference import COMMITTED
from local.stack import LocalStack
from tests.integration.support.pipeline import set_limits

# `make fuzz` uses more.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "100"))
# API Gateway gives up after 29 s, and its response then fails the checks. On a busy machine 10 s are not enough.
TIMEOUT_S = 35
KNOWN: Any = checks
OF_OPENAPI: Any = of_openapi
CHECKS = [
    KNOWN.not_a_server_error,
    OF_OPENAPI.status_code_conformance,
    OF_OPENAPI.content_type_conformance,
    OF_OPENAPI.response_headers_conformance,
    OF_OPENAPI.response_schema_conformance,
]
# Requests are large, and all examples of an operation share their fixtures on purpose.
UNHURRIED = [
    HealthCheck.too_slow,
    HealthCheck.filter_too_much,
    HealthCheck.data_too_large,
    HealthCheck.large_base_example,
    HealthCheck.function_scoped_fixture,
]
# Most requests must pass authorization to reach the code of their route.
ROLES: list[list[str]] = [*[["admin"]] * 8, ["user"], []]
LOADERS: Any = schemathesis.openapi
OPERATIONS = [found.ok() for found in LOADERS.from_path(COMMITTED).get_all_operations()]

each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=[each.label for each in OPERATIONS])


@pytest.mark.slow
@each_operation
@settings(max_examples=EXAMPLES, suppress_health_check=UNHURRIED, database=None)
@given(data=st.data())
def test_every_response_conforms_to_openapi(
    operation: Any, data: st.DataObject, stack: LocalStack, tenant: str
) -> None:
    mode = data.draw(st.sampled_from(GenerationMode), label="mode")
    case = data.draw(operation.as_strategy(generation_mode=mode), label="case")
    token = stack.token(tenant, "ana", data.draw(st.sampled_from(ROLES), label="roles"))
    if operation.path.startswith("/api/marketing/ai-assistant/"):
        set_limits(tenant)
    headers = {"Authorization": f"Bearer {token}"}
    case.call_and_validate(base_url=stack.url, headers=headers, checks=CHECKS, timeout=TIMEOUT_S)


@each_operation
@settings(max_examples=3, suppress_health_check=UNHURRIED, database=None)
@given(data=st.data())
def test_only_health_is_public(operation: Any, data: st.DataObject, stack: LocalStack) -> None:
    case = data.draw(operation.as_strategy(), label="case")
    public = not operation.definition.raw.get("security", [{}])
    headers = data.draw(st.sampled_from([{}, {"Authorization": "Bearer a.b.c"}, {"Authorization": "Basic YTpi"}]))

    response = case.call(base_url=stack.url, headers=headers, timeout=TIMEOUT_S)

    assert (response.status_code == 401) is not public
    assert public is (operation.path == "/api/health")
