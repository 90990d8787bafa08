"""Provide the local stack and two of its parts as fixtures.

The stack is started once per process, without the environment variables of this machine. Tests do not delete its
state: each uses a tenant that no other test has.
"""

from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

from local.aws import Aws
from local.providers.server import SimulatedProviders
from local.stack import LocalStack
from tests.dynamodb_local import dynamodb_local, keep_all_items

# A property must hold however slow or busy the machine is, so no example has a time limit.
settings.register_profile("no_time_limits", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("no_time_limits")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--dynamodb-local", action="store_true", help="the tables on DynamoDB Local, all else embedded")
    parser.addoption("--built", type=Path, help="the functions as `sam build` made them here, in Lambda's own runtime")


@pytest.fixture(scope="session")
def local_stack(request: pytest.FixtureRequest) -> Generator[LocalStack]:
    with ExitStack() as around:
        operator: dict[str, str] = {}
        if request.config.getoption("--dynamodb-local"):
            operator["AWS_ENDPOINT_URL"] = around.enter_context(dynamodb_local())
        stack = LocalStack(operator=operator, built=request.config.getoption("--built"))
        around.callback(stack.stop)
        stack.start()
        if "AWS_ENDPOINT_URL" in operator:
            keep_all_items(operator["AWS_ENDPOINT_URL"])
        yield stack


@pytest.fixture
def stack(local_stack: LocalStack) -> LocalStack:
    """Return the complete service at `stack.url`. Its simulated providers succeed until a test scripts them."""
    local_stack.providers.reset()
    return local_stack


@pytest.fixture
def embedded_aws(local_stack: LocalStack) -> Aws:
    """Return the tables, bucket and keys of template.yaml, which the settings and clients of this process use."""
    return local_stack.aws


@pytest.fixture
def simulated_providers(stack: LocalStack) -> SimulatedProviders:
    """Return the simulated providers that the settings of this process use, without calls and without scripts."""
    return stack.providers


@pytest.fixture
def tenant() -> str:
    """Return the id of a new tenant."""
    return f"tenant-{uuid4().hex[:16]}"
