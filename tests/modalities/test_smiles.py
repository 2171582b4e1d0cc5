import csv
import os
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from scitrain.modalities.smiles import MoleculeFeaturiser, Smiles, SmilesTokens

DRUGS = [
    "CC(=O)Oc1ccccc1C(=O)O",
    "CN1C=NC2=C1C(=O)N(C)C(=O)N2C",
    "CC(C)Cc1ccc(cc1)C(C)C(=O)O",
    "C[C@H](N)C(=O)O",
    "CCN(CC)CC",
    "O=C(O)c1ccccc1",
]
smiles = Smiles()


def recognised(**columns: list[str]) -> tuple[str, ...] | None:
    found = smiles.recognise(columns)
    return found.columns if found else None


def test_a_column_of_smiles_is_recognised_by_its_values_alone():
    found = smiles.recognise({"x": DRUGS, "y": ["1.5", "2", "3", "-1", "0", "7"]})
    assert found is not None
    assert found.columns == ("x",)
    assert found.reason == "100% of the values of x are readable SMILES"
    assert 0.9 < found.confidence < smiles.recognise({"smiles": DRUGS}).confidence <= 1


@pytest.mark.parametrize(
    "values",
    [
        ["CO", "NO", "CO", "IN", "ON"],
        ["Fe2O3", "NaCl", "CO2", "SiO2", "H2O"],
        ["C", "N", "O", "F", "I"],
        ["yes", "no", "no", "yes"],
        ["1.2", "3", "4"],
        ["2024-01-01", "2024-01-02"],
        ["a red fox", "the dog"],
        ["", " ", ""],
        [],
        ["MKVLAAGG", "CSPNF", "MMKL"],
        ["InChI=1S/CH4/h1H4", "InChI=1S/C2H6/c1-2/h1-2H3"],
        ["a.png", "b.png"],
    ],
)
def test_words_numbers_and_formulas_are_not_smiles(values):
    assert recognised(x=values) is None
    assert recognised(molecule=values) is None


def test_a_column_that_is_only_readable_is_left_out_with_the_reason():
    found = smiles.recognise({"group": ["CO", "NO", "IN"] * 2, "smiles": DRUGS})
    assert found is not None
    assert found.columns == ("smiles",)
    assert "group left out: readable too, but words or formulas" in found.reason


def test_numbers_are_told_from_molecules_without_chemistry(monkeypatch):
    def never(text):
        raise AssertionError(f"{text} was read as a molecule")

    monkeypatch.setattr("scitrain.chem.molecule_features.standardise_one", never)
    assert recognised(a=["1.5", "-2e-3", "+7E+2", "2020-01-02"], b=["", "0", "12 345", "99 %"]) is None


def test_small_molecules_are_recognised_where_the_column_says_so():
    assert recognised(SMILES=["C", "CO", "N", "O"]) == ("SMILES",)
    assert recognised(compound=["CCCC", "CCO", "CC", "O"]) == ("compound",)


def test_mistakes_do_not_hide_the_column():
    assert recognised(smiles=[*DRUGS, "C1CC", "oops", ""]) == ("smiles",)


def test_solute_and_solvent_are_taken_together_but_a_copy_is_not():
    water = ["CCOCC", "CC(C)=O", "C1CCOC1", "CC#N", "CCCCCC", "Cc1ccccc1"]
    assert recognised(solute=DRUGS, solvent=water) == ("solute", "solvent")
    canonical = [Chem.CanonSmiles(text) for text in DRUGS]
    assert recognised(smiles=DRUGS, canonical_smiles=canonical) == ("smiles",)


def test_cleaning_standardises_and_says_what_was_wrong_or_changed():
    seen = []
    cleaned = smiles.clean({"smiles": ["OCC", "CCN.Cl", "C1CC", ""]}, impute=True, tick=lambda *at: seen.append(at))
    assert cleaned.columns == {"smiles": ["CCO", "CCN", "C1CC", ""]}
    assert cleaned.changes == {1: "removed salt Cl"}
    assert list(cleaned.errors) == [2, 3]
    assert "ring 1 opened at position 2 is never closed" in cleaned.errors[2]
    assert "empty" in cleaned.errors[3]
    assert seen[-1] == (4, 4)


def test_with_several_columns_a_reason_names_the_column():
    cleaned = smiles.clean({"solute": ["C1CC", "CCO"], "solvent": ["", "O.Cl"]}, impute=False)
    assert cleaned.errors[0].startswith("solute: 'C1CC'")
    assert "; solvent: empty" in cleaned.errors[0]


def test_spellings_of_one_molecule_share_an_identity_once_cleaned():
    cleaned = smiles.clean({"smiles": ["OCC", "C(O)C", "CCN"]}, impute=False)
    one, other, third = smiles.identity(cleaned.columns)
    assert one == other != third


