import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scitrain.chem.formula_features import element_properties
from scitrain.modalities.formula import FormulaElements
from scitrain.pretraining.judge import wilson
from scitrain.pretraining.network import Pretraining
from scitrain.pretraining.objectives import (
    IGNORED,
    contrast,
    element_groups,
    element_of_tokens,
    formula_view,
    mask_tokens,
    molecule_view,
    next_tokens,
    property_loss,
)
from scitrain.tokenizers import decode, smiles

SYMBOLS = element_properties()[1]
IDS = torch.tensor([[2, 40, 42, 50, 41, 3, 0, 0], [2, 40, 3, 0, 0, 0, 0, 0]])


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10_000), st.floats(0.05, 0.8))
def test_specials_are_never_hidden_and_each_row_asks_for_something(seed, share):
    found = mask_tokens(IDS, share, torch.tensor([60, 61]), generator(seed), grouped=False)
    asked = found.labels != IGNORED
    assert asked.any(dim=1).all()
    assert not asked[IDS < 7].any()
    assert (found.labels[asked] == IDS[asked]).all()
    assert (found.ids[~asked] == IDS[~asked]).all()
    assert set(found.ids[asked].tolist()) <= {4, 60, 61, *IDS[asked].tolist()}


def test_of_hidden_tokens_eight_in_ten_are_masked_one_is_another_one_stays():
    ids = torch.full((4000, 20), 45)
    found = mask_tokens(ids, 0.15, torch.tensor([60]), generator(), grouped=False)
    asked = found.labels != IGNORED
    n = int(asked.sum())
    assert n / ids.numel() == pytest.approx(0.15, abs=0.02)
    for token, share in ((4, 0.8), (60, 0.1), (45, 0.1)):
        assert int((found.ids[asked] == token).sum()) / n == pytest.approx(share, abs=0.02)


def test_elements_of_one_group_are_hidden_together_in_half_of_the_rows():
    symbols = ["S", "Se", "Fe", "O"]  # three chalcogens
    ids = torch.tensor([[SYMBOLS.index(one) + 7 for one in symbols]] * 2000)
    hidden = mask_tokens(ids, 1e-9, torch.tensor([60]), generator(), grouped=True).labels != IGNORED
    whole = hidden[:, [0, 1, 3]].all(dim=1)
    assert whole.float().mean() == pytest.approx(0.5 * 0.75, abs=0.04)
    assert not (hidden[:, 2] & hidden[:, 0]).any()


def test_groups_are_those_of_the_periodic_table():
    groups = dict(zip(SYMBOLS, element_groups().tolist(), strict=True))
    assert groups["S"] == groups["Se"] == 16
    assert groups["La"] == groups["Lu"] == 19
    assert groups["U"] == 20


def test_a_view_of_a_formula_keeps_groups_and_nearly_its_amounts():
    rows = torch.from_numpy(FormulaElements(columns=("f",)).transform({"f": ["Fe2O3", "LiCoO2"] * 50})[0])
    view = formula_view(rows, generator())
    ids, units = view.chunk(2, dim=1)
    own, amounts = rows.chunk(2, dim=1)
    there = own > 0
    groups = element_groups()
    assert torch.equal(groups[ids[there] - 7], groups[own[there] - 7])
    assert 0 < (ids != own).sum() < there.sum() / 3
    assert torch.equal(units > 0, amounts > 0)
    torch.testing.assert_close(units.sum(1).double(), amounts.sum(1).double(), rtol=1e-5, atol=3)


def test_a_view_of_a_molecule_is_the_same_molecule():
    from rdkit.Chem import CanonSmiles

    tokenizer = smiles()
    ids = tokenizer(["CC(=O)Oc1ccccc1C(=O)O"], padding="max_length", max_length=64)["input_ids"]
    view = molecule_view(torch.tensor(ids * 8), generator())
    texts = {decode(tokenizer, row[1:]) for row in view.tolist()}
    assert len(texts) > 2
    assert {CanonSmiles(text) for text in texts} == {"CC(=O)Oc1ccccc1C(=O)O"}


def test_the_contrast_of_two_views_is_the_one_computed_by_hand():
    # orthogonal pairs: cosines 1 and 0, divided by 0.1
    views = torch.eye(2)
    assert float(contrast(views, views)) == pytest.approx(math.log(1 + math.exp(-10)), rel=1e-3)


def test_missing_labels_cost_nothing():
    said = torch.tensor([[1.0, 5.0], [0.0, 7.0]], requires_grad=True)
    labels = torch.tensor([[0.5, float("nan")], [float("nan"), float("nan")]])
    loss = property_loss(said, labels)
    loss.backward()
    assert loss.item() == pytest.approx(0.125)  # 0.5²/2
    assert said.grad.tolist() == [[0.5, 0.0], [0.0, 0.0]]
    assert property_loss(said, torch.full((2, 2), float("nan"))).item() == 0


def test_a_token_of_smiles_stands_for_its_element():
    known = element_of_tokens()
    vocabulary = smiles().get_vocab()
    for token, symbol in {"c": "C", "[nH]": "N", "Cl": "Cl", "[C@@H]": "C", "[se]": "Se", "[Na+]": "Na"}.items():
        assert known[vocabulary[token]] == symbol
    assert not {vocabulary[token] for token in ("(", "=", "1", "[", "%12", "@@")} & set(known)


def test_wilson_is_the_one_of_the_textbook():
    # 8 of 10: 0.4902 … 0.9433
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)


def test_the_next_token_of_the_last_one_and_of_padding_is_not_asked():
    ids = torch.tensor([[8, 9, 7, 0], [9, 0, 0, 0]])
    assert next_tokens(ids).tolist() == [[9, 7, IGNORED, IGNORED], [IGNORED] * 4]


@pytest.mark.parametrize("notation", ["smiles", "composition"])
def test_a_causal_place_knows_nothing_of_those_behind_it(notation):
    torch.manual_seed(0)
    network = Pretraining(notation, "small", 0).eval()
    ids = torch.randint(10, 90, (2, 6))
    other = torch.cat([ids[:, :4], torch.randint(10, 90, (2, 2))], dim=1)
    amounts = torch.full_like(ids, 10**6)
    rows, changed = (torch.cat([one, amounts], 1) if notation == "composition" else one for one in (ids, other))
    with torch.no_grad():
        before, after = network.states(rows, causal=True), network.states(changed, causal=True)
        torch.testing.assert_close(before[:, :4], after[:, :4])
        assert (before[:, 4:] - after[:, 4:]).abs().max() > 1e-3
        both = network.states(rows)
        assert (both[:, :4] - network.states(changed)[:, :4]).abs().max() > 1e-3


def test_padding_changes_no_causal_state():
    torch.manual_seed(0)
    network = Pretraining("smiles", "small", 0).eval()
    ids = torch.randint(10, 90, (1, 5))
    with torch.no_grad():
        alone = network.states(ids, causal=True)
        long = torch.cat([torch.cat([ids, torch.zeros(1, 3, dtype=torch.int64)], 1), torch.randint(10, 90, (1, 8))])
        torch.testing.assert_close(network.states(long, causal=True)[:1, :5], alone, atol=1e-5, rtol=1e-5)
