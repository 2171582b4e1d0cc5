import json

import pytest
from pydantic import ValidationError

from scitrain.errors import ScitrainError
from scitrain.operations.tokenize_materials import TokenizeMaterials


def test_molecules_are_shown_as_tokens_with_their_other_forms(workspace):
    answer = TokenizeMaterials(inputs=["OCC", "C[C@@H](N)Cl"]).run(workspace)
    first = answer.shown[0]
    assert (answer.notation, answer.invalid, answer.unknown_pieces) == ("smiles", 0, {})
    assert (first.tokens, first.ids[0], first.ids[-1]) == (["O", "C", "C"], 2, 3)
    assert first.forms == {
        "canonical": "CCO",
        "formula": "C2H6O",
        "inchikey": "LFQSCWFLJHTTHZ-UHFFFAOYSA-N",
        "selfies": "[C][C][O]",
    }


def test_selfies_are_known_by_their_symbols_and_decoded(workspace):
    answer = TokenizeMaterials(inputs=["[C][C][O]", "[C][Foo]"]).run(workspace)
    assert answer.notation == "selfies"
    assert answer.shown[0].forms["canonical"] == "CCO"
    assert "[Foo]" in str(answer.shown[1].error)
    assert answer.unknown_pieces == {"[Foo]": 1}


def test_formulas_are_reduced_and_weighed(workspace):
    answer = TokenizeMaterials(inputs=["Fe4O6", "CuSO4·5H2O"]).run(workspace)
    forms = answer.shown[0].forms
    assert (answer.notation, forms["reduced"], forms["anonymous"]) == ("composition/amounts", "Fe2O3", "A2B3")
    # by hand: 2 × 55.845 / (2 × 55.845 + 3 × 15.999)
    assert forms["mass_fractions"]["Fe"] == pytest.approx(0.69943, abs=1e-4)
    repeated = TokenizeMaterials(inputs=["Fe2O3"], encoding="repeated").run(workspace)
    assert repeated.shown[0].tokens == ["Fe", "Fe", "O", "O", "O"]


@pytest.mark.parametrize(
    ("notation", "text", "said"),
    [
        ("smiles", "", "empty"),
        ("smiles", "C" * 6000, "6,000 characters"),
        ("smiles", "C😀", "'😀' at position 2"),
        ("smiles", "C(C", "never closed"),
        ("smiles", "C[Xx]", "names no element"),
        ("formula", "", "empty"),
        ("formula", "(FeO", "never closed"),
        ("formula", "Xx2", "no element 'Xx'"),
        ("formula", "Fe0", "amount 0"),
        ("formula", "Fe-1", "negative"),
        ("formula", "Fe1e-12", "1e-12"),
        ("formula", "SO4^2-", "charge"),
        ("formula", "D2O", "isotope"),
        ("selfies", "", "empty"),
        ("selfies", "[Ring1]", "no atom"),
        ("selfies", "CC", "brackets"),
    ],
)
def test_what_is_wrong_with_a_text_is_said_beside_its_tokens(workspace, notation, text, said):
    answer = TokenizeMaterials(inputs=[text], notation=notation).run(workspace)
    assert answer.invalid == 1
    assert said in str(answer.shown[0].error)
    json.dumps(answer.model_dump(mode="json"), allow_nan=False)
    assert answer.summary()


def test_sodium_nitride_is_a_formula(workspace):
    assert TokenizeMaterials(inputs=["NaN", "Fe2O3"]).run(workspace).invalid == 0


def test_an_open_end_is_a_molecule_without_an_inchikey(workspace):
    [shown] = TokenizeMaterials(inputs=["C*"], notation="smiles").run(workspace).shown
    assert shown.error is None
    assert str(shown.forms["inchikey"]).startswith("none")


def test_of_a_table_the_column_is_found_and_wrong_lines_are_named(workspace):
    rows = ["name,formula", *(f"a{i},Fe{i}O3" for i in range(1, 40)), "b,Fe0"]
    (workspace.root / "a.csv").write_text("\n".join(rows) + "\n")
    answer = TokenizeMaterials(data="a.csv", limit=3).run(workspace)
    assert answer.why.startswith("column formula")
    assert (answer.texts, answer.invalid, answer.shown[0].row, answer.shown[-1].row) == (40, 1, 2, 41)


def test_a_table_without_molecules_is_refused_with_its_columns(workspace):
    (workspace.root / "a.csv").write_text("x,y\n1,2\n3,4\n")
    with pytest.raises(ScitrainError, match="no column of x, y"):
        TokenizeMaterials(data="a.csv").run(workspace)
    with pytest.raises(ScitrainError, match="z"):
        TokenizeMaterials(data="a.csv", column="z").run(workspace)


@pytest.mark.parametrize("given", [{}, {"inputs": ["C"], "data": "a.csv"}, {"inputs": ["C"], "column": "x"}])
def test_one_source_of_texts_is_asked_for(given):
    with pytest.raises(ValidationError, match=r"give inputs|names a column"):
        TokenizeMaterials(**given)
