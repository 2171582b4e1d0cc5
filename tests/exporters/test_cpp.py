"""A C++ program, built from what an export wrote, predicts what torch predicts. Built once: libtorch's headers take a while."""

import csv
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from scitrain.errors import ScitrainError
from scitrain.exporters import EXPORTERS, export_files
from scitrain.inference import load_predictor
from scitrain.inference.backends import torch_compute
from scitrain.inference.files import read_config
from scitrain.runs import Run

pytestmark = pytest.mark.xdist_group("cpp")  # one process, one build
TORCH = Path(torch.__path__[0])
ODD = 'ΔE "x", \\ ??/ */ ü'


@dataclass
class Built:
    run: Run
    folder: Path
    """The unpacked sources."""
    program: Path


@pytest.fixture(scope="module")
def built(trained: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Build the program of a model of two targets, one of which has a name that means something in C++."""
    if shutil.which("g++") is None:
        pytest.skip("there is no g++ on PATH")
    where = tmp_path_factory.mktemp("cpp")
    run = trained.trained_run(where, "regression")
    config = run.read_json("models/config.json")
    config["targets"][0]["name"] = ODD
    run.write_json("models/config.json", config)
    export_files(run, run, ["cpp", "aoti"])
    with zipfile.ZipFile(run.path / "models/cpp.zip") as archive:
        archive.extractall(where)
    folder = where / "cpp"
    include = ["-isystem", str(TORCH / "include"), "-isystem", str(TORCH / "include/torch/csrc/api/include")]
    link = [f"-L{TORCH / 'lib'}", "-ltorch", "-ltorch_cpu", "-lc10", f"-Wl,-rpath,{TORCH / 'lib'}"]
    abi = f"-D_GLIBCXX_USE_CXX11_ABI={int(torch.compiled_with_cxx11_abi())}"
    words = ["g++", "-std=c++20", "-O0", abi, *include, "main.cpp", *link, "-o", "predict"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return Built(run, folder, folder / "predict")


def said(built: Built, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([built.program, *words], cwd=built.folder, capture_output=True, text=True, check=False)


def table(text: str) -> tuple[list[str], np.ndarray]:
    header, *rows = csv.reader(text.splitlines())
    return header, np.array(rows, float)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["model.pt", "model_aoti.pt2"])
def test_the_program_predicts_what_torch_predicts_in_the_targets_unit(
    model: str, built: Built, trained: ModuleType, tmp_path: Path
) -> None:
    x, _ = read_config(built.run).featuriser_object().transform({"formula": trained.FORMULAS})
    rows = ["row", *(f"f{i}" for i in range(x.shape[1]))], *([i, *map(repr, row.tolist())] for i, row in enumerate(x))
    with (tmp_path / "features.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    path = built.folder / model if model == "model.pt" else built.run.path / "models" / model
    done = said(built, str(path), str(tmp_path / "features.csv"))
    assert done.returncode == 0, done.stderr
    header, found = table(done.stdout)
    assert header == ["row", f"{ODD}_predicted [eV]", f"{ODD}_spread [eV]", "gap_predicted [eV]", "gap_spread [eV]"]
    prediction, spread, _ = torch_compute(load_predictor(built.run))(x)
    np.testing.assert_array_equal(found[:, 0], np.arange(len(x)))
    np.testing.assert_allclose(found[:, 1::2], prediction, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found[:, 2::2], spread, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_the_rows_that_come_along_give_the_answers_that_come_along(built: Built) -> None:
    header, found = table(said(built, "model.pt", "features.csv").stdout)
    names, expected = table((built.folder / "expected.csv").read_text())
    assert header == names
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_the_program_says_by_line_what_it_cannot_read(built: Built, tmp_path: Path) -> None:
    for content, says in (
        ("row,a\n1,2\n", "line 2: 1 numbers after"),
        ("row,a\n1,x\n", "'x' is no number"),
        ("", "is empty"),
    ):
        (tmp_path / "x.csv").write_text(content)
        done = said(built, "model.pt", str(tmp_path / "x.csv"))
        assert (done.returncode, says in done.stderr) == (1, True)
    assert "there is no file nowhere" in said(built, "nowhere", "features.csv").stderr
    assert said(built).returncode == 2


@pytest.mark.slow
def test_cmake_is_told_where_torch_lies(built: Built, tmp_path: Path) -> None:
    if shutil.which("cmake") is None:
        pytest.skip("there is no cmake on PATH")
    configure = ["cmake", "-S", str(built.folder), "-B"]
    done = subprocess.run([*configure, str(tmp_path / "a")], capture_output=True, text=True, check=False)
    assert "give the folder of the Python package torch" in " ".join(done.stderr.split())
    done = subprocess.run(
        [*configure, str(tmp_path / "b"), f"-DTORCH_DIR={TORCH}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_archive_holds_sources_and_names_every_feature_and_unit(exported: Callable[[str], Run]) -> None:
    run = exported("regression")
    with zipfile.ZipFile(run.path / "models/cpp.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert set(files) == {
        f"cpp/{n}" for n in ("main.cpp", "CMakeLists.txt", "README.md", "model.pt", "features.csv", "expected.csv")
    }
    names = read_config(run).featuriser_object().names()
    assert names is not None
    assert next(csv.reader([files["cpp/features.csv"].decode().splitlines()[0]])) == ["row", *names]
    assert f"{len(names)} numbers, in the order" in files["cpp/README.md"].decode()
    assert "`energy` (eV)" in files["cpp/README.md"].decode()


def test_features_written_by_the_bundle_are_what_the_network_reads(
    exported: Callable[[str], Run], tmp_path: Path
) -> None:
    run = exported("regression")
    (tmp_path / "in.csv").write_text("formula\nFe2O3\nXx\nNaCl\n")
    words = [sys.executable, "-B", str(run.path / "models/bundle/inference.py"), "in.csv", "--features", "out.csv"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert "features of 2 rows, 1 left out" in done.stderr
    _, found = table((tmp_path / "out.csv").read_text())
    x, _ = read_config(run).featuriser_object().transform({"formula": ["Fe2O3", "NaCl"]})
    assert found[:, 0].tolist() == [1, 3]
    np.testing.assert_array_equal(found[:, 1:].astype(np.float32), x)


def test_without_a_compiler_the_export_says_what_to_install(
    exported: Callable[[str], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = exported("regression")
    monkeypatch.setenv("CXX", "g++-of-tomorrow")
    with pytest.raises(ScitrainError, match=r"no C\+\+ compiler 'g\+\+-of-tomorrow' on PATH; install g\+\+"):
        EXPORTERS["aoti"].export(load_predictor(run), np.zeros((2, 3), np.float32), run.path / "x.pt2")
    assert not (run.path / "x.pt2").exists()
