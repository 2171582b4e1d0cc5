import pytest

from scitrain.chem.smiles_spelling import mistake


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("C1CC", "ring 1 opened at position 2 is never closed"),
        ("C%12CC", "ring 12 opened at position 2 is never closed"),
        ("CC(C", "'(' at position 3 is never closed"),
        ("CC)C", "')' at position 3 closes nothing"),
        ("C[Xx]C", "[Xx] at position 2 names no element"),
        ("CJ", "'J' at position 2 is no SMILES symbol"),
        ("C[NH2", "'[' at position 2 is never closed"),
        ("C>>O", "'>' makes it a reaction; expected one molecule"),
        ("nan", "'a' at position 2 is no SMILES symbol"),
    ],
)
def test_the_first_mistake_is_named_with_its_position(text, expected):
    assert mistake(text) == expected


@pytest.mark.parametrize(
    "text",
    ["CCO", "c1ccccc1", "C%01CC1", "[nH]1cccc1", "[13CH4]", "[Fe+2]", "[#6]", "C[C@@H](N)C(=O)O", "C==C", "[se]1cccc1"],
)
def test_good_spelling_has_no_mistake(text):
    assert mistake(text) is None
