import csv
from pathlib import Path

import pytest
from pydantic import ValidationError

from scitrain import EvaluateCandidates
from scitrain.errors import DataError, ScitrainError, UnknownNameError
from scitrain.generation.naming import names_a_file
from scitrain.operations.evaluate_candidates import EvaluateCandidatesResult
from scitrain.workspace import Workspace

MOLECULES = ["CCO", "OCC", "c1ccccc1O", "CC(", "🙂", "", "C" * 5001]
FORMULAS = ["NaN", "Fe2O3", "O3Fe2", "PbTe", "D2O", "Na+", "CuZn"]


def rows_of(workspace: Workspace, result: EvaluateCandidatesResult) -> list[dict[str, str]]:
    path = workspace.runs / result.run_id / "results/candidates.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def values(result: EvaluateCandidatesResult) -> dict[str, float | None]:
    return {one.name: one.value for one in result.measures}


def test_molecules_are_judged_row_by_row_and_as_a_set(workspace: Workspace) -> None:
    reference = workspace.root / "known.csv"
    reference.write_text("smiles\nCCO\nCCN\nc1ccccc1\n", encoding="utf-8")
    result = EvaluateCandidates(candidates=MOLECULES, reference=str(reference), conditions={"logp": 1.4}).run(workspace)
    found = values(result)
    assert found["validity"] == pytest.approx(3 / 7)
    assert found["novelty"] == 0.5
    assert found["satisfied_logp"] == 0.5
    rows = rows_of(workspace, result)
    assert [row["candidate"] for row in rows] == MOLECULES
    assert rows[1]["error"] == "repeats row 1"
    assert "5,001 characters" in rows[6]["error"]
    assert rows[0]["novel"] == "False"
    assert float(rows[0]["nearest_similarity"]) == 1.0
    assert float(rows[2]["qed"]) > 0
    assert {"figures/molecules.png", "figures/distributions.png", "report.html"} <= set(result.files)
    page = (workspace.runs / result.run_id / "report.html").read_text(encoding="utf-8")
    assert "no reference" not in page
    assert "internal diversity" in page


def test_compositions_are_judged_beside_real_and_random_formulas(workspace: Workspace) -> None:
    result = EvaluateCandidates(candidates=FORMULAS, conditions={"cost": {"max": 10}, "balanced": 1}).run(workspace)
    found = values(result)
    assert found["satisfied_balanced"] == found["balanced"]
    assert result.modality == "formula"
    assert found["validity"] == pytest.approx(5 / 7)
    assert found["balanced"] == 0.75
    assert found["free_of_hazards"] == 0.75
    [balanced] = [one for one in result.measures if one.name == "balanced"]
    real, random = balanced.beside.values()
    assert real > random + 0.2
    rows = rows_of(workspace, result)
    assert rows[0]["balanced"] == "True"
    assert rows[3]["hazards"] == "Pb toxic (ICH Q3D class 1)"
    assert "isotope" in rows[4]["error"]
    assert "figures/elements.png" in result.files


def test_candidates_of_a_table_and_of_a_run_are_found(workspace: Workspace) -> None:
    table = workspace.root / "made.csv"
    table.write_text("id,formula,score\n1,NaCl,0.3\n2,KCl,0.2\n", encoding="utf-8")
    first = EvaluateCandidates(candidates=str(table)).run(workspace)
    again = EvaluateCandidates(candidates=first.run_id).run(workspace)
    assert values(first) == values(again)


def test_what_each_row_was_asked_for_is_held_against_what_it_is(workspace: Workspace) -> None:
    table = workspace.root / "asked.csv"
    rows = [("CCO", 0.0, 1.0), ("c1ccccc1", 1.5, 2.0), ("CCCCCC", 3.0, 3.0), ("CC(", 1.0, 1.0), ("CCN", "", 2.0)]
    table.write_text(
        "smiles,asked_logp,asked_gap\n" + "\n".join(f"{text},{asked},{gap}" for text, asked, gap in rows),
        encoding="utf-8",
    )
    result = EvaluateCandidates(candidates=str(table)).run(workspace)
    told = {one.name: one for one in result.measures}
    got = [float(row["logp"]) for row in rows_of(workspace, result)[:3]]
    apart = [value - asked for value, asked in zip(got, (0.0, 1.5, 3.0), strict=True)]
    assert told["error_logp"].value == pytest.approx(sum(map(abs, apart)) / 3, abs=1e-4)
    assert told["bias_logp"].value == pytest.approx(sum(apart) / 3, abs=1e-4)
    assert told["r2_logp"].n == 3
    assert "figures/asked.png" in result.files
    assert any("gap was asked for and is not looked at" in note for note in result.notes)
    one = EvaluateCandidates(candidates=str(table), conditions={"logp": 2}).run(workspace)
    names = {measure.name for measure in one.measures}
    assert {"error_logp", "bias_logp"} <= names
    assert "r2_logp" not in names, "the request asks one value of all"


def test_all_invalid_is_told_and_not_an_error(workspace: Workspace) -> None:
    result = EvaluateCandidates(candidates=["((", "🙂"], modality="smiles").run(workspace)
    assert values(result)["validity"] == 0.0
    assert values(result)["uniqueness"] is None
    assert len(result.invalid) == 2


def test_predictions_conditions_and_the_domain_are_told(trained, workspace: Workspace) -> None:
    source = trained.trained_run(workspace.root)
    result = EvaluateCandidates(
        candidates=["NaCl", "KBr"], predictors=source.id, conditions={"gap": {"min": -1e9}}
    ).run(workspace)
    found = values(result)
    assert found["satisfied_gap"] == 1.0
    assert "in_domain" in found
    assert all(row["gap_predicted"] and row["energy_low"] for row in rows_of(workspace, result))
    with pytest.raises(DataError, match="reads formula data, but molecules"):
        EvaluateCandidates(candidates=["CCO", "c1ccccc1"], predictors=[source.id]).run(workspace)


@pytest.mark.parametrize(
    "path", ["made.smi", "/data/made", "./made", "made.CSV", "sub/made/", "made.xlsx", "C:\\made.sdf"]
)
def test_a_path_is_a_file_and_never_a_material(workspace: Workspace, path: str) -> None:
    with pytest.raises(ScitrainError, match=r"no file or folder|outside the folders"):
        EvaluateCandidates(candidates=path).run(workspace)


@pytest.mark.parametrize(
    "text", ["CC.c1ccccc1", "[Na+].[Cl-]", "F/C=C/F", "C.CC", "Fe2O3", "CuSO4.5H2O", "(Mg0.9Fe0.1)2SiO4"]
)
def test_a_material_is_never_a_path(text: str) -> None:
    assert not names_a_file(text)


def test_mistakes_are_refused_with_what_to_do(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="at least 1"):
        EvaluateCandidates(candidates=[])
    with pytest.raises(ValidationError, match="candidates"):
        EvaluateCandidates()
    with pytest.raises(UnknownNameError, match="did you mean 'logp'"):
        EvaluateCandidates(candidates=["CCO"], conditions={"logP": 1}).run(workspace)
    with pytest.raises(DataError, match="judge the two apart"):
        EvaluateCandidates(candidates=["Fe2O3", "LiCoO2", "c1ccccc1", "CC(=O)O"]).run(workspace)
    table = workspace.root / "two.csv"
    table.write_text("a,b\nhello,3\nthere,4\n", encoding="utf-8")
    with pytest.raises(DataError, match="say column"):
        EvaluateCandidates(candidates=str(table)).run(workspace)
