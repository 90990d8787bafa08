"""Sends cases through the local API: the real handlers, the real pipeline and the real SDKs."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from statistics import median

from local.stack import LocalStack
from tests.evaluation.cases import ROUTES, Case
from tests.evaluation.scorers import Scores, scores
from tests.integration.support.http_client import Reply, ask
from tests.integration.support.pipeline import set_fallback, set_limits

# Providers limit how much they are asked at once.
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a case; without an answer there are no scores. `outcomes` are those of the attempts."""

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
        """The scores that are not kept."""
        return [name for name, kept in self.scores.items() if not kept]


def prepare(stack: LocalStack, tenant: str, provider: str) -> None:
    """A tenant with this provider alone, and without limits."""
    stack.tenants.welcome(tenant)
    set_limits(tenant)
    set_fallback(tenant, provider)


def run(stack: LocalStack, tenant: str, wanted: list[Case], provider: str, model: str | None = None) -> list[Result]:
    token = stack.token(tenant, "evaluation", ["user"])

    def one(case: Case) -> Result:
        body = {**case.request, "provider": provider, **({"model": model} if model else {})}
        return _result(case, ask(stack.url, "POST", ROUTES[case.task], token=token, body=body))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, wanted))


def _result(case: Case, reply: Reply) -> Result:
    body = reply.body
    if reply.status != 200:
        outcomes = tuple(each["outcome"] for each in body.get("attempts", ()))
        return Result(case, reply.status, body["code"], outcomes, problems=tuple(body.get("problems", ())))
    return Result(
        case,
        reply.status,
        "ok",
        tuple(each["outcome"] for each in body["fallback"]["attempts"]),
        scores=scores(case, body["data"]),
        latency_ms=body["latencyMs"],
        tokens=body["usage"]["totalTokens"] or 0,
        cost_usd=body["usage"]["costUsd"] or 0,
    )


def table(results: list[Result]) -> str:
    """One line a task, and below it what each score comes to; then every case that lost something."""
    lines: list[str] = []
    for task in ROUTES:
        mine = [result for result in results if result.case.task == task]
        if mine:
            lines += _of_task(task, mine)
    for result in results:
        if result.status != 200:
            lines.append(f"{result.case.id}: {result.status} {result.code} {'; '.join(result.problems)}".rstrip())
        elif result.lost:
            lines.append(f"{result.case.id}: {', '.join(result.lost)}")
    return "\n".join(lines)


def _of_task(task: str, results: list[Result]) -> list[str]:
    answered = [result for result in results if result.status == 200]
    repaired = sum(len(result.outcomes) > 1 for result in answered)
    latency = int(median(result.latency_ms for result in answered)) if answered else 0
    names = dict.fromkeys(name for result in answered for name in result.scores)
    kept = {name: sum(result.scores.get(name, False) for result in answered) for name in names}
    return [
        f"{task}: {len(results)} cases, {len(answered)} answered ({repaired} of them repaired), median {latency} ms, "
        f"{sum(result.tokens for result in answered)} tokens, ${sum(result.cost_usd for result in answered):.4f}",
        *(f"  {name:<10} {number:>3} of {len(answered)}" for name, number in kept.items()),
    ]
