"""Send evaluation cases through the local API, with the real handlers, pipeline and SDKs, and format the results."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from statistics import median

from local.stack import LocalStack
from tests.evaluation.cases import ROUTES, Case
from tests.evaluation.scorers import Scores, scores
from tests.integration.support.http_client import Reply, ask
from tests.integration.support.pipeline import set_fallback, set_limits

# Providers limit concurrent requests.
MAX_CONCURRENT_REQUESTS = 4


@dataclass(frozen=True, slots=True)
class Result:
    """Result of one case. A failed request has no scores. `outcomes` are the outcomes of its attempts."""

    case: Case
    status: int
    code: str
    outcomes: tuple[str, ...]
    problems: tuple[str, ...] = ()
    scores: Scores = field(default_factory=dict[str, bool])
    latency_ms: int = 0
    tokens: int = 0
    cost_usd: float = 0

    @property
    def lost(self) -> list[str]:
        """Return the names of the scores that failed."""
        return [name for name, passed in self.scores.items() if not passed]


def prepare(stack: LocalStack, tenant: str, provider: str) -> None:
    """Set up a tenant with one provider and without limits."""
    stack.tenants.welcome(tenant)
    set_limits(tenant)
    set_fallback(tenant, provider)


def run(stack: LocalStack, tenant: str, selected: list[Case], provider: str, model: str | None = None) -> list[Result]:
    """Send the cases, some of them concurrently, and return their results in the same order."""
    token = stack.token(tenant, "evaluation", ["user"])

    def run_case(case: Case) -> Result:
        body = {**case.request, "provider": provider, **({"model": model} if model else {})}
        return _result(case, ask(stack.url, "POST", ROUTES[case.task], token=token, body=body))

    with ThreadPoolExecutor(MAX_CONCURRENT_REQUESTS) as pool:
        return list(pool.map(run_case, selected))


def _result(case: Case, reply: Reply) -> Result:
    body = reply.body
    if reply.status != 200:
        outcomes = tuple(attempt["outcome"] for attempt in body.get("attempts", ()))
        return Result(case, reply.status, body["code"], outcomes, problems=tuple(body.get("problems", ())))
    return Result(
        case,
        reply.status,
        "ok",
        tuple(attempt["outcome"] for attempt in body["fallback"]["attempts"]),
        scores=scores(case, body["data"]),
        latency_ms=body["latencyMs"],
        tokens=body["usage"]["totalTokens"] or 0,
        cost_usd=body["usage"]["costUsd"] or 0,
    )


def table(results: list[Result]) -> str:
    """Return one line per task with its scores below it, and then one line per failed case."""
    lines: list[str] = []
    for task in ROUTES:
        task_results = [result for result in results if result.case.task == task]
        if task_results:
            lines += _task_lines(task, task_results)
    for result in results:
        if result.status != 200:
            lines.append(f"{result.case.id}: {result.status} {result.code} {'; '.join(result.problems)}".rstrip())
        elif result.lost:
            lines.append(f"{result.case.id}: {', '.join(result.lost)}")
    return "\n".join(lines)


def _task_lines(task: str, results: list[Result]) -> list[str]:
    succeeded = [result for result in results if result.status == 200]
    repaired = sum(len(result.outcomes) > 1 for result in succeeded)
    latency_ms = int(median(result.latency_ms for result in succeeded)) if succeeded else 0
    names = dict.fromkeys(name for result in succeeded for name in result.scores)
    passed = {name: sum(result.scores.get(name, False) for result in succeeded) for name in names}
    return [
        f"{task}: {len(results)} cases, {len(succeeded)} answered ({repaired} of them repaired), "
        f"median {latency_ms} ms, {sum(result.tokens for result in succeeded)} tokens, "
        f"${sum(result.cost_usd for result in succeeded):.4f}",
        *(f"  {name:<10} {number:>3} of {len(succeeded)}" for name, number in passed.items()),
    ]
