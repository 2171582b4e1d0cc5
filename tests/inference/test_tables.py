"""Predictions as tables."""

import csv
import resource
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow.parquet as pq
import pytest

from scitrain.errors import DataError, ScitrainError
from scitrain.inference import load_model, predict_stream, write_predictions
from scitrain.inference.predictions import Predictions
from scitrain.inference.tables import shown_inputs
from scitrain.runs import Run

RunOf = Callable[[str], Run]


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_regression_table_has_value_interval_and_spread_for_each_target(run_of: RunOf, tmp_path: Path) -> None:
    model = load_model(run_of("regression"), "torch")
    columns = {"formula": ["Fe2O3", "bad("]}
    found = model.predict(columns)
    y = np.array([[1.5, np.nan], [0.0, 1.0]], np.float32)
    rows = read(write_predictions(tmp_path / "p.csv", model.config, columns, np.array([3, 17]), found, y))
    parts = ["", "_predicted", "_low", "_high", "_spread"]
    names = [f"{target}{part}" for target in ("energy", "gap") for part in parts]
    assert list(rows[0]) == ["row", "formula", *names, "in_domain", "distance", "error"]
    assert (rows[0]["row"], rows[0]["energy"], rows[0]["gap"]) == ("3", "1.5", "")
    assert float(rows[0]["energy_predicted"]) == pytest.approx(found.prediction[0, 0], rel=1e-6)
    assert float(rows[0]["gap_low"]) == pytest.approx(found.low[0, 1], rel=1e-6)  # type: ignore[index]
    assert rows[0]["in_domain"] in {"true", "false"}
    assert rows[0]["error"] == ""
    assert (rows[1]["energy_predicted"], rows[1]["in_domain"], rows[1]["distance"]) == ("", "", "")
    assert rows[1]["error"] == found.errors[1]


def test_a_class_table_has_label_probability_and_set(run_of: RunOf, tmp_path: Path) -> None:
    """For two classes the positive one's probability alone; for more classes each one's."""
    binary = load_model(run_of("binary"), "torch")
    found = binary.predict({"formula": ["Fe2O3"]})
    sure = replace(found, prediction=np.array([[0.25]], np.float32), sets=np.array([[[True, True]]]))
    [row] = read(write_predictions(tmp_path / "b.csv", binary.config, {"formula": ["Fe2O3"]}, np.array([1]), sure))
    assert list(row) == [
        "row",
        "formula",
        "stable_predicted",
        "stable_probability_yes",
        "stable_set",
        "in_domain",
        "distance",
        "error",
    ]
    assert (row["stable_predicted"], row["stable_probability_yes"], row["stable_set"]) == ("no", "0.25", "no|yes")
    several = load_model(run_of("multiclass"), "torch")
    found = several.predict({"formula": ["Fe2O3"]})
    known = replace(found, prediction=np.array([[0.2, 0.3, 0.5]], np.float32))
    path = write_predictions(
        tmp_path / "m.csv", several.config, {"formula": ["Fe2O3"]}, np.array([1]), known, np.array([1])
    )
    [row] = read(path)
    assert row["system"] == "hexagonal"
    assert row["system_predicted"] == "other, or none"
    assert row["system_probability_other, or none"] == "0.5"


def test_parquet_and_csv_hold_the_same(run_of: RunOf, trained: ModuleType, tmp_path: Path) -> None:
    model = load_model(run_of("multilabel"), "torch")
    columns = {"formula": [*trained.FORMULAS[:5], "?"], "note": ["a,b", 'say "x"', "two\nlines", "", "é", "z"]}
    found, rows = model.predict(columns), np.arange(1, 7)
    text = read(write_predictions(tmp_path / "p.csv", model.config, columns, rows, found))
    table = pq.read_table(write_predictions(tmp_path / "p.parquet", model.config, columns, rows, found)).to_pylist()
    assert [row["note"] for row in text] == [row["note"] for row in table] == columns["note"]
    said = [np.float32(row["metal_probability_yes"]) for row in text[:5]]
    assert said == [row["metal_probability_yes"] for row in table[:5]]
    assert table[5]["in_domain"] is None
    assert isinstance(table[0]["in_domain"], bool)


def test_a_column_whose_name_the_table_needs_is_renamed(run_of: RunOf) -> None:
    config = load_model(run_of("binary"), "torch").config
    names = ["row", "input_row", "formula", "stable", "stable_set", "error"]
    shown = shown_inputs(config, names)
    assert shown == ["input_row", "input_input_row", "formula", "input_stable", "input_stable_set", "input_error"]
    assert shown_inputs(config, ["stable"], labelled=False) == ["stable"]


