import numpy as np
import pytest

from scitrain.modalities.formula import Formula, FormulaFeaturiser, FormulaTokens

FORMULAS = ["Fe2O3", "O3Fe2", "NaN", "(Mg0.9Fe0.1)2SiO4", "LiFePO4", "NaCl", "Fe4O6"]
modality = Formula()


def learned(kind: str = "vector", formulas: list[str] = FORMULAS) -> FormulaFeaturiser | FormulaTokens:
    made = modality.featuriser(kind, {"f": formulas}, np.arange(len(formulas)))  # type: ignore[arg-type]
    assert isinstance(made, FormulaFeaturiser | FormulaTokens)
    return made


def test_a_column_of_formulas_is_recognised_under_any_name() -> None:
    columns = {"n": ["1", "2", "3"] * 10, "what": ["Fe2O3", "NaN", "SiO2"] * 10}
    found = modality.recognise(columns)
    assert found is not None
    assert found.columns == ("what",)
    assert found.confidence >= 0.9
    named = modality.recognise({"composition": ["NaCl", "GaAs", "SiC"]})
    assert named is not None
    assert named.confidence > found.confidence


@pytest.mark.parametrize(
    "values",
    [
        ["No", "Yes", "No", "Yes"],
        ["C", "N", "O", "F"],
        ["CCO", "CC", "CCC", "CCN"],
        ["c1ccccc1", "CC(=O)O", "C#N"],
        ["hello world", "Fe is iron", "text"],
        ["1.5", "2", "3"],
        ["", "", ""],
        [],
    ],
)
def test_words_numbers_and_smiles_are_no_formulas(values: list[str]) -> None:
    assert modality.recognise({"value": values}) is None
    assert modality.recognise({"smiles": ["CO2", "CH4", "H2O"]}) is None


def test_cleaning_writes_canonically_and_keeps_bad_rows_with_their_reason() -> None:
    cleaned = modality.clean({"f": ["O3Fe2", "NaN", "Xx2", ""]}, impute=True)
    assert list(cleaned.columns["f"]) == ["Fe2O3", "NaN", "Xx2", ""]
    assert set(cleaned.errors) == {2, 3}
    assert "'Xx'" in cleaned.errors[2]
    assert cleaned.errors[3] == "f: no formula given"


def test_sodium_nitride_is_never_missing() -> None:
    columns = {"f": ["NaN", "nan", "NaN"]}
    assert set(modality.clean(columns, impute=True).errors) == {1}
    assert modality.groups(columns, "chemical_system") == ["N-Na", "", "N-Na"]


def test_the_same_composition_is_the_same_input_with_the_same_numbers() -> None:
    keys = modality.identity({"f": FORMULAS})
    assert keys[0] == keys[1] == keys[6]
    assert len(set(keys)) == 5
    array, errors = learned().transform({"f": FORMULAS})
    assert errors == {}
    assert np.array_equal(array[0], array[1])
    assert np.array_equal(array[0], array[6])


def test_groups_are_chemical_systems_and_only_for_that_split() -> None:
    assert modality.groups({"f": ["Fe2O3", "FeO", "NaCl"]}, "chemical_system") == ["Fe-O", "Fe-O", "Cl-Na"]
    assert modality.groups({"f": ["Fe2O3"]}, "scaffold") is None


def test_raw_and_cleaned_text_give_the_same_features() -> None:
    cleaned = modality.clean({"f": FORMULAS}, impute=False)
    for kind in modality.kinds:
        featuriser = learned(kind)
        raw, _ = featuriser.transform({"f": FORMULAS})
        clean, _ = featuriser.transform(cleaned.columns)
        assert np.array_equal(raw, clean)


def test_shape_names_and_blocks_fit_the_array() -> None:
    featuriser = learned()
    array, _ = featuriser.transform({"f": FORMULAS})
    assert array.dtype == np.float32
    assert array.shape[1:] == featuriser.shape().shape
    assert len(featuriser.names() or ()) == array.shape[1]
    assert max(end for _, end in featuriser.shape().blocks.values()) == array.shape[1]


def test_traces_in_training_switch_the_logarithmic_block_on() -> None:
    plain, steel = learned(), learned(formulas=["Fe0.99C0.0001", "Fe"])
    assert isinstance(steel, FormulaFeaturiser)
    assert steel.log_fractions
    assert steel.shape().shape[0] == plain.shape().shape[0] + 118


def test_tokens_learn_their_vocabulary_from_training_rows_alone() -> None:
    featuriser = modality.featuriser("tokens", {"f": ["Fe2O3", "NaCl"]}, np.array([0]))
    assert isinstance(featuriser, FormulaTokens)
    assert {"Fe", "O", "2"} <= set(featuriser.vocabulary)
    assert "Na" not in featuriser.vocabulary
    array, _ = featuriser.transform({"f": ["Fe2O3", "NaCl"]})
    assert array.shape == (2, *featuriser.shape().shape)
    assert array.max() < (featuriser.shape().vocabulary or 0)
    assert array[1].tolist()[:2] == [1, 1]


def test_a_featuriser_round_trips_through_json() -> None:
    for kind in modality.kinds:
        featuriser = learned(kind)
        assert type(featuriser).model_validate_json(featuriser.model_dump_json()) == featuriser


def test_many_rows_in_processes_equal_few_rows_in_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scitrain.modalities.formula.ROWS", 3)
    told: list[tuple[int, int]] = []
    featuriser = learned()
    array, errors = featuriser.transform({"f": [*FORMULAS, "Xx"]}, lambda done, total: told.append((done, total)))
    assert list(errors) == [7]
    assert "'Xx'" in errors[7]
    assert told[-1] == (8, 8)
    monkeypatch.undo()
    assert np.array_equal(array[:7], featuriser.transform({"f": FORMULAS})[0])


def test_bundled_files_exist() -> None:
    for kind in modality.kinds:
        assert all(path.is_file() for path in (learned(kind).module(), *learned(kind).data_files()))
