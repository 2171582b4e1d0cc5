"""Rows of a second file only train, and tell nothing of what is tested."""

import numpy as np
import pytest

import scitrain
from scitrain.data.options import DataOptions
from scitrain.data.prepare import prepare
from scitrain.errors import DataError, UnknownNameError

METALS = ("Li", "Na", "K", "Rb", "Cs", "Mg", "Ca", "Sr", "Ba", "Zn")
ANIONS = ("F", "Cl", "Br", "I")
FORMULAS = [f"{metal}{anion}{n}" for metal in METALS for anion in ANIONS for n in (1, 2)]
MEASURED = FORMULAS[:60:2] + FORMULAS[1:60:2]


@pytest.fixture
def work(workspace):
    """Measured gaps of sixty formulas, computed ones of all of them, some twice, one unreadable, one without a value."""
    rows = [f"{formula},{i / 10}" for i, formula in enumerate(MEASURED)]
    (workspace.root / "measured.csv").write_text("\n".join(["formula,gap", *rows]) + "\n", encoding="utf-8")
    rows = [f"{formula},{i / 20},x" for i, formula in enumerate(FORMULAS)]
    rows += ["LiF,0.3,x", "Xx2O,1,x", "Li3F5,,x"]
    (workspace.root / "computed.csv").write_text("\n".join(["formula,gap_pbe,note", *rows]) + "\n", encoding="utf-8")
    return workspace


def options(**more):
    asked = {"data": "measured.csv", "auxiliary": "computed.csv", "target": ["gap", "gap_pbe"], "inputs": "formula"}
    return DataOptions.model_validate({**asked, "split": "random", **more})


def own_and_others(prepared):
    own = ~np.isnan(prepared.y[:, 0])
    return own, ~own


def test_auxiliary_rows_only_train(work):
    prepared = prepare(options(), work)
    own, others = own_and_others(prepared)
    assert own.sum() == 60
    assert others.any()
    assert not others[np.concatenate([prepared.split["val"], prepared.split["test"]])].any()
    assert np.isin(np.flatnonzero(others), prepared.split["train"]).all()


def test_the_own_rows_are_divided_as_they_are_without_auxiliary_rows(work):
    alone = prepare(options(auxiliary=None, target="gap"), work)
    both = prepare(options(), work)
    for part in ("val", "test"):
        assert np.array_equal(alone.split[part], both.split[part])
    assert np.array_equal(alone.split["train"], both.split["train"][: len(alone.split["train"])])


def test_no_auxiliary_row_has_the_input_of_a_tested_row(work):
    prepared = prepare(options(), work)
    cells = list(prepared.columns["formula"])
    tested = {cells[i] for part in ("val", "test") for i in prepared.split[part]}
    _, others = own_and_others(prepared)
    assert tested.isdisjoint(cells[i] for i in np.flatnonzero(others))
    told = next(one for one in prepared.decisions if one.what == "auxiliary rows")
    assert f"{len(tested)} × same input as a val or test row" in told.why
    assert told.value == others.sum() == 80 - len(tested)


def test_a_split_by_chemical_system_leaves_out_the_systems_of_tested_rows(work):
    prepared = prepare(options(split="chemical_system"), work)
    cells = list(prepared.columns["formula"])

    def systems(rows):
        return {cells[i].rstrip("0123456789") for i in rows}

    held = systems(np.concatenate([prepared.split["val"], prepared.split["test"]]))
    assert held
    assert held.isdisjoint(systems(prepared.split["train"]))


def test_labels_of_one_input_are_merged_within_each_file_and_never_across(work):
    (work.root / "more.csv").write_text("formula,gap\n" + "LiF,90\nLiF,94\n" + "CsI,9\n" * 2, encoding="utf-8")
    prepared = prepare(options(auxiliary="more.csv", target="gap"), work)
    labels = prepared.y[:, 0]
    assert labels[:60].max() < 6.0
    assert set(labels[60:].tolist()) <= {92.0, 9.0}


def test_rejected_rows_name_the_file_that_their_lines_are_of(work):
    prepared = prepare(options(), work)
    told = (work.datasets / prepared.key / "rejected.csv").read_text(encoding="utf-8")
    assert told.count("computed.csv: ") >= 3
    assert "Xx2O" in told
    line = next(line for line in told.splitlines() if "Xx2O" in line)
    assert line.startswith("83,")  # of computed.csv: a header, eighty formulas, one twice
    found = dict(prepared.report["auxiliary"])
    assert len(found.pop("fingerprint")) == 64
    assert found == {"source": "computed.csv", "rows": 80 - 12, "targets": ["gap_pbe"]}


def test_what_only_helps_is_not_missed_in_val_and_test(work):
    assert prepare(options(), work).report["warnings"] == []


def test_a_column_of_folds_is_needed_of_the_own_rows_alone(work):
    rows = [f"{formula},{i / 10},{i % 3}" for i, formula in enumerate(MEASURED)]
    (work.root / "measured.csv").write_text("\n".join(["formula,gap,fold", *rows]) + "\n", encoding="utf-8")
    prepared = prepare(options(split={"kind": "column", "column": "fold", "fold": 1}), work)
    assert len(prepared.split["test"]) == 20
    with pytest.raises(DataError, match="each fold is the test in its turn"):
        prepare(options(split={"kind": "column", "column": "fold"}), work)