def test_groups_are_scaffolds_and_acyclic_molecules_stand_alone():
    found = smiles.groups({"smiles": ["Cc1ccccc1", "CCc1ccccc1", "CCO", "CCC"]}, "scaffold")
    assert found == ["c1ccccc1", "c1ccccc1", "acyclic CCO", "acyclic CCC"]
    assert smiles.groups({"smiles": DRUGS}, "chemical_system") is None
    assert smiles.groups({"smiles": []}, "scaffold") == []


def test_enumeration_gives_spellings_of_each_row_in_blocks_by_seed():
    columns = {"smiles": DRUGS[:2]}
    spelled = smiles.enumerate(columns, 3, seed=1)
    assert [Chem.CanonSmiles(text) for text in spelled["smiles"]] == [
        Chem.CanonSmiles(text) for text in np.repeat(DRUGS[:2], 3).tolist()
    ]
    assert spelled == smiles.enumerate(columns, 3, seed=1) != smiles.enumerate(columns, 3, seed=2)


def test_the_vector_has_the_shape_names_and_blocks_it_says():
    featuriser = smiles.featuriser("vector", {"smiles": DRUGS}, np.arange(4))
    array, errors = featuriser.transform({"smiles": DRUGS, "other": DRUGS})
    shape = featuriser.shape()
    assert errors == {}
    assert array.shape[1:] == shape.shape
    assert list(shape.blocks) == ["descriptors", "morgan_counts", "role_counts", "pair_counts", "torsion_counts"]
    assert shape.blocks["torsion_counts"][1] == shape.shape[0] == len(featuriser.names() or ())


def test_the_simple_models_read_descriptors_and_morgan_counts():
    featuriser = MoleculeFeaturiser(columns=("s",))
    assert (featuriser.names() or ())[featuriser.plain() - 1 : featuriser.plain() + 1] == ("morgan_1023", "role_0")


def test_a_featuriser_survives_its_json():
    for kind in ("vector", "tokens"):
        featuriser = smiles.featuriser(kind, {"smiles": DRUGS}, np.arange(6))
        again = type(featuriser).model_validate_json(featuriser.model_dump_json())
        assert np.array_equal(again.transform({"smiles": DRUGS})[0], featuriser.transform({"smiles": DRUGS})[0])


def test_a_bad_row_is_zero_and_its_reason_says_where():
    for featuriser in (MoleculeFeaturiser(columns=("s",)), SmilesTokens(columns=("s",), vocabulary=("C",), length=5)):
        array, errors = featuriser.transform({"s": ["C1CC", "CC"]})
        assert not array[0].any()
        assert errors == {0: "'C1CC' is not a valid SMILES: ring 1 opened at position 2 is never closed"}


def test_a_row_longer_than_the_network_reads_is_an_error():
    _, errors = SmilesTokens(columns=("s",), vocabulary=("C",), length=5).transform({"s": ["CCCCCC"]})
    assert "6 tokens; the network reads 5" in errors[0]


def test_the_vocabulary_is_learned_from_training_rows_and_the_length_fits_all():
    rows = ["CCO", "CCCCCCCCCC[Se]C"]
    featuriser = smiles.featuriser("tokens", {"smiles": rows}, np.array([0]))
    assert isinstance(featuriser, SmilesTokens)
    assert "[Se]" not in featuriser.vocabulary
    assert featuriser.length == 15
    array, errors = featuriser.transform({"smiles": rows})
    assert errors == {}
    assert (array[1] == 1).sum() == 1
    assert featuriser.shape().vocabulary == len(featuriser.vocabulary) + 2 > array.max()


def test_tokens_do_not_depend_on_the_spelling_unless_enumerated():
    featuriser = smiles.featuriser("tokens", {"smiles": DRUGS}, np.arange(6))
    spelled = smiles.enumerate({"smiles": DRUGS}, 2, seed=0)
    array, errors = featuriser.transform(spelled)
    assert errors == {}
    assert np.array_equal(array[::2], array[1::2])
    kept, _ = featuriser.model_copy(update={"canonical": False}).transform(spelled)
    assert not np.array_equal(kept[::2], kept[1::2])


def test_the_module_file_is_found_and_stands_alone():
    path = MoleculeFeaturiser(columns=("s",)).module()
    text = path.read_text("utf-8")
    assert "import scitrain" not in text
    assert "from scitrain" not in text


@pytest.mark.benchmark
def test_forest_on_these_features_reaches_the_published_error_on_esol():
    folder = os.environ.get("SCITRAIN_BENCHMARK_DATA")
    if not folder:
        pytest.skip("SCITRAIN_BENCHMARK_DATA is not set")
    from sklearn.ensemble import RandomForestRegressor

    with (Path(folder) / "esol.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    x, errors = MoleculeFeaturiser(columns=("smiles",)).transform({"smiles": [row["smiles"] for row in rows]})
    y = np.array([float(row["logSolubility"]) for row in rows])
    test = np.array([row["split"] == "test" for row in rows])
    train = np.array([row["split"] == "train" for row in rows])
    forest = RandomForestRegressor(100, max_features=0.33, random_state=0).fit(x[train], y[train])
    assert errors == {}
    assert np.sqrt(np.mean((forest.predict(x[test]) - y[test]) ** 2)) < 0.95
