"""Money is integer micro-dollars (1 US dollar = 1,000,000). Unknown is None, never 0; no amount is ever a float."""

from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal

from nexus_ai.platform.units import MICROS_PER_DOLLAR


def micros_from_dollars(dollars: Decimal) -> int:
    """The nearest micro-dollar: what an answer did cost."""
    return int((dollars * MICROS_PER_DOLLAR).to_integral_value(ROUND_HALF_EVEN))


def micros_ceiling(dollars: Decimal) -> int:
    """The next micro-dollar upwards: what an answer may cost at most."""
    return int((dollars * MICROS_PER_DOLLAR).to_integral_value(ROUND_CEILING))


def dollars_from_micros(micros: int) -> Decimal:
    """US dollars with at most six decimals and no trailing zeros, as the API writes them."""
    dollars = (Decimal(micros) / MICROS_PER_DOLLAR).normalize()
    return dollars if dollars % 1 else dollars.quantize(Decimal(1))
