"""Define constants of time and money."""

from decimal import Decimal

HOUR_S = 3600
DAY_S = 24 * HOUR_S
MICROS_PER_DOLLAR = 1_000_000
# Prices are per million tokens.
PER_MILLION = Decimal(1_000_000)
