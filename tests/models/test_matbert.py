import numpy as np
import pytest
import torch
from pydantic import ValidationError

from scitrain.chem.formula_features import element_properties
from scitrain.contracts.model import InputShape
from scitrain.errors import ScitrainError
from scitrain.modalities.formula import FormulaElements, FormulaFeaturiser
from scitrain.models._bert import VOCABULARIES, architecture
from scitrain.models._element_statistics import ElementStatistics
from scitrain.models._matbert import MatBert, config_of
from scitrain.models.matbert import Matbert
from scitrain.models.smiles_bert import SmilesBert
from scitrain.tokenizers import composition, smiles
from scitrain.training.predictor import build_predictor, kinds_of
from scitrain.transfer.blocks import blocks_of

FEATURES = FormulaElements(columns=("f",))
FORMULAS = ["Fe2O3", "NaCl", "(Mg0.9Fe0.1)2SiO4", "Fe"]
PARTS = ({"adapter": 4}, {"prompt": 20}, {"prefix": 20})


def rows(formulas=FORMULAS):
    array, errors = FEATURES.transform({"f": list(formulas)})
    assert errors == {}
    return torch.from_numpy(array)


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return Matbert().build(FEATURES.shape()).eval()


def test_elements_and_fractions_are_those_of_the_formula():
    [row] = rows(["Fe2O3"]).tolist()
    length = FEATURES.length
    assert row[:3] == [8 + 6, 26 + 6, 0]
    assert row[length : length + 3] == [6_000_000, 4_000_000, 0]
    assert composition("repeated").convert_ids_to_tokens(row[:2]) == ["O", "Fe"]


def test_a_formula_of_too_many_elements_is_refused():
    _, errors = FeaturesOf2.transform({"f": ["Fe2SiO4", "NaCl"]})
    assert errors == {0: "3 elements; at most 2 are read"}


FeaturesOf2 = FormulaElements(columns=("f",), length=2)


