"""What a search tells its generator, and that a search that was stopped has it learn again what it had learned."""

import dataclasses

import pytest

from scitrain.generation.goals import Goal
from scitrain.runs import Run
from scitrain.workflow import designing
from scitrain.workflow.designing import Plan, design
from scitrain.workflow.predictors import Predictors
from scitrain.workflow.screening import make_screen
from scitrain.workspace import Workspace

GOALS = {"cost": Goal(min=1, max=3), "atoms": Goal(value=10), "hhi_production": Goal(max=5000)}
SCALES = dict.fromkeys(GOALS, 1.0)
PLAN = Plan(GOALS, 80, 0, None, novel=False)


class Scribe:
    """A generator that remembers what it was taught and asked."""

    def __init__(self):
        self.taught, self.asked = [], []

    def sample(self, n, conditions, seed):
        self.asked.append(dict(conditions))
        return [f"Na{1 + (seed + i) % 40}Cl{1 + i}" for i in range(n)]

    def tune(self, best):
        self.taught.append(tuple(best))


@pytest.fixture
def place(tmp_path):
    return Workspace(tmp_path)


@pytest.fixture
def screen():
    return make_screen("formula", ((), ()), [], {}, Predictors(()))


def search(screen, scribe, run):
    return design(scribe, screen, (frozenset(), SCALES), PLAN, run)


def test_values_and_the_middle_of_ranges_are_told_and_open_ends_are_not(screen):
    scribe = Scribe()
    design(scribe, screen, (frozenset(), SCALES), dataclasses.replace(PLAN, predictions=20), None)
    assert scribe.asked[0] == {"cost": 2.0, "atoms": 10.0}


def test_a_generator_is_taught_again_what_it_knew_when_the_search_was_stopped(screen, place, monkeypatch):
    whole = Scribe()
    expected = search(screen, whole, Run.create("design_materials", {}, place)).pool.names
    run, stopped, original = Run.create("design_materials", {}, place), Scribe(), designing._round

    def stops(*given):
        if given[-1] == 2:
            raise KeyboardInterrupt
        return original(*given)

    monkeypatch.setattr(designing, "_round", stops)
    with pytest.raises(KeyboardInterrupt):
        search(screen, stopped, run)
    monkeypatch.setattr(designing, "_round", original)
    again = Scribe()
    assert search(screen, again, run).pool.names == expected
    assert len(whole.taught) > 2
    assert again.taught == whole.taught
