"""Test the rounding and the written form of micro-dollars and dollars."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus_ai.platform.money import dollars_from_micros, micros_ceiling, micros_from_dollars


@pytest.mark.parametrize(
    ("dollars", "nearest", "rounded_up"),
    [
        ("0", 0, 0),
        ("0.0000001", 0, 1),
        ("0.0000005", 0, 1),  # half-way, to the even one
        ("0.0000015", 2, 2),
        ("0.0000025", 2, 3),
        ("0.0000024", 2, 3),
        ("0.000001", 1, 1),
        ("12.5", 12_500_000, 12_500_000),
    ],
)
def test_cost_is_rounded_to_nearest_and_a_bound_upwards(dollars: str, nearest: int, rounded_up: int) -> None:
    assert micros_from_dollars(Decimal(dollars)) == nearest
    assert micros_ceiling(Decimal(dollars)) == rounded_up


@pytest.mark.parametrize(
    ("micros", "written"),
    [
        (0, "0"),
        (1, "0.000001"),
        (10, "0.00001"),
        (1_500_000, "1.5"),
        (3_000_000, "3"),
        (100_000_000, "100"),  # not 1E+2
        (-250_000, "-0.25"),
    ],
)
def test_dollars_have_no_trailing_zeros_and_no_exponent(micros: int, written: str) -> None:
    assert f"{dollars_from_micros(micros)}" == written


@given(st.integers(-(10**15), 10**15))
def test_dollars_convert_back_to_the_same_micro_dollars(micros: int) -> None:
    assert micros_from_dollars(dollars_from_micros(micros)) == micros == micros_ceiling(dollars_from_micros(micros))
