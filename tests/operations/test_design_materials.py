import csv
from collections.abc import Callable
from types import ModuleType

import pytest
from pydantic import ValidationError

from scitrain import DesignMaterials, EvaluateCandidates, GenerateCandidates, TrainGenerator
from scitrain.errors import DataError, UnknownNameError
from scitrain.generation.goals import Goal
from scitrain.operations.design_materials import DesignResult
from scitrain.runs import Run
from scitrain.workflow import design_sources, designing
from scitrain.workspace import Workspace

KNOWN = "formula\n" + "\n".join(
    f"{a}{n}{b}O{k}"
    for a in ("Li", "Na", "K", "Mg", "Ca")
    for b in ("Ti", "Fe", "Al")
    for n, k in ((1, 2), (2, 4), (1, 3))
)
MOLECULES = "smiles\n" + "\n".join(
    ["CCO", "c1ccccc1O", "CCN(CC)CC", "CC(C)=O", "CCOC(C)=O", "Cc1ccncc1", "CCCCO", "OCC(O)CO"]
)
CHEAP = {"cost": {"max": 3}, "atoms": {"min": 9, "max": 12}}


@pytest.fixture
def formulas(workspace: Workspace) -> str:
    path = workspace.root / "known.csv"
    path.write_text(KNOWN, encoding="utf-8")
    return str(path)


def rows_of(workspace: Workspace, result: DesignResult) -> list[dict[str, str]]:
    path = workspace.runs / result.run_id / "results/candidates.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_search_for_compositions_beats_what_is_known_and_says_why_losers_lost(
    workspace: Workspace, formulas: str
) -> None:
    result = DesignMaterials(targets=CHEAP, data=formulas, forbid=["Fe"], n=200).run(workspace)
    assert result.predictions == 200
    rows = rows_of(workspace, result)
    good = [row for row in rows if row["satisfied"] == "True"]
    assert result.satisfied == len(good) > 0
    assert [row["rank"] for row in rows] == [str(i) for i in range(1, len(rows) + 1)]
    assert all(float(row["cost"]) <= 3 and row["balanced"] == "True" and "Fe" not in row["canonical"] for row in good)
    assert all(row["error"] for row in rows if row["satisfied"] == "False")
    assert {row["rejected_at"] for row in rows} >= {"", "balanced", "goals"}
    assert not any("Fe" in row["canonical"] for row in rows if not row["rejected_at"])
    assert {"figures/funnel.png", "figures/pareto.png", "figures/search.png", "report.html"} <= set(result.files)
    page = (workspace.runs / result.run_id / "report.html").read_text(encoding="utf-8")
    assert "random known materials" in page


def test_a_search_for_molecules_draws_them(workspace: Workspace) -> None:
    path = workspace.root / "known.csv"
    path.write_text(MOLECULES, encoding="utf-8")
    request = DesignMaterials(targets={"logp": 2.0, "qed": "maximize"}, data=str(path), n=20, compare=False)
    result = request.run(workspace)
    assert "figures/molecules.png" in result.files
    assert result.satisfied > 0
    assert result.search == [result.search[0]]


def test_the_same_seed_finds_the_same(workspace: Workspace, formulas: str) -> None:
    request = DesignMaterials(targets=CHEAP, data=formulas, n=40, compare=False)
    assert rows_of(workspace, request.run(workspace)) == rows_of(workspace, request.run(workspace))


def test_contradictory_targets_are_told_with_the_nearest(workspace: Workspace, formulas: str) -> None:
    request = DesignMaterials(targets={"elements": {"max": 1}, "atoms": {"min": 5}}, data=formulas, n=30, compare=False)
    result = request.run(workspace)
    assert result.satisfied == 0
    assert "none of" in result.sentence
    assert "may contradict" in result.sentence
    assert "the nearest is" in result.sentence
    assert result.candidates


