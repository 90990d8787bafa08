"""What is mutated, which tests have to tell, and which mutants nobody could tell."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers/common/nexus_ai"

# Of the mutants of each group, so many of a hundred have to be killed.
NEEDED_PERCENT = 90

# A module's path in the package; behind a colon, the one function that is meant.
GROUPS = {
    "cache key": ("cache/key.py", "gateway/kept_answers.py:key_of"),
    "cost": ("core/money.py", "providers/pricing.py", "gateway/prices.py", "gateway/charging.py", "gateway/meter.py"),
    "limits": ("limits/windows.py", "limits/due.py", "limits/models.py", "limits/service.py", "limits/store.py"),
}

# Each mutant meets those of them that run its function: first the quickest, until one fails. Tests with hundreds of
# callers at once, with processes that are killed, and with a second engine are left out: they take minutes each.
TESTS = (
    "tests/unit/test_cache_key.py",
    "tests/unit/test_charging.py",
    "tests/unit/test_limit_models.py",
    "tests/unit/test_money.py",
    "tests/unit/test_pricing.py",
    "tests/unit/test_windows.py",
    "tests/functional/test_cache.py",
    "tests/functional/test_due.py",
    "tests/functional/test_limits.py",
    "tests/functional/test_limits_races.py",
    "tests/functional/test_limits_refusals.py",
    "tests/functional/test_meter.py",
)


@dataclass(frozen=True, slots=True)
class Equivalent:
    """A mutant that behaves like the original. `before` and `after` are as the report shows them."""

    path: str
    before: str
    after: str
    why: str


EQUIVALENT = (
    Equivalent(
        "core/money.py",
        "return int((dollars * MICROS_PER_DOLLAR).to_integral_value(ROUND_HALF_EVEN))",
        "return int((dollars * MICROS_PER_DOLLAR).to_integral_value(None))",
        "half-even is what decimal's context rounds by where nothing is said",
    ),
    Equivalent(
        "core/money.py",
        "return dollars if dollars % 1 else dollars.quantize(Decimal(1))",
        "return dollars if dollars % 1 else dollars.quantize(Decimal(2))",
        "quantize takes the exponent of its argument and nothing else",
    ),
    Equivalent(
        "core/money.py",
        "return dollars if dollars % 1 else dollars.quantize(Decimal(1))",
        "return dollars if dollars % 2 else dollars.quantize(Decimal(1))",
        "an odd number of dollars has no exponent to be taken away",
    ),
    Equivalent(
        "gateway/meter.py",
        "price_known=all(step.price_known for step in most),",
        "price_known=any(step.price_known for step in most),",
        "all steps are asked of one model, whose price is known or not",
    ),
    Equivalent(
        "limits/windows.py",
        "first_of_month = (today.replace(day=1) + timedelta(days=32)).replace(day=1)",
        "first_of_month = (today.replace(day=2) + timedelta(days=32)).replace(day=1)",
        "34 days from the first are in the next month, too, whatever the month",
    ),
    Equivalent(
        "limits/windows.py",
        "first_of_month = (today.replace(day=1) + timedelta(days=32)).replace(day=1)",
        "first_of_month = (today.replace(day=1) + timedelta(days=33)).replace(day=1)",
        "34 days from the first are in the next month, too, whatever the month",
    ),
    Equivalent(
        "limits/windows.py",
        "day_before_again = datetime.fromtimestamp(second - 1, zone).date() < day",
        "day_before_again = datetime.fromtimestamp(second - 2, zone).date() < day",
        "no clock shows a day for one second alone",
    ),
    Equivalent(
        "limits/due.py",
        "self._marked: tuple[int, set[str]] = (0, set())",
        "self._marked: tuple[int, set[str]] = (1, set())",
        "neither is a step of five minutes of this century",
    ),
)
