"""Evaluate a provider with the evaluation cases and print a table of scores: `make evaluate PROVIDER=openai`.

The provider's key is read from its environment variable (OPENAI_API_KEY and so on). Without a key the provider is
simulated. The exit code is 1 if a completion breaks its output contract.
"""

import argparse
import logging
import os
import sys

from local.dev.demo import PROVIDERS
from local.stack import LocalStack
from nexus_ai.platform.observability import logger
from nexus_ai.providers.base import ProviderName
from tests.evaluation.cases import ROUTES, cases
from tests.evaluation.runner import prepare, run, table
from tests.evaluation.scorers import CONTRACT

TENANT = "evaluation"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.evaluation", description="Evaluate a provider.")
    parser.add_argument("provider", choices=list(ProviderName))
    parser.add_argument(
        "--task", choices=list(ROUTES), action="append", help="evaluate this task; may be repeated (default: all tasks)"
    )
    parser.add_argument("--model", help="model to evaluate (default: the demo's model)")
    arguments = parser.parse_args()
    provider = ProviderName(arguments.provider)
    stack = LocalStack(operator=dict(os.environ)).start()
    # Log lines of the functions would interrupt the table.
    logger().setLevel(logging.ERROR)
    try:
        print(f"{provider}, {arguments.model or PROVIDERS[provider].model}, {stack.place(provider)}", flush=True)
        prepare(stack, TENANT, provider)
        selected = [case for task in arguments.task or ROUTES for case in cases(task)]
        results = run(stack, TENANT, selected, provider, arguments.model)
    finally:
        stack.stop()
    print(table(results))
    return 1 if any(CONTRACT & set(result.lost) for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
