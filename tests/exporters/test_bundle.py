"""The bundle predicts what scitrain predicts, where neither torch nor scitrain can be imported."""

import csv
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from scitrain.errors import ScitrainError
from scitrain.exporters._bundle import BLOCKED, check_bundle, cli_options, write_bundle, zip_folder
from scitrain.inference import load_model, write_predictions
from scitrain.runs import Run

Exported = Callable[[str], Run]
GIVEN = ["Fe2O3", "Fe2O3)", "NaCl", "", "Xx2", "(Mg0.9Fe0.1)2SiO4", "NaN", "Au79 Og"]
TASKS = ["regression", "binary", "multilabel", "multiclass"]


def run_alone(bundle: Path, *words: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run the bundle's script with torch and scitrain blocked."""
    command = [sys.executable, "-c", BLOCKED, str(bundle / "inference.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def same(ours: list[dict[str, str]], theirs: list[dict[str, str]]) -> None:
    assert [list(row) for row in ours] == [list(row) for row in theirs]
    for mine, other in zip(ours, theirs, strict=True):
        for name, cell in mine.items():
            if cell != other[name]:
                assert float(cell) == pytest.approx(float(other[name]), rel=1e-6), name


@pytest.mark.parametrize("task", TASKS)
def test_the_bundle_predicts_what_scitrain_predicts_without_torch_and_scitrain(
    task: str, exported: Exported, tmp_path: Path
) -> None:
    """Values, intervals or sets, domain flags and the errors of bad rows, cell by cell; other columns are carried."""
    run = exported(task)
    columns = {"row": [f"sample {i}" for i in range(len(GIVEN))], "formula": GIVEN}
    model = load_model(run, "onnx")
    found = model.predict(columns)
    assert set(found.errors) >= {1, 3, 4}
    write_predictions(tmp_path / "expected.csv", model.config, columns, np.arange(1, len(GIVEN) + 1), found)
    with (tmp_path / "in.csv").open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, delimiter=";").writerows([list(columns), *zip(*columns.values(), strict=True)])
    done = run_alone(run.path / "models/bundle", "in.csv", "-o", "out.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"{len(GIVEN)} rows, {len(found.errors)} with an error" in done.stderr
    same(read(tmp_path / "out.csv"), read(tmp_path / "expected.csv"))
    assert not list(tmp_path.glob(".out*"))


def test_the_bundle_answers_values_on_the_command_line(exported: Exported, tmp_path: Path) -> None:
    run = exported("regression")
    done = run_alone(run.path / "models/bundle", "--formula", "Fe2O3", "NaCl", cwd=tmp_path)
    rows = list(csv.DictReader(done.stdout.splitlines()))
    expected = load_model(run, "onnx").predict({"formula": ["Fe2O3", "NaCl"]})
    assert [float(row["energy_predicted"]) for row in rows] == pytest.approx(
        expected.prediction[:, 0].tolist(), rel=1e-5
    )


def test_the_bundle_is_a_python_module_too(exported: Exported, tmp_path: Path) -> None:
    run = exported("binary")
    code = (
        f"import sys; sys.path.insert(0, {str(run.path / 'models/bundle')!r})\n"
        "import json, inference\n"
        "print(json.dumps([inference.predict(['Fe2O3', 'Xx']), inference.predict([{'formula': 'Fe2O3'}]),"
        " inference.predict({'formula': ['Fe2O3']}), inference.predict([])]))\n"
        "assert not {'torch', 'scitrain'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    listed, dicts, columns, nothing = json.loads(done.stdout)
    assert listed[0] == dicts[0] == columns[0]
    assert nothing == []
    assert listed[0]["error"] is None
    assert "Xx" in listed[1]["error"]
    assert listed[1]["stable_predicted"] is None


@pytest.mark.parametrize(
    ("content", "says"),
    [("name\nFe2O3\n", "no column 'formula'; there are 'name'"), ("", "is empty"), (None, "No such file")],
)
def test_the_bundle_says_what_is_wrong_with_a_file(
    content: str | None, says: str, exported: Exported, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "in.csv").write_text(content, encoding="utf-8")
    done = run_alone(exported("binary").path / "models/bundle", "in.csv", "-o", "out.csv", cwd=tmp_path)
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("*out*"))


def test_a_file_without_rows_gives_a_table_without_rows(exported: Exported, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("formula\n", encoding="utf-8")
    done = run_alone(exported("multiclass").path / "models/bundle", "in.csv", "-o", "out.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    header = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert len(header) == 1
    assert header[0].startswith("row,formula,system_predicted")


def test_the_folder_and_its_zip_hold_all_that_is_needed(exported: Exported, tmp_path: Path) -> None:
    run = exported("regression")
    names = {
        "MODEL_CARD.md", "README.md", "domain.npz", "element_properties.json", "formula_features.py", "inference.py",
        "model.onnx", "preprocessing.json", "requirements.txt", "serve.py",
    }  # fmt: skip
    assert {p.name for p in (run.path / "models/bundle").iterdir()} - {"__pycache__"} == names
    with zipfile.ZipFile(run.path / "models/bundle.zip") as archive:
        assert set(archive.namelist()) == {f"bundle/{name}" for name in names}
        archive.extractall(tmp_path)
    source = Path(str(run.path / "models/bundle/formula_features.py")).read_text(encoding="utf-8")
    assert (tmp_path / "bundle/formula_features.py").read_text(encoding="utf-8") == source
    again = zip_folder(run.path / "models/bundle", tmp_path / "bundle.zip")
    assert again.read_bytes() == (run.path / "models/bundle.zip").read_bytes()
    wanted = (tmp_path / "bundle/requirements.txt").read_text(encoding="utf-8").split()
    assert [line.split("==")[0] for line in wanted] == ["numpy", "onnxruntime"]


def test_no_path_of_the_machine_that_made_it_is_in_the_bundle(exported: Exported) -> None:
    run = exported("regression")
    for path in (run.path / "models/bundle").glob("*.*"):
        if path.suffix in {".json", ".py", ".md", ".txt"}:
            assert str(run.workspace.root) not in path.read_text(encoding="utf-8")


def test_a_bundle_that_says_something_else_is_found_out(
    exported: Exported, tmp_path: Path, trained: ModuleType
) -> None:
    run = exported("regression")
    bundle = write_bundle(run, run.path / "models/model.onnx", tmp_path / "bundle")
    raw = {"formula": trained.FORMULAS[:4]}
    assert check_bundle(bundle, run, raw)["passed"] is True
    settings = json.loads((bundle / "preprocessing.json").read_text(encoding="utf-8"))
    settings["conformal"]["quantiles"][0] *= 1.01
    (bundle / "preprocessing.json").write_text(json.dumps(settings), encoding="utf-8")
    found = check_bundle(bundle, run, raw)
    assert found["passed"] is False
    assert "energy_low" in str(found["reason"])
    (bundle / "inference.py").write_text("import torch\n", encoding="utf-8")
    assert "must not import torch" in str(check_bundle(bundle, run, raw)["reason"])


def test_a_failure_leaves_the_bundle_that_was_there(exported: Exported, tmp_path: Path) -> None:
    run = exported("regression")
    bundle = write_bundle(run, run.path / "models/model.onnx", tmp_path / "bundle")
    with pytest.raises((ScitrainError, FileNotFoundError)):
        write_bundle(run, tmp_path / "none.onnx", bundle)
    assert (bundle / "inference.py").is_file()
    assert [p.name for p in tmp_path.iterdir()] == ["bundle"]


def test_column_names_become_options_that_differ() -> None:
    columns = ("SMILES", "mean radius", "mean-radius", "output", "濃度", 'a"""\\b')
    options = cli_options(columns)
    assert options["SMILES"] == "--smiles"
    assert options["output"] == "--output-input"
    assert len(set(options.values())) == len(columns)
    assert all(option.isascii() for option in options.values())


@pytest.mark.slow
def test_the_bundle_runs_in_an_environment_of_its_own(exported: Exported, tmp_path: Path) -> None:
    """A fresh virtual environment with what requirements.txt names; skipped where no package can be had."""
    bundle = exported("regression").path / "models/bundle"
    python = tmp_path / "env/bin/python"
    if subprocess.run(
        [sys.executable, "-m", "venv", str(tmp_path / "env")], capture_output=True, check=False
    ).returncode:
        pytest.skip("no virtual environment can be made here")
    install = [str(python), "-m", "pip", "install", "-q", "-r", str(bundle / "requirements.txt")]
    if subprocess.run(install, capture_output=True, check=False, timeout=300).returncode:
        pytest.skip("the packages of requirements.txt cannot be installed here")
    (tmp_path / "in.csv").write_text("formula\nFe2O3\nXx\n", encoding="utf-8")
    script = [str(python), str(bundle / "inference.py"), "in.csv", "-o", "out.csv"]
    subprocess.run(script, check=True, capture_output=True, cwd=tmp_path)
    rows = read(tmp_path / "out.csv")
    assert np.isfinite(float(rows[0]["energy_predicted"]))
    assert rows[1]["error"]
