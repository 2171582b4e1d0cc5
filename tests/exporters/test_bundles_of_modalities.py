"""Whatever a model reads, its bundle reads the same; `export_files` compares them and fails where they differ."""

import csv
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from scitrain.contracts.model import ModelSpec
from scitrain.exporters import BUNDLE, export_files
from scitrain.exporters._bundle import BLOCKED
from scitrain.inference import load_model, write_predictions
from scitrain.models.cnn import Cnn
from scitrain.models.cnn1d import Cnn1d
from scitrain.models.matbert import Matbert
from scitrain.models.mlp import Mlp
from scitrain.models.rnn import Rnn
from scitrain.models.transformer import Transformer
from scitrain.runs import Run

SMILES = [f"{'C' * (i % 7 + 1)}{tail}" for i in range(12) for tail in ("O", "N", "c1ccccc1", "C(=O)O", "Cl")]
TABLE = {
    "mean radius": [f"{i * 0.37 + 1:.2f}" for i in range(60)],
    "kind": [("soft", "hard", "NA", "soft")[i % 4] for i in range(60)],
    "when": [f"2024-03-{i % 28 + 1:02d}" for i in range(60)],
    "ok": [("yes", "no", "")[i % 3] for i in range(60)],
}
CURVE = {"curve": [" ".join(f"{(i % 7) * j % 11 + 0.5:.1f}" for j in range(20)) for i in range(60)]}
SPECTRUM = {f"{400 + j}": [f"{(j - 8) ** 2 / 9 + i % 13 * j / 7:.3f}" for i in range(60)] for j in range(16)}
PEPTIDE = {
    "peptide": ["".join("ACDEFGHIKLMNPQRSTVWY"[(i * k + k * k) % 20] for k in range(5 + i % 6)) for i in range(60)]
}
VARIANT = {"protein": [f"MKT{'ACDE'[i % 4]}YIA{'FGHIK'[i % 5]}QR" for i in range(60)]}
WORDS = "iron copper rust air water salt acid heat metal layer thin thick".split()
PROSE = {"remark": [" ".join(WORDS[(i * k + k) % 12] for k in range(1, 9)) for i in range(60)]}
OXIDES = {
    "formula": [f"{a}{i}{b}O{i + 2}" for a in ("Li", "Mg", "Ba") for b in ("Ti", "Fe", "Al", "Zn") for i in range(1, 6)]
}
WORSE: dict[str, dict[str, list[str]]] = {
    "curve": {"curve": [CURVE["curve"][3], "[" + ", ".join(["2.5"] * 20) + "]", "1 2 3", "", "x " * 20]},
    "spectrum": {name: [cells[4], "1e9", "", "x"] for name, cells in SPECTRUM.items()},
    "peptide": {"peptide": ["acdef*", "ACXEF", "AC*EF", "", "A-C D"]},
    "variant": {"protein": ["mktayiafqr", "MKTWYIAFQR", "AKTAYIAFQR", "MKT"]},
    "prose": {"remark": ["Iron\u200b  RUST", "鉄", "", " ?!", "heat " * 3000]},
    "oxides": {"formula": ["NaCl", "Fe2O3", "Xx2", "", "KAl(SO4)2·12H2O", "Al0.2Co0.2Cr0.2Fe0.2Ni0.2"]},
    "smiles": {"smiles": ["CCO", "CC(=O)[O-].[Na+]", "C1CC", "", "[2H]OC", "c1ccccc1C(C)(C)C#N"]},
    "tabular": {
        "mean radius": ["1.5", "", "wide"],
        "kind": ["soft", "never seen", ""],
        "when": ["2024-03-05", "x", ""],
        "ok": ["yes", "", "no"],
    },
}