@pytest.mark.parametrize(
    ("more", "error", "words"),
    [
        ({"target": ["gap", "gap_pb"]}, UnknownNameError, "gap_pbe"),
        ({"inputs": "Formula"}, UnknownNameError, "formula"),
        ({"split": {"kind": "kfold"}}, DataError, "split="),
    ],
)
def test_nonsense_is_told(work, more, error, words):
    with pytest.raises(error, match=words):
        prepare(options(**more), work)


def test_an_auxiliary_file_without_the_inputs_is_refused_before_a_run_is_made(work):
    (work.root / "other.csv").write_text("name,gap_pbe\nLiF,1\n", encoding="utf-8")
    asked = {"data": "measured.csv", "auxiliary": "other.csv", "target": ["gap", "gap_pbe"], "inputs": "formula"}
    with pytest.raises(UnknownNameError, match=r"other\.csv"):
        scitrain.TrainModel.model_validate(asked).run(work)
    with pytest.raises(scitrain.ScitrainError, match="missing"):
        scitrain.TrainModel.model_validate({**asked, "auxiliary": "missing.csv"}).run(work)
    assert not list(work.runs.glob("train_model-*"))


def test_few_own_labels_weigh_more_than_many_auxiliary_ones(work):
    asked = {"model": {"family": "mlp", "widths": [4]}, "ensemble": 1, "epochs": 1, "export": [], "split": "random"}
    given = {"data": "measured.csv", "auxiliary": "computed.csv", "target": ["gap", "gap_pbe"], "inputs": "formula"}
    result = scitrain.TrainModel.model_validate({**asked, **given}).run(work)
    told = {one.what: one.value for one in result.decisions}
    assert told["task_weights"] == {"gap": round((told["auxiliary rows"] / 48) ** 0.5, 2)}
    assert {one.target for one in result.metrics} == {"gap"}, "a mean over one target is that target's number"
    card = (scitrain.Run.open(result.run_id, work).path / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "test rows, of gap." in card
    again = scitrain.EvaluateModel(run=result.run_id, mc_dropout=0).run(work)
    assert [m.value for m in again.metrics] == [m.value for m in result.metrics]


def test_a_network_for_each_target_and_a_refit_take_auxiliary_rows_too(work):
    asked = {"model": {"family": "mlp", "widths": [4]}, "ensemble": 1, "epochs": 1, "export": [], "split": "random"}
    given = {"data": "measured.csv", "auxiliary": "computed.csv", "target": ["gap", "gap_pbe"], "inputs": "formula"}
    more = {"single_tasks": True, "refit": True}
    assert "gap" in scitrain.TrainModel.model_validate({**asked, **given, **more}).run(work).together


def test_auxiliary_rows_without_a_label_are_told(work):
    with pytest.raises(DataError, match=r"no row of computed\.csv has a label of 'gap'"):
        prepare(options(target="gap"), work)


def test_fine_tuning_tells_of_overfitting_by_the_own_targets_alone(work):
    given = {"data": "measured.csv", "auxiliary": "computed.csv", "target": ["gap", "gap_pbe"], "inputs": "formula"}
    given |= {"ensemble": 1, "epochs": 1, "export": [], "split": "random"}
    source = scitrain.TrainModel.model_validate({**given, "model": {"family": "mlp", "widths": [4]}}).run(work)
    tuned = scitrain.FinetuneModel.model_validate({**given, "source": source.run_id, "strategy": "full"}).run(work)
    folder = scitrain.Run.open(tuned.run_id, work)
    rows = folder.read_json("results/metrics.json")["metrics"]
    [own] = [row["value"] for row in rows if (row["name"], row["target"], row["split"]) == ("r2", "gap", "val")]
    assert f"{own:.2f} on validation rows" in folder.read_json("results/transfer.json")["overfitting"]


def test_what_auxiliary_rows_gain_is_told_in_pairs(work):
    given = {"data": "measured.csv", "inputs": "formula", "split": {"kind": "random", "test": 0.3}, "export": []}
    given |= {"model": {"family": "mlp", "widths": [4]}, "ensemble": 1, "epochs": 1}
    alone = scitrain.TrainModel.model_validate({**given, "target": "gap"}).run(work)
    helped = {**given, "target": ["gap", "gap_pbe"], "auxiliary": "computed.csv"}
    both = scitrain.TrainModel.model_validate(helped).run(work)
    compared = scitrain.CompareRuns(runs=[alone.run_id, both.run_id]).run(work)
    [pair] = compared.pairs
    assert (pair.n, compared.metrics[0].target) == (18, "gap")
    assert None not in (pair.improvement, pair.low, pair.high)


def test_a_long_table_takes_no_auxiliary_rows(work):
    rows = [f"s{i},{900 + 5 * at},{(i * at) % 7},{i / 2}" for i in range(20) for at in range(12)]
    (work.root / "long.csv").write_text("\n".join(["sample,wavelength,absorbance,y", *rows]) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match="a row each"):
        prepare(DataOptions(data="long.csv", auxiliary="long.csv", target="y"), work)