@torch.no_grad()
@pytest.mark.parametrize("options", [{}, {"element_features": "beside"}, {"tokens": False}, *PARTS], ids=str)
def test_a_padded_batch_equals_the_single_rows(options):
    torch.manual_seed(0)
    encoder = Matbert(**options).build(FEATURES.shape()).eval()
    encoder.meet(rows().numpy(), np.arange(len(FORMULAS)))
    together = encoder(rows())
    for at, formula in enumerate(FORMULAS):
        torch.testing.assert_close(encoder(rows([formula]))[0], together[at], atol=1e-5, rtol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("part", [{}, *PARTS], ids=str)
def test_the_order_of_the_elements_makes_no_difference_and_amounts_do(part):
    torch.manual_seed(0)
    encoder = Matbert(**part).build(FEATURES.shape()).eval()
    row = rows(["Fe2SiO4"])
    length, order = FEATURES.length, torch.tensor([2, 0, 1])
    other = row.clone()
    other[:, :3], other[:, length : length + 3] = row[:, order], row[:, length + order]
    torch.testing.assert_close(encoder(other), encoder(row), atol=1e-5, rtol=1e-5)
    assert not torch.allclose(encoder(rows(["FeO"])), encoder(rows(["Fe2O3"])), atol=1e-3)


@torch.no_grad()
def test_a_prompt_is_heeded_and_not_pooled():
    torch.manual_seed(0)
    encoder = Matbert(prompt=3).build(FEATURES.shape()).eval()
    ids, units = rows().chunk(2, dim=1)
    assert encoder.backbone.states(ids, units * 1e-7).shape == (len(FORMULAS), FEATURES.length, 128)
    before = encoder(rows())
    [prompt] = [weight for name, weight in encoder.named_parameters() if "prompt_encoder" in name]
    assert prompt.shape == (3, 128)
    prompt.neg_()
    assert not torch.allclose(encoder(rows()), before, atol=1e-3)
    for layer in encoder.backbone.bert.encoder.layer:  # what attends to nothing knows nothing of a prompt
        layer.attention.output.dense.weight.zero_()
    blind = encoder(rows())
    prompt.mul_(3).add_(1)
    torch.testing.assert_close(encoder(rows()), blind)


def test_an_ensemble_with_a_part_reads_tokens_in_every_network_and_statistics_alone_take_none():
    assert [Matbert(prompt=2).of_member(k).tokens for k in range(3)] == [True] * 3
    with pytest.raises(ValidationError, match="stand in a Transformer"):
        Matbert(tokens=False, prefix=2)


def test_blocks_are_the_embeddings_each_layer_and_what_reads_the_statistics(encoder):
    assert len(blocks_of(encoder)) == 1 + 3
    blocks = blocks_of(Matbert(element_features="beside").build(FEATURES.shape()))
    assert len(blocks) == 1 + 3 + 1
    assert all(name.startswith("beside.") for name in blocks[-1])


@torch.no_grad()
def test_statistics_inside_the_network_are_those_of_the_featuriser():
    formulas = [*FORMULAS, "CsPbBr3", "Na2SO4", "KAl(SO4)2", "La0.9Sr0.1MnO3", "Al0.2Co0.2Cr0.2Fe0.2Ni0.2", "H2O"]
    ids, units = rows(formulas).chunk(2, dim=1)
    found = ElementStatistics(127)(ids, units * 1e-7)
    features = FormulaFeaturiser(columns=("f",))
    told, kept = torch.from_numpy(features.transform({"f": formulas})[0]), features.names().index("atoms")
    table = torch.from_numpy(element_properties()[2]).float()
    mean, std, n = table.mean(0), table.std(0), table.shape[1]
    first, last = features.shape().blocks["properties"]
    for at, name in enumerate(("mean", "deviation", "min", "max", "range", "mode")):
        own = slice(first + at * n, first + (at + 1) * n)
        told[:, own] = (told[:, own] - (0 if name in ("deviation", "range") else mean)) / std
    told = torch.cat([told[:, :kept], told[:, kept + 1 :]], dim=1)
    assert last == first + 6 * n
    torch.testing.assert_close(found, told, atol=2e-4, rtol=1e-3)


def test_statistics_are_standardised_by_the_training_rows_alone():
    read = rows([*FORMULAS, "CsPbBr3", "H2O"]).numpy()
    encoder = Matbert(element_features="beside").build(FEATURES.shape())
    encoder.meet(read, np.arange(4))
    ids, units = torch.from_numpy(read[:4]).chunk(2, dim=1)
    beside = encoder.beside
    standard = (beside.statistics(ids, units * 1e-7) - beside.shift) * beside.scale
    known = beside.scale > 0
    torch.testing.assert_close(standard.mean(0), torch.zeros(len(known)), atol=1e-4, rtol=0)
    torch.testing.assert_close(standard.std(0, correction=0)[known], torch.ones(int(known.sum())), atol=1e-3, rtol=0)
    assert not known[55 - 1], "caesium is in no training row"


@pytest.mark.parametrize("features", ["apart", "none"])
def test_a_network_that_reads_no_statistics_has_none_of_their_weights(features):
    plain = Matbert(element_features=features).build(FEATURES.shape())
    assert plain.width == 256
    assert not [name for name, _ in plain.named_parameters() if name.startswith("beside")]


def test_a_network_that_would_read_nothing_is_refused():
    with pytest.raises(ValidationError, match="nothing to read"):
        Matbert(tokens=False, element_features="none")


def test_every_second_network_of_an_ensemble_reads_statistics_alone_unless_all_shall_be_alike():
    ways = [
        [Matbert(element_features=way).of_member(k).tokens for k in range(3)] for way in ("apart", "beside", "none")
    ]
    assert ways == [[True, False, True], [True, True, True], [True, True, True]]
    predictor = build_predictor("regression", Matbert(), FEATURES.shape(), 1, 2).eval()
    first, second = (sum(p.numel() for p in member.parameters()) for member in predictor.members)
    assert kinds_of(predictor.members) == {"tokens": [0], "element statistics alone": [1]}
    assert second * 3 < first
    with torch.no_grad():
        together = predictor(rows())[0]
        torch.testing.assert_close(predictor(rows([FORMULAS[2]]))[0][0], together[2], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_saved_weights_are_read_back_by_the_family_and_by_transformers(tmp_path):
    torch.manual_seed(1)
    body = MatBert(config_of(architecture("composition", "small"))).eval()
    body.save_pretrained(tmp_path)
    composition("repeated").save_pretrained(tmp_path)
    model = Matbert(weights=str(tmp_path)).settled()
    assert model.config["hidden_size"] == 128
    states = model.build(FEATURES.shape()).eval().backbone.states
    ids, units = rows().chunk(2, dim=1)
    torch.testing.assert_close(states(ids[:, :4], units[:, :4] * 1e-7), body.states(ids[:, :4], units[:, :4] * 1e-7))
    bare = model.model_copy(update={"weights": None}).build(FEATURES.shape())
    assert bare.width == 256


def test_a_folder_for_other_texts_is_refused(tmp_path):
    with pytest.raises(ScitrainError, match="no folder"):
        Matbert(weights=str(tmp_path / "none")).settled()
    MatBert(config_of(architecture("composition", "small"))).save_pretrained(tmp_path)
    smiles().save_pretrained(tmp_path)
    with pytest.raises(ScitrainError, match="reads smiles"):
        Matbert(weights=str(tmp_path)).settled()


@pytest.mark.parametrize("model", [Matbert(), SmilesBert()])
def test_other_tokens_are_refused_with_the_family_that_reads_them(model):
    with pytest.raises(ScitrainError, match="take transformer"):
        model.build(InputShape("tokens", (8,), vocabulary=20))
    assert model.featuriser("text", {"t": ["a"]}) is None


def test_the_vocabularies_are_those_of_the_tokenizers():
    assert {"smiles": len(smiles()), "composition": len(composition("repeated"))} == VOCABULARIES
    assert architecture("smiles", "base")["hidden_size"] == 512


@torch.no_grad()
def test_smiles_bert_reads_its_own_tokens_and_padding_makes_no_difference():
    features = SmilesBert().featuriser("smiles", {"s": ["CCO", "c1ccccc1C(=O)O"]})
    x = torch.from_numpy(features.transform({"s": ["CCO", "c1ccccc1C(=O)O"]})[0])
    encoder = SmilesBert().build(features.shape()).eval()
    torch.testing.assert_close(encoder(x)[0], encoder(x[:1])[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("model", [Matbert(dropout=0.0), SmilesBert(dropout=0.0)])
def test_activations_that_are_computed_twice_give_the_same_gradients(model):
    if model.family == "matbert":
        shape, read = FEATURES.shape(), rows()
    else:
        features = model.featuriser("smiles", {"s": ["CCO", "CCCl"]})
        shape, read = features.shape(), torch.from_numpy(features.transform({"s": ["CCO", "CCCl"]})[0])
    found = []
    for on in (False, True):
        torch.manual_seed(0)
        encoder = model.build(shape).train()
        encoder.set_gradient_checkpointing(on)
        assert encoder.backbone.is_activation_checkpointing is on
        encoder(read).square().sum().backward()
        found.append([p.grad for p in encoder.parameters() if p.grad is not None])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)