def test_predictions_intervals_and_the_domain_stand_beside(
    trained: ModuleType, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = trained.trained_run(workspace.root)
    monkeypatch.setattr(design_sources, "prepared_again", lambda *_: _Labelled(trained.FORMULAS))
    result = DesignMaterials(targets={"gap": {"min": -1e9}}, predictors=source.id, filters=[], n=40).run(workspace)
    assert result.predictions == 40
    row = rows_of(workspace, result)[0]
    assert {"gap_predicted", "gap_low", "gap_high", "energy_predicted", "in_domain", "confidence"} <= set(row)
    [told] = [
        one
        for one in Run.open(result.run_id, workspace).read_json("results/design.json")["search"]
        if one["name"] == "design"
    ]
    assert told["satisfied"] <= 20


class _Labelled:
    """Stands for the data of a made-up run, which has none."""

    def __init__(self, formulas: list[str]) -> None:
        self.columns, self.targets = {"formula": formulas}, ()


def test_a_search_that_was_stopped_goes_on_after_its_last_round(
    workspace: Workspace, formulas: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = DesignMaterials(targets=CHEAP, data=formulas, n=60, compare=False)
    whole = rows_of(workspace, request.run(workspace))
    asked: Callable[..., object] = designing._round
    rounds: list[int] = []

    def stops(*given: object) -> object:
        rounds.append(len(rounds))
        if len(rounds) == 3:
            raise KeyboardInterrupt
        return asked(*given)

    monkeypatch.setattr(designing, "_round", stops)
    run = request.create(workspace)
    with pytest.raises(KeyboardInterrupt):
        request.execute_recorded(run)
    assert run.record().status == "cancelled"
    monkeypatch.setattr(designing, "_round", asked)
    run.requeue("inline")
    result = request.execute_recorded(run)
    assert isinstance(result, DesignResult)
    assert rows_of(workspace, result) == whole


def test_time_is_bounded_and_what_was_found_is_kept(workspace: Workspace, formulas: str) -> None:
    result = DesignMaterials(targets=CHEAP, data=formulas, n=1_000_000, max_minutes=1e-9, compare=False).run(workspace)
    assert "kept" in result.ended
    assert result.candidates


def test_where_nothing_passes_the_search_ends_and_says_so(workspace: Workspace, formulas: str) -> None:
    request = DesignMaterials(targets=CHEAP, data=formulas, constraints={"cost": {"max": 0}}, n=40, compare=False)
    result = request.run(workspace)
    assert "nothing new that passes" in result.ended
    assert "no candidate passes" in result.sentence


def test_mistakes_are_refused_with_what_to_do(trained: ModuleType, workspace: Workspace, formulas: str) -> None:
    with pytest.raises(ValidationError, match="targets is empty"):
        DesignMaterials(targets={})
    with pytest.raises(ValidationError, match="both allowed and forbidden"):
        DesignMaterials(targets={"cost": 1}, allow=["Fe"], forbid="Fe")
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        DesignMaterials(targets={"cost": 1}, n=0)
    with pytest.raises(DataError, match="nothing to start from"):
        DesignMaterials(targets={"cost": 1}).run(workspace)
    with pytest.raises(UnknownNameError, match="did you mean 'cost'"):
        DesignMaterials(targets={"costs": 1}, data=formulas).run(workspace)
    with pytest.raises(UnknownNameError, match="element"):
        DesignMaterials(targets={"cost": 1}, data=formulas, forbid=["Xx"]).run(workspace)
    with pytest.raises(UnknownNameError, match="filter"):
        DesignMaterials(targets={"cost": 1}, data=formulas, filters=["pains_free"]).run(workspace)
    with pytest.raises(UnknownNameError, match="generator"):
        DesignMaterials(targets={"cost": 1}, data=formulas, generator="mutations").run(workspace)
    images = trained.trained_run(workspace.root, data=("tabular", {"x": [str(i) for i in range(30)]}))
    with pytest.raises(DataError, match="reads tabular data, but molecules"):
        DesignMaterials(targets={"gap": 1}, predictors=images.id).run(workspace)


def test_goals_may_be_a_number_or_a_word() -> None:
    request = DesignMaterials(targets={"a": 2, "b": "minimize"}, predictors="x")
    assert request.targets == {"a": Goal(value=2), "b": Goal(direction="minimize")}
    assert request.predictors == ["x"]


def test_a_trained_generator_is_asked_taught_and_judged_by_its_own_data(
    trained: ModuleType, workspace: Workspace, formulas: str
) -> None:
    taught = TrainGenerator(data=formulas, layers=1, width=32, epochs=1).run(workspace)
    goals = {"cost": Goal(max=5), "atoms": Goal(min=2)}
    result = DesignMaterials(targets=goals, generator=taught.run_id, filters=[], n=20, compare=False).run(workspace)
    assert 0 < result.predictions <= 20
    assert not set(KNOWN.split()) & {row["canonical"] for row in rows_of(workspace, result)}
    judged = EvaluateCandidates(candidates=result.run_id).run(workspace)
    assert judged.modality == "formula"
    drawn = GenerateCandidates(run=taught.run_id, n=5).run(workspace)
    beside = EvaluateCandidates(candidates=drawn.run_id).run(workspace)
    assert [
        (one.what, one.value)
        for one in Run.open(beside.run_id, workspace).record().decisions
        if one.what == "reference"
    ] == [("reference", formulas)]
    with pytest.raises(DataError, match="writes formula, the predictors read"):
        DesignMaterials(targets={"logp": 1}, generator=taught.run_id, predictors=[_molecular(trained, workspace)]).run(
            workspace
        )


def _molecular(trained: ModuleType, workspace: Workspace) -> str:
    """Return a made-up run whose model reads molecules."""

    made: Run = trained.trained_run(workspace.root, data=("smiles", {"smiles": ["CCO", "CCN", "CCC", "c1ccccc1"] * 8}))
    return made.id


def test_a_design_is_judged_by_its_survivors_goals_and_known_materials(workspace: Workspace, formulas: str) -> None:
    made = DesignMaterials(targets=CHEAP, data=formulas, n=200, compare=False).run(workspace)
    judged = EvaluateCandidates(candidates=made.run_id).run(workspace)
    assert judged.candidates == made.satisfied
    told = {one.name: one.value for one in judged.measures}
    assert told["satisfied_all"] == told["novelty"] == told["balanced"] == 1.0
    decided = {one.what: one.value for one in Run.open(judged.run_id, workspace).record().decisions}
    assert decided["reference"] == formulas
    assert str(decided["candidates"]).startswith(f"{made.satisfied} of ")
    assert set(decided["conditions"]) == set(CHEAP)


def test_one_goal_that_nobody_meets_is_no_contradiction(workspace: Workspace, formulas: str) -> None:
    result = DesignMaterials(targets={"atoms": {"min": 9000}}, data=formulas, n=20, compare=False).run(workspace)
    assert "contradict" not in result.sentence
    assert "none meets atoms even alone" in result.sentence
    assert "outside the known materials" in result.warnings[0]
    assert {one["rejected_at"] for one in result.candidates} == {"goals"}
    assert "nearest candidates, none satisfies every goal:" in result.summary()


def test_what_nothing_passes_is_named_and_no_loser_is_shown(workspace: Workspace, formulas: str) -> None:
    request = DesignMaterials(targets=CHEAP, data=formulas, constraints={"cost": {"max": 0}}, n=20, compare=False)
    result = request.run(workspace)
    assert result.candidates == []
    assert "contradict" not in result.sentence
    assert "most were lost at the step" in result.sentence


def test_a_target_and_a_constraint_that_exclude_one_another_are_refused() -> None:
    with pytest.raises(ValidationError, match="target ≥ 6 and constraint ≤ 1 exclude one another"):
        DesignMaterials(targets={"gap": {"min": 6}}, constraints={"gap": {"max": 1}})
    DesignMaterials(targets={"gap": {"min": 6}}, constraints={"gap": {"max": 6}})


def test_directions_alone_are_compared_by_value_without_confidence(workspace: Workspace, formulas: str) -> None:
    result = DesignMaterials(targets={"cost": "minimize"}, data=formulas, n=30).run(workspace)
    assert result.satisfied is None
    assert "nothing can miss" in result.sentence
    assert all("mean cost" in line and "best" in line and "20 of 20" not in line for line in result.search)
    assert not {"confidence", "satisfied"} & set(rows_of(workspace, result)[0])


def test_rivals_get_as_many_predictions_as_were_made(workspace: Workspace, formulas: str) -> None:
    request = DesignMaterials(targets=CHEAP, data=formulas, n=1_000_000, max_minutes=1e-9)
    result = request.run(workspace)
    spent = [
        one["predictions"] for one in Run.open(result.run_id, workspace).read_json("results/design.json")["search"]
    ]
    assert max(spent) == result.predictions
    assert spent[0] == spent[3]
    assert f"({result.predictions:,} predictions)" in result.search[0]
