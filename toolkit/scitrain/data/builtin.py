"""Real data that ships inside the dependencies, with its unit, licence and source.

scikit-learn and Pillow are imported where they work, since the names alone are asked for before a run is made.
"""

import csv
import gzip
import hashlib
import importlib.util
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from scitrain.data.atomic import atomic_folder
from scitrain.data.columns import text_column
from scitrain.data.images import read_folder
from scitrain.data.source import Source
from scitrain.errors import DataError, UnknownNameError
from scitrain.workspace import Workspace

__all__ = ["BUILTINS", "NAMES", "PREFIX", "Builtin", "read_builtin"]

PREFIX = "builtin:"
Table = dict[str, list[str]]


@dataclass(frozen=True)
class Builtin:
    """What is known of a built-in data set."""

    load: Callable[[], Table] | None
    """None for the images of digits, which are files."""
    description: str
    licence: str
    citation: str
    target: str | None
    units: Mapping[str, str] = field(default_factory=dict)


def read_builtin(source: str, workspace: Workspace) -> Source:
    """Read ``builtin:NAME``.

    Raises:
        UnknownNameError: No built-in set has that name.
    """
    name = source.removeprefix(PREFIX)
    if name not in BUILTINS:
        raise UnknownNameError("built-in data set", name, NAMES)
    known = BUILTINS[name]
    if known.load is None:
        digits = replace(_digits(workspace), name=source, description=known.description)
        return replace(digits, licence=known.licence, citation=known.citation)
    table = known.load()
    numbers = np.arange(1, len(next(iter(table.values()))) + 1)
    return Source(
        name=PREFIX + name,
        columns={column: text_column(cells) for column, cells in table.items()},
        rows=numbers,
        lines=numbers,
        fingerprint=hashlib.sha256(json.dumps([name, table]).encode()).hexdigest(),
        place="row",
        units=known.units,
        description=known.description,
        licence=known.licence,
        citation=known.citation,
        default_target=known.target,
    )


def _digits(workspace: Workspace) -> Source:
    """Write scikit-learn's 8 × 8 images once as PNG files below the workspace, and read that folder."""
    from PIL import Image
    from sklearn import datasets

    folder = workspace.datasets / "builtin-digits"
    if not folder.is_dir():
        with atomic_folder(folder) as new:
            found = datasets.load_digits()
            for i, (pixels, label) in enumerate(zip(found.images, found.target, strict=True)):
                target = new / str(label) / f"{i:04d}.png"
                target.parent.mkdir(exist_ok=True)
                Image.fromarray((pixels * 15).astype(np.uint8)).save(target)
    return read_folder(folder, workspace)


def _inside(package: str, *path: str) -> Path:
    """Return a file that lies in an installed package.

    Raises:
        DataError: This build of the package leaves it out.
    """
    # Distributions may share one package's folders, so the first that holds the file is taken.
    spec = importlib.util.find_spec(package)
    folders = [] if spec is None else list(spec.submodule_search_locations or ())
    found = next((p for p in (Path(folder, *path) for folder in folders) if p.is_file()), Path(package, *path))
    if not found.is_file():
        raise DataError(
            f"the installed {package} has no {'/'.join(path)}; install {package} from PyPI, or give a file of your own"
        )
    return found


def _breast_cancer() -> Table:
    from sklearn import datasets

    found = datasets.load_breast_cancer()
    table = {
        str(name): [repr(float(x)) for x in column]
        for name, column in zip(found.feature_names, found.data.T, strict=True)
    }
    return table | {"diagnosis": [str(found.target_names[i]) for i in found.target]}


def _diabetes() -> Table:
    from sklearn import datasets

    found = datasets.load_diabetes(scaled=False)
    names = {
        "s1": "total_cholesterol",
        "s2": "ldl",
        "s3": "hdl",
        "s4": "cholesterol_hdl_ratio",
        "s5": "log_triglycerides",
        "s6": "glucose",
    }
    named = (names.get(name, name) for name in found.feature_names)
    table = {name: [repr(float(x)) for x in column] for name, column in zip(named, found.data.T, strict=True)}
    return table | {"progression": [repr(float(x)) for x in found.target]}


def _cmet() -> Table:
    activity = _inside("rdkit", "Contrib", "FreeWilson", "data", "CHEMBL2321810_act.csv")
    smiles = _inside("rdkit", "Contrib", "FreeWilson", "data", "CHEMBL2321810.smi")
    with activity.open(encoding="utf-8", newline="") as file:
        by_name = {row["Name"]: row["Act"] for row in csv.DictReader(file)}
    pairs = [line.split() for line in smiles.read_text(encoding="utf-8").splitlines() if line.strip()]
    rows = [(text, name) for text, name in pairs if name in by_name]
    return {"smiles": [r[0] for r in rows], "compound": [r[1] for r in rows], "activity": [by_name[r[1]] for r in rows]}


