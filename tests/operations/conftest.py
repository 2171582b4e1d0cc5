"""What tests of several operations share."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scitrain.figures.words import count, fixed, number, percent

NUMBER = re.compile(r"(?<![\w.-])−?\d{1,3}(?:,\d{3})*(?:\.\d+)?(?:×10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?(?![\w.]*\d)")


def numbers(content: object) -> Iterator[float]:
    """Return all numbers of a JSON value."""
    if isinstance(content, dict | list):
        for one in content.values() if isinstance(content, dict) else content:
            yield from numbers(one)
    elif isinstance(content, int | float) and not isinstance(content, bool):
        yield content


@pytest.fixture(scope="session")
def strange_numbers() -> Callable[[Path, list[object]], set[str]]:
    """Return what tells the numbers of a card that none of the results holds."""

    def strange(card: Path, results: list[object]) -> set[str]:
        body = card.read_text(encoding="utf-8").split("## How to")[0]
        said = set(NUMBER.findall(re.sub(r"^(`{3,}).*?^\1$", "", body, flags=re.M | re.S)))
        assert len(said) > 12
        known = set()
        for value in numbers(results):
            known |= {number(value), number(value, 4), count(value), percent(value).removesuffix(" %")}
            known |= {fixed(value, decimals) for decimals in range(7)}  # an interval says how many it can bear
        return said - known - {"95"}  # the level of all intervals

    return strange
