import pytest
from hypothesis import given
from hypothesis import strategies as st

from scitrain.errors import ScitrainError
from scitrain.models import FAMILIES
from scitrain.models.mlp import Mlp
from scitrain.request import RequestError, parse
from scitrain.training.options import TrainingOptions
from scitrain.tuning.options import TuningOptions
from scitrain.tuning.space import Parameter, Space, infer


def space_of(search=None, model=None, asked=None, **options):
    wanted = None if search is None else TuningOptions(search=search).search
    return infer(wanted, model or Mlp(), asked, TrainingOptions(**options))


READY = [name for name, cls in FAMILIES.items() if not any(f.is_required() for f in cls.model_fields.values())]
"""Families that are networks without a word more; of a `stack` a request says all, and what trains it is searched."""


@pytest.mark.parametrize("family", READY)
def test_every_family_declares_something_to_search_and_takes_all_that_it_declares(family):
    cls = FAMILIES[family]
    found = infer(None, cls(), None, TrainingOptions())
    names = {p.name for p in found.parameters}
    assert {"learning_rate", "weight_decay", "batch_size"} < names
    for parameter in found.parameters:
        for point in parameter.points():
            values = {p.name: p.decode(p.points()[0]) for p in found.parameters} | {
                parameter.name: parameter.decode(point)
            }
            model, options = found.apply(values, cls(), TrainingOptions())
            owner = model if parameter.of == "model" else options
            assert getattr(owner, parameter.name) == parameter.decode(point)


def test_what_the_request_settles_is_not_searched():
    names = {p.name for p in space_of(asked=Mlp(dropout=0.1), batch_size=16).parameters}
    assert not {"dropout", "batch_size"} & names
    assert {"widths", "norm", "learning_rate"} < names


def test_a_network_that_was_chosen_settles_nothing():
    assert "dropout" in {p.name for p in space_of(model=Mlp(dropout=0.2, norm="none"), asked=None).parameters}


def test_a_list_of_names_takes_their_declared_ranges_and_nothing_else():
    assert [(p.name, p.low, p.high) for p in space_of(["dropout"]).parameters] == [("dropout", 0.0, 0.6)]


@pytest.mark.parametrize(
    ("given", "kind", "points"),
    [
        ({"batch_size": {"low": 8, "high": 32}}, "int", [8, 20, 32]),
        ({"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}}, "float", [1e-4, 1e-3, 1e-2]),
        ({"widths": [[8], [16, 16]]}, "choice", ["[8]", "[16, 16]"]),
        ({"residual": "auto"}, "choice", [False, True]),
        ({"norm": None}, "choice", ["batch", "layer", "none"]),
    ],
)
def test_a_field_knows_in_what_it_is_searched(given, kind, points):
    [found] = space_of(given).parameters
    assert found.kind == kind
    assert found.points() == pytest.approx(points) if kind == "float" else found.points() == points


@pytest.mark.parametrize(
    ("search", "said"),
    [
        ({"droput": None}, "no parameter named 'droput'; did you mean 'dropout'?"),
        ({"epochs": None}, "no parameter named 'epochs'"),
        ({"dropout": {"low": 0.1, "high": 1.5}}, "dropout: Input should be less than 1"),
        ({"norm": {"low": 0, "high": 1}}, "norm takes no numbers"),
        ({"norm": ["bach"]}, "did you mean 'batch'?"),
        ({"batch_size": {"low": 1.5, "high": 3}}, "whole numbers"),
    ],
)
def test_a_search_that_no_field_bears_is_refused_with_the_near_name(search, said):
    with pytest.raises(ScitrainError, match="(?s)" + said.replace("?", r"\?").replace("(", r"\(")):
        space_of(search)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"search": {"dropout": {"low": 0.5, "high": 0.1}}}, "search.dropout: low=0.5 must lie below high=0.1"),
        ({"search": {"dropout": {"low": 0.1, "hihg": 0.5}}}, "search.dropout.hihg: not a field; did you mean 'high'?"),
        ({"search": {"dropout": {"low": 0, "high": 0.1, "log": True}}}, "log=true needs low above 0"),
        ({"search": {"dropout": {"low": 0.1}}}, "needs low and high, or choices"),
        ({"search": {"dropout": []}}, "at least 1"),
        ({"search": []}, "names no parameter"),
        ({"n_trials": 0}, "n_trials: Input should be greater than or equal to 1"),
        ({"sampler": "tpa"}, "did you mean 'tpe'?"),
        ({"study": "mine"}, "give storage too"),
        ({"objective": "error_and_latency", "sampler": "cmaes"}, "minimises one objective"),
        ({"objective": "error_and_latency", "pruner": "median"}, "compares one objective"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_where_it_is_made(request_, said):
    with pytest.raises(RequestError) as refused:
        parse(TuningOptions, request_)
    assert said in str(refused.value)


def test_a_request_survives_its_record():
    asked = TuningOptions(
        search={"widths": [[8], [8, 8]], "dropout": "auto", "learning_rate": {"low": 1e-4, "high": 1e-2}}
    )
    assert TuningOptions.model_validate_json(asked.model_dump_json()) == asked


def test_a_search_of_what_is_settled_is_refused():
    with pytest.raises(ScitrainError, match="settles all that could be searched"):
        infer({}, Mlp(), None, TrainingOptions())


def test_a_grid_holds_each_point_once_and_is_cut_at_random():
    space = space_of({"dropout": [0.0, 0.1, 0.2], "norm": ["batch", "none"]})
    every, size = space.grid(100, 1)
    assert size == len(every) == len({str(point) for point in every}) == 6
    some, _ = space.grid(4, 1)
    assert some == every[:4]
    assert space.grid(100, 2)[0] != every


def test_a_grid_beyond_all_measure_is_refused():
    axes = [Parameter(name=f"p{i}", of="model", kind="choice", choices=list(range(20))) for i in range(6)]
    with pytest.raises(ScitrainError, match="64,000,000 points is too large"):
        Space(parameters=axes).grid(5, 0)


@given(st.floats(0, 0.6), st.sampled_from([[128, 128], [512, 256]]))
def test_values_go_into_a_study_and_come_back(dropout, widths):
    space = space_of(["dropout", "widths"])
    coded = space.encode({"dropout": dropout, "widths": widths})
    assert {p.name: p.decode(coded[p.name]) for p in space.parameters} == {"dropout": dropout, "widths": widths}


def test_values_outside_are_left_out():
    assert space_of(["dropout", "widths"]).encode({"dropout": 0.9, "widths": [3]}) == {}
