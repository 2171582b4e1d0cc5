import ast
import importlib.util
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scitrain.contracts.modality import Columns, Featuriser
from scitrain.modalities import MODALITIES
from scitrain.modalities.formula import FormulaElements

ALLOWED = {"numpy", "PIL", "tokenizers"}
NAMES = ["formula", "tabular", "image", "series", "sequence", "text"]


def example(name: str, folder: Path) -> Columns:
    path = folder / "image.png"
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(path)
    return {
        "formula": {"f": ["Fe2O3", "NaN", "(Mg0.9Fe0.1)2SiO4", "H"]},
        "tabular": {"x": ["1,5", "2", "", "3"], "k": ["a", "b", "a", "b"], "d": ["2020-01-02"] * 4},
        "image": {"p": [str(path)] * 4},
        "series": {
            "v": ["[1, 2, 4, 8]", "1 2 3", "2;3;1;9", "1 x 2 3"],
            "w": ["1 1 2 3", "1,2,3", "5 4 3 2", "1 2 3 4"],
        },
        "sequence": {"s": ["MQYKLILNGKTL", "mqyklilngk*", "MQ-YKXILNGKTLK", "MQ*YK"]},
        "text": {"t": ["Iron rusts in wet air.", "Iron does not rust in dry air.", " \t", "Air, 78 % nitrogen"]},
    }[name]


def featurisers(name: str, folder: Path) -> list[tuple[Featuriser, Columns]]:
    modality, columns = MODALITIES[name], example(name, folder)
    more = [(FormulaElements(columns=("f",)), columns)] if name == "formula" else []
    return [*((modality.featuriser(kind, columns, np.arange(3)), columns) for kind in modality.kinds), *more]


@pytest.mark.parametrize("name", NAMES)
def test_a_module_copied_into_a_bundle_computes_the_same_without_scitrain(name: str, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    for featuriser, columns in featurisers(name, tmp_path):
        for file in (featuriser.module(), *featuriser.data_files()):
            shutil.copy(file, bundle)
        copied = bundle / featuriser.module().name
        spec = importlib.util.spec_from_file_location("copied", copied)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        array, problems = module.featurise({key: list(cells) for key, cells in columns.items()}, featuriser.options())
        expected, errors = featuriser.transform(columns)
        assert np.array_equal(array, expected, equal_nan=True)
        assert {row: problem for row, problem in enumerate(problems) if problem} == errors


@pytest.mark.parametrize("name", NAMES)
def test_a_bundled_module_imports_nothing_but_the_standard_library_and_what_it_says(name: str, tmp_path: Path) -> None:
    for featuriser, _ in featurisers(name, tmp_path):
        tree = ast.parse(featuriser.module().read_text(encoding="utf-8"))
        modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        modules += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
        tops = {module.split(".")[0] for module in modules}
        assert tops <= ALLOWED | sys.stdlib_module_names
        assert ("PIL" in tops) == ("pillow" in featuriser.requirements)
        assert ("tokenizers" in tops) == ("tokenizers" in featuriser.requirements)


@pytest.mark.parametrize("name", NAMES)
def test_no_rows_keep_the_shape(name: str, tmp_path: Path) -> None:
    for featuriser, columns in featurisers(name, tmp_path):
        array, errors = featuriser.transform({key: [] for key in columns})
        assert array.shape == (0, *featuriser.shape().shape)
        assert errors == {}
