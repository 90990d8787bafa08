"""Convert between micro-dollars (integers, 1 US dollar = 1,000,000) and US dollars (Decimal).

An unknown amount is None, never 0. No amount is a float.
"""

from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal

from nexus_ai.platform.units import MICROS_PER_DOLLAR


def micros_from_dollars(dollars: Decimal) -> int:
    """Return the nearest micro-dollar (half to even), for actual costs."""
    return int((dollars * MICROS_PER_DOLLAR).to_integral_value(ROUND_HALF_EVEN))


def micros_ceiling(dollars: Decimal) -> int:
    """Return the amount rounded up to a whole micro-dollar, for upper bounds of costs."""
    return int((dollars * MICROS_PER_DOLLAR).to_integral_value(ROUND_CEILING))


def dollars_from_micros(micros: int) -> Decimal:
    """Return US dollars with at most six decimals and no trailing zeros, as the API writes them."""
    dollars = (Decimal(micros) / MICROS_PER_DOLLAR).normalize()
    return dollars if dollars % 1 else dollars.quantize(Decimal(1))
