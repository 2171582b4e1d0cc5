"""Time of parts within parts, and what is said of repeated passes."""

import pytest

from scitrain.profiling.stopwatch import Stopwatch
from scitrain.profiling.timing import FEWEST, MOST, Timing, repeated


@pytest.fixture
def clock():
    """A clock that moves when it is told."""

    class Clock:
        now = 0.0

        def __call__(self) -> float:
            return self.now

        def pass_(self, seconds: float) -> None:
            self.now += seconds

    return Clock()


def test_what_a_part_inside_takes_is_not_counted_for_the_part_around_it(clock):
    watch = Stopwatch(clock=clock)
    with watch.part("outer"):
        clock.pass_(1)
        with watch.part("inner"):
            clock.pass_(10)
            with watch.part("outer"):
                clock.pass_(100)
        clock.pass_(2)
    assert watch.taken() == {"outer": 103, "inner": 10}
    assert watch.taken() == {}


def test_a_wrapped_function_gives_what_it_gives_and_its_time_counts_even_where_it_fails(clock):
    watch = Stopwatch(clock=clock)

    def work(fails: bool) -> str:
        clock.pass_(3)
        if fails:
            raise ValueError("broken")
        return "done"

    timed = watch.wrap("work", work)
    assert timed(False) == "done"
    with pytest.raises(ValueError, match=r"^broken$"):
        timed(fails=True)
    assert watch.taken() == {"work": 6}


def test_percentiles_throughput_and_parts_of_passes_by_hand():
    found = Timing.of(10, [0.001] * 98 + [0.002, 0.011], {"network": 0.05}, (3.0, None))
    assert (found.p50_ms, found.p90_ms) == (1, 1)
    assert found.p99_ms == pytest.approx(2 + 0.01 * 9, rel=1e-3)
    assert found.rows_per_s == pytest.approx(10 * 100 / 0.111, rel=1e-3)
    assert found.parts_ms["network"] == pytest.approx(0.5)
    assert sum(found.parts_ms.values()) == pytest.approx(1.11, rel=1e-3)


def test_a_few_passes_are_made_however_short_the_time_and_warm_up_is_left_out(clock):
    watch, numbers = Stopwatch(clock=clock), []

    def step(number: int) -> None:
        numbers.append(number)
        with watch.part("work"):
            clock.pass_(1)

    taken, parts = repeated(step, watch, 0.0)
    assert len(taken) == FEWEST
    assert parts == {"work": FEWEST}
    taken, _ = repeated(step, watch, 1000.0)
    assert len(taken) == MOST