def _nci() -> Table:
    lines = _inside("rdkit", "Data", "NCI", "first_5K.smi").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("\t") for line in lines if line.strip()]
    return {"smiles": [p[0] for p in pairs], "nsc": [p[1] if len(p) > 1 else "" for p in pairs]}


def _formation_enthalpy() -> Table:
    with gzip.open(
        _inside("pymatgen", "analysis", "compatibility", "exp_compounds.json.gz"), "rt", encoding="utf-8"
    ) as file:
        found = json.load(file)
    formulas = [entry["formula"] for entry in found]
    # The file's energies are per formula unit (Al2O3: -17.29 eV); per atom they compare between compounds.
    energies = [repr(round(entry["exp energy"] / _atoms(entry["formula"]), 6)) for entry in found]
    return {"formula": formulas, "formation_enthalpy": energies, "mp_id": [str(entry["mpid"]) for entry in found]}


def _atoms(formula: str) -> float:
    """Count the atoms of a formula without brackets or with simple ones, as that file writes them."""
    while bracket := re.search(r"\(([^()]*)\)([0-9.]*)", formula):
        times = float(bracket[2] or 1)
        inner = "".join(
            f"{symbol}{float(count or 1) * times}"
            for symbol, count in re.findall(r"([A-Z][a-z]?)([0-9.]*)", bracket[1])
        )
        formula = formula[: bracket.start()] + inner + formula[bracket.end() :]
    return sum(float(count or 1) for _, count in re.findall(r"([A-Z][a-z]?)([0-9.]*)", formula))


BUILTINS: dict[str, Builtin] = {
    "digits": Builtin(
        None,
        "1,797 images of handwritten digits, 8 × 8 pixels of 16 grey levels",
        "CC BY 4.0 (UCI Machine Learning Repository)",
        "Alpaydin, Kaynak, Optical Recognition of Handwritten Digits, UCI (1998), doi:10.24432/C50P49",
        "label",
    ),
    "breast-cancer": Builtin(
        _breast_cancer,
        "569 fine-needle aspirates of breast masses, 30 measures of the cell nuclei, diagnosis",
        "CC BY 4.0 (UCI Machine Learning Repository)",
        "Wolberg, Mangasarian, Street, Street, Breast Cancer Wisconsin (Diagnostic), UCI (1995), doi:10.24432/C5DW2B",
        "diagnosis",
    ),
    "diabetes": Builtin(
        _diabetes,
        "442 diabetes patients, ten baseline variables, progression of the disease one year later",
        "public data of the paper; shipped with scikit-learn (BSD-3-Clause)",
        "Efron, Hastie, Johnstone, Tibshirani, Least Angle Regression, Ann. Statist. 32, 407 (2004), doi:10.1214/009053604000000067",
        "progression",
        {
            "age": "years",
            "bmi": "kg/m²",
            "bp": "mmHg",
            "total_cholesterol": "mg/dl",
            "ldl": "mg/dl",
            "hdl": "mg/dl",
            "glucose": "mg/dl",
            "progression": "score",
        },
    ),
    "cmet-activity": Builtin(
        _cmet,
        "about 1,000 molecules of one medicinal-chemistry series with measured activity (−log10 of a molar concentration)",
        "CC BY-SA 3.0 (ChEMBL); file shipped with RDKit (BSD-3-Clause)",
        "ChEMBL document CHEMBL2321810; RDKit Contrib/FreeWilson",
        "activity",
        {"activity": "log10(1/M)"},
    ),
    "nci-molecules": Builtin(
        _nci,
        "the first 5,000 molecules of the NCI open database; no target",
        "public domain (US National Cancer Institute); file shipped with RDKit (BSD-3-Clause)",
        "NCI Developmental Therapeutics Program, Open Database Compounds",
        None,
    ),
    "formation-enthalpy": Builtin(
        _formation_enthalpy,
        "about 2,000 inorganic compounds with measured formation enthalpies at 298 K, per atom",
        "MIT (pymatgen)",
        "Wang, Kingsbury, McDermott, Horton, Jain, Ong, Dwaraknath, Persson, Sci. Rep. 11, 15496 (2021), doi:10.1038/s41598-021-94550-5",
        "formation_enthalpy",
        {"formation_enthalpy": "eV/atom"},
    ),
}
NAMES = tuple(BUILTINS)
"""Names of the built-in sets."""
