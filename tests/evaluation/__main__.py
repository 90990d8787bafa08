"""`make evaluate PROVIDER=openai`: the cases at a provider, and a table of what its answers keep.

The provider's key is taken from its variable (OPENAI_API_KEY and so on); without one the provider is simulated. Ends
with 1 where an answer breaks what is promised.
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
    parser = argparse.ArgumentParser(prog="python -m tests.evaluation", description="evaluates a provider")
    parser.add_argument("provider", choices=list(ProviderName))
    parser.add_argument("--task", choices=list(ROUTES), action="append", help="all tasks where none is named")
    parser.add_argument("--model", help="another model than that of the demo")
    given = parser.parse_args()
    provider = ProviderName(given.provider)
    stack = LocalStack(operator=dict(os.environ)).start()
    # Lines of the functions would stand between those of the table.
    logger().setLevel(logging.ERROR)
    try:
        print(f"{provider}, {given.model or PROVIDERS[provider].model}, {stack.place(provider)}", flush=True)
        prepare(stack, TENANT, provider)
        wanted = [case for task in given.task or ROUTES for case in cases(task)]
        results = run(stack, TENANT, wanted, provider, given.model)
    finally:
        stack.stop()
    print(table(results))
    return 1 if any(CONTRACT & set(result.lost) for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