def batches(formulas: list[str], size: int) -> Iterator[tuple[dict[str, list[str]], np.ndarray]]:
    for start in range(0, len(formulas), size):
        part = formulas[start : start + size]
        yield (
            {"id": [f"n{start + i}" for i in range(len(part))], "formula": part},
            np.arange(start, start + len(part)) + 1,
        )


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_stream_writes_what_one_table_holds(ending: str, run_of: RunOf, trained: ModuleType, tmp_path: Path) -> None:
    model = load_model(run_of("regression"), "torch")
    formulas = [*trained.FORMULAS[:10], "bad("]
    told: list[int] = []
    said = predict_stream(model, batches(formulas, 4), tmp_path / f"s.{ending}", told.append)
    assert told == [4, 8, 11]
    assert (said.rows, said.errors, said.path) == (11, 1, tmp_path / f"s.{ending}")
    assert said.first_errors[0].startswith("row 11: ")
    columns = {"id": [f"n{i}" for i in range(11)], "formula": formulas}
    found = model.predict(columns)
    assert found.inside is not None
    assert said.outside == int((~found.inside[:10]).sum())
    whole = write_predictions(tmp_path / f"w.{ending}", model.config, columns, np.arange(1, 12), found)
    rows = [pq.read_table(p).to_pylist() if ending == "parquet" else read(p) for p in (said.path, whole)]
    for ours, theirs in zip(*rows, strict=True):
        assert ours["id"] == theirs["id"]
        assert ours["error"] == theirs["error"]
        assert float(ours["energy_low"] or "nan") == pytest.approx(
            float(theirs["energy_low"] or "nan"), rel=1e-5, nan_ok=True
        )


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_an_empty_stream_gives_a_table_with_a_header(ending: str, run_of: RunOf, tmp_path: Path) -> None:
    model = load_model(run_of("binary"), "torch")
    said = predict_stream(model, iter(()), tmp_path / f"s.{ending}")
    assert said.rows == 0
    if ending == "csv":
        assert said.path.read_text(encoding="utf-8").startswith("row,formula,stable_predicted")
    else:
        assert pq.read_table(said.path).num_rows == 0


def test_an_unknown_ending_is_refused_before_any_work(run_of: RunOf, tmp_path: Path) -> None:
    model = load_model(run_of("binary"), "torch")
    with pytest.raises(ScitrainError, match=r"\.csv or \.parquet, not 'p.xlsx'"):
        predict_stream(model, iter(()), tmp_path / "p.xlsx")


def test_a_block_with_other_columns_is_refused_and_leaves_nothing(run_of: RunOf, tmp_path: Path) -> None:
    model = load_model(run_of("binary"), "torch")
    blocks = [({"formula": ["Fe"], "a": ["1"]}, np.array([1])), ({"formula": ["Fe"], "b": ["1"]}, np.array([2]))]
    with pytest.raises(DataError, match="later block"):
        predict_stream(model, blocks, tmp_path / "p.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_stream_that_breaks_leaves_the_old_file(run_of: RunOf, trained: ModuleType, tmp_path: Path) -> None:
    model = load_model(run_of("binary"), "torch")
    target = tmp_path / "p.csv"
    target.write_text("old", encoding="utf-8")

    def breaking() -> Iterator[tuple[dict[str, list[str]], np.ndarray]]:
        yield from batches(trained.FORMULAS[:4], 4)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_stream(model, breaking(), target)
    assert target.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.fixture
def full_disk() -> Iterator[None]:
    """Let no file grow beyond 20 kB: the operating system then refuses a write, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_full_disk_leaves_nothing_half_written(
    ending: str, run_of: RunOf, trained: ModuleType, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    model = load_model(run_of("regression"), "torch")
    folder = tmp_path / "out"
    folder.mkdir()
    request.getfixturevalue("full_disk")
    with pytest.raises(ScitrainError, match=r"cannot write .* nothing was left there"):
        predict_stream(model, batches(trained.FORMULAS * 20, 500), folder / f"p.{ending}")
    assert not list(folder.iterdir())


def test_a_row_that_the_reader_refused_has_its_reason_and_no_prediction() -> None:
    whole = Predictions(np.arange(3.0)[:, None], np.zeros((3, 1)), inside=np.ones(3, bool), errors={2: "bad SMILES"})
    found = whole.refused({0: "has 2 cells, the header has 3"})
    assert np.isnan(found.prediction[:, 0]).tolist() == [True, False, False]
    assert found.inside is not None
    assert found.inside.tolist() == [False, True, True]
    assert found.errors == {0: "has 2 cells, the header has 3", 2: "bad SMILES"}
