"""Compare the built functions of two versions in one run: CPU of warm calls, and cold starts.

    PYTHONPATH=layers/common python -m bench.versions BEFORE NOW [CALLS]

BEFORE and NOW are output folders of `sam build`. The copy function of each version is warm in Lambda's runtime, with
the same DynamoDB Local and the same simulated provider. In each of five rounds both are called alternately, 200 times
each for a miss, a hit and a rejection. CPU is that of the function's process. Then several functions are started
alternately in five rounds (see bench.functions). Compare ratios and differences within a round, because a slow minute
of the machine affects both versions.
"""

import json
import os
import platform
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median

from bench.apart import separate_process
from bench.call import allow, serve_provider
from bench.functions import Start, measure_start, running
from bench.peers.__main__ import ROUNDS, Line, caller_of
from local.emulator.lambda_runtime import BuiltFunction
from local.stack import LocalStack
from local.template import ROOT
from tests.dynamodb_local import dynamodb_local

FUNCTION = "GenerateCopyFunction"
# Names of the events by logical id.
STARTED = {
    "HealthFunction": "health",
    "GetPreferencesFunction": "get_preferences",
    "PutRateLimitsFunction": "put_rate_limits",
    "UsageStatsFunction": "usage_stats",
    "ListAuditLogsFunction": "list_audit_logs",
    "GenerateCopyFunction": "generate_copy",
}
# Highest ratio of NOW to BEFORE.
TARGETS = {"miss": 1.4, "hit": 1.3, "rejection": 1.4}


def lines(name: str, function: BuiltFunction, stack: LocalStack, around: ExitStack) -> list[Line]:
    """Return one line per kind of call. The functions are warm, and the tenants belong to this version alone."""
    tenants = [f"bench-{name}-{kind}" for kind in ("open", "closed")]
    for tenant in tenants:
        stack.tenants.welcome(tenant)
    warm = around.enter_context(closing(function.start()))
    free, spent = (caller_of(warm, tenant) for tenant in tenants)
    free("first")
    spent("first")
    allow(tenants[0], None)
    allow(tenants[1], 1)
    pids = [warm.runtime_pid()]
    return [
        Line(name, "miss", free, 200, pids),
        Line(name, "hit", free, 200, pids),
        Line(name, "rejection", spent, 429, pids),
    ]


def measure_calls(before: Path, now: Path, calls: int) -> list[Line]:
    with separate_process(serve_provider) as provider, ExitStack() as around:
        tables = around.enter_context(dynamodb_local())
        operator = {"OPENAI_BASE_URL": provider, "LOG_LEVEL": "INFO", "AWS_ENDPOINT_URL": tables}
        stack = LocalStack(operator=operator, built=now)
        around.callback(stack.stop)
        stack.start()
        current = stack.functions[FUNCTION]
        assert isinstance(current, BuiltFunction)
        earlier = current.of(before)
        found = [*lines("before", earlier, stack, around), *lines("now", current, stack, around)]
        for number in range(ROUNDS):
            print(f"round {number + 1} of {ROUNDS}", file=sys.stderr)
            for line in sorted(found, key=lambda line: line.kind):
                line.measure(calls)
    return found


def start_rows(before: Path, now: Path) -> Iterator[str]:
    """Yield the lines of the second table."""
    times = defaultdict[tuple[str, str], list[Start]](list)
    with running(now) as stack:
        for _ in range(ROUNDS):
            for name, file in STARTED.items():
                current = stack.functions[name]
                assert isinstance(current, BuiltFunction)
                event = json.loads((ROOT / "events" / f"{file}.json").read_text())
                times[name, "before"].append(measure_start(current.of(before), event))
                times[name, "now"].append(measure_start(current, event))
    for name in STARTED:
        was, is_ = times[name, "before"], times[name, "now"]
        cells = [f"{median(start.init_ms for start in each):.0f}" for each in (was, is_)]
        cells += [f"{median(start.first_ms for start in each):.0f}" for each in (was, is_)]
        cells += [f"{median(start.cpu_ms for start in each):.0f}" for each in (was, is_)]
        cells.append(f"{median(new.first_ms - old.first_ms for old, new in zip(was, is_, strict=True)):+.0f}")
        cells.append(f"{median(new.cpu_ms - old.cpu_ms for old, new in zip(was, is_, strict=True)):+.0f}")
        yield f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    before, now = Path(sys.argv[1]), Path(sys.argv[2])
    calls = int(sys.argv[3]) if len(sys.argv) > 3 else 200
    found = {(line.peer, line.kind): line for line in measure_calls(before, now, calls)}
    print(f"{calls} calls in each of {ROUNDS} rounds; Python {platform.python_version()}, {os.cpu_count()} CPUs")
    print("| call | before CPU ms | now CPU ms | before p50 ms | now p50 ms | ratio of CPU: median, each round |")
    print("|---|---|---|---|---|---|")
    for kind, target in TARGETS.items():
        was, is_ = found["before", kind], found["now", kind]
        ratios = [new / old for new, old in zip(is_.cpu_ms, was.cpu_ms, strict=True)]
        each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        cells = [f"{median(values):.2f}" for values in (was.cpu_ms, is_.cpu_ms, was.p50_ms, is_.p50_ms)]
        print(f"| {kind} | {' | '.join(cells)} | {median(ratios):.2f} (at most {target}): {each} |")
    print("\n| function | init ms: before | now | first response ms | now | CPU ms | now | ms more | CPU ms more |")
    print("|---|---|---|---|---|---|---|---|---|")
    for line in start_rows(before, now):
        print(line)


if __name__ == "__main__":
    main()