def compare(run: Run, folder: Path, columns: dict[str, list[str]]) -> list[dict[str, str]]:
    """Predict in both ways; returns the bundle's table, which says the same."""
    model = load_model(run, "onnx")
    n = len(next(iter(columns.values())))
    write_predictions(folder / "expected.csv", model.config, columns, np.arange(1, n + 1), model.predict(columns))
    with (folder / "in.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([list(columns), *zip(*columns.values(), strict=True)])
    command = [sys.executable, "-c", BLOCKED, str(run.path / "models/bundle/inference.py"), "in.csv", "-o", "said.csv"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr
    tables = []
    for name in ("said.csv", "expected.csv"):
        with (folder / name).open(encoding="utf-8", newline="") as file:
            tables.append(list(csv.DictReader(file)))
    for ours, theirs in zip(*tables, strict=True):
        assert list(ours) == list(theirs)
        for column, cell in ours.items():
            if column == "error" and cell:
                assert theirs[column].startswith(cell), "scitrain may explain a mistake further"
            elif cell != theirs[column]:
                assert float(cell) == pytest.approx(float(theirs[column]), rel=1e-5), column
    return tables[0]


@pytest.mark.parametrize(
    ("modality", "columns", "model"),
    [
        ("smiles", {"smiles": SMILES}, Mlp(widths=[8])),
        pytest.param("smiles", {"smiles": SMILES}, Rnn(), marks=pytest.mark.slow),
        ("tabular", TABLE, Mlp(widths=[8])),
    ],
)
def test_bad_and_good_rows_are_told_alike(
    modality: str, columns: dict[str, list[str]], model: ModelSpec, trained: ModuleType, tmp_path: Path
) -> None:
    said = exported_and_compared(modality, columns, model, trained, tmp_path, modality)
    assert said[0]["error"] == ""
    assert said[2]["error"]


def test_decimal_commas_of_a_semicolon_file_are_points_to_the_bundle_too(trained: ModuleType, tmp_path: Path) -> None:
    run = trained.trained_run(tmp_path / "w", "regression", Mlp(widths=[8]), 1, ("tabular", TABLE))
    export_files(run, run, [BUNDLE])
    bundle = str(run.path / "models/bundle/inference.py")
    said = {}
    for mark, number in ((",", "1.5"), (";", "1,5")):
        rows = (["mean radius", "kind", "when", "ok"], [number, "soft", "2024-03-05", "yes"])
        (tmp_path / "in.csv").write_text("\n".join(map(mark.join, rows)), encoding="utf-8")
        command = [sys.executable, "-c", BLOCKED, bundle, "in.csv", "-o", "said.csv"]
        subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
        with (tmp_path / "said.csv").open(encoding="utf-8", newline="") as file:
            [said[mark]] = csv.DictReader(file)
    assert said[";"] == said[","]
    assert said[";"]["error"] == ""


@pytest.mark.parametrize(
    ("worse", "modality", "columns", "model"),
    [
        ("curve", "series", CURVE, Cnn1d(widths=[4, 4])),
        ("curve", "series", CURVE, Rnn(hidden=4, embedding=4, layers=1)),
        ("spectrum", "series", SPECTRUM, Mlp(widths=[8])),
        ("spectrum", "series", SPECTRUM, Transformer(width=8, depth=1, heads=2, patch=4)),
        ("peptide", "sequence", PEPTIDE, Transformer(width=8, depth=1, heads=2)),
        ("peptide", "sequence", PEPTIDE, Mlp(widths=[8])),
        ("variant", "sequence", VARIANT, Mlp(widths=[8])),
        ("variant", "sequence", VARIANT, Cnn1d(widths=[4], kernel=3, embedding=4)),
        ("prose", "text", PROSE, Mlp(widths=[8])),
        ("prose", "text", PROSE, Transformer(width=8, depth=1, heads=2)),
    ],
    ids=lambda value: getattr(value, "family", value if isinstance(value, str) else ""),
)
def test_series_sequences_and_texts_are_read_alike_by_the_bundle(
    worse: str, modality: str, columns: dict[str, list[str]], model: ModelSpec, trained: ModuleType, tmp_path: Path
) -> None:
    said = exported_and_compared(modality, columns, model, trained, tmp_path, worse)
    assert said[0]["error"] == said[1]["error"] == ""
    assert said[2]["error"]


def test_unlike_networks_of_formulas_are_exported_together(trained: ModuleType, tmp_path: Path) -> None:
    run = trained.trained_run(tmp_path / "w", "regression", Matbert(), 3, ("formula", OXIDES), floors=(0.0, 0.0))
    export_files(run, run, [BUNDLE])
    said = compare(run, tmp_path, WORSE["oxides"])
    assert [bool(row["error"]) for row in said] == [False, False, True, True, False, False]


@pytest.mark.parametrize("part", [{"adapter": 3}, {"prompt": 3}, {"prefix": 3}], ids=str)
def test_what_is_put_into_a_transformer_of_formulas_is_exported(
    part: dict[str, int], trained: ModuleType, tmp_path: Path
) -> None:
    said = exported_and_compared("formula", OXIDES, Matbert(**part), trained, tmp_path, "oxides")
    assert [bool(row["error"]) for row in said] == [False, False, True, True, False, False]


def exported_and_compared(
    modality: str, columns: dict[str, list[str]], model: ModelSpec, trained: ModuleType, folder: Path, worse: str
) -> list[dict[str, str]]:
    """Export, which holds ONNX and bundle against torch on good rows, and compare the two on bad ones."""
    run = trained.trained_run(folder / "w", "regression", model, 1, (modality, columns))
    export_files(run, run, [BUNDLE])
    return compare(run, folder, WORSE[worse])


def test_images_are_found_beside_the_file_that_names_them(trained: ModuleType, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for i in range(12):
        Image.fromarray(rng.integers(0, 255, (16, 16), dtype=np.uint8)).save(tmp_path / f"{i}.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG nothing")
    paths = [str(tmp_path / f"{i}.png") for i in range(12)]
    run = trained.trained_run(tmp_path / "w", "binary", Cnn(widths=[4, 4, 8, 8]), 1, ("image", {"image": paths}))
    export_files(run, run, [BUNDLE])
    said = compare(run, tmp_path, {"image": [*paths[:2], str(tmp_path / "broken.png"), str(tmp_path / "none.png")]})
    assert [bool(row["error"]) for row in said] == [False, False, True, True]
    (tmp_path / "relative.csv").write_text("image\n1.png\n", encoding="utf-8")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    script = str(run.path / "models/bundle/inference.py")
    command = [sys.executable, "-c", BLOCKED, script, str(tmp_path / "relative.csv"), "-o", "said.csv"]
    subprocess.run(command, check=True, capture_output=True, cwd=elsewhere)
    with (elsewhere / "said.csv").open(encoding="utf-8", newline="") as file:
        [row] = csv.DictReader(file)
    assert row["error"] == ""
    assert float(row["stable_probability_yes"]) == pytest.approx(float(said[1]["stable_probability_yes"]), rel=1e-4)
