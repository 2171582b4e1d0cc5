"""Fine-tuned Transformers are told by their own tokens: words, letters, atoms; and what they are told adds up."""

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

from scitrain.explaining.atoms import from_pieces
from scitrain.explaining.attribute import Question, attribute
from scitrain.explaining.baseline import baseline_row, beside
from scitrain.explaining.function import Explained
from scitrain.explaining.importance import mean_absolute
from scitrain.explaining.pieces import silent, units
from scitrain.explaining.reading import matrix, read_row
from scitrain.modalities.pretrained_tokens import PretrainedText
from scitrain.models.pretrained import Pretrained
from scitrain.training.predictor import build_predictor

TEXTS = ["iron does not rust", "the sea wind in dry, hot air does rust iron and gold keeps its shine"]
SMILES = ["CCO", "CC(=O)Oc1ccccc1C(=O)O"]
SEQUENCES = ["MKTAYIAK", "MKV"]


@pytest.fixture(scope="module")
def folders(pretrained, tmp_path_factory):
    root = tmp_path_factory.mktemp("hub")
    return {
        "text": (pretrained.bert(root / "bert"), TEXTS),
        "smiles": (pretrained.roberta(root / "roberta"), SMILES),
        "sequence": (pretrained.esm(root / "esm"), SEQUENCES),
    }


def asked(folder, cells, modality, members=1, **options):
    """Return a featuriser, its rows and a question about an untrained network of two classes."""
    spec = Pretrained(name=str(folder), dropout=0.0, **options).settled()
    columns = {"x": cells}
    made = spec.featuriser(modality, columns)
    x, errors = made.transform(columns)
    assert not errors
    torch.manual_seed(1)
    predictor = build_predictor("binary", spec, made.shape(), 1, members).eval()
    none = silent(made)
    base = beside(made.shape(), baseline_row(made.shape(), x, none), x, none)
    groups = np.arange(x.shape[1])
    return made, x, Question(Explained(predictor), x, base, np.zeros(len(x), np.int64), x[:1], groups)


@pytest.mark.parametrize("modality", ["text", "smiles", "sequence"])
@pytest.mark.parametrize("method", ["integrated_gradients", "occlusion"])
def test_attributions_belong_to_the_row_they_are_of_and_frames_get_none(folders, modality, method):
    folder, cells = folders[modality]
    made, x, question = asked(folder, cells, modality)
    found = attribute(method, question)
    assert found.values.shape == x.shape
    assert not found.values[x == 0].any()
    assert not found.values[:, 0].any()
    assert found.values[x != 0].any()
    if method == "integrated_gradients":
        np.testing.assert_allclose(found.values.sum(axis=1), found.difference, atol=1e-3)
    alone = asked(folder, cells, modality)[2]
    one = attribute(
        method, Question(alone.explained, x[1:], question.baseline[1:], *([alone.outputs[1:], x[:1], alone.groups]))
    )
    np.testing.assert_allclose(one.values[0], found.values[1], atol=1e-5)
    read = read_row(made, {"x": cells[1]}, x[1], found.values[1])
    assert sum(read.parts.values()) == pytest.approx(float(found.values[1].sum()), abs=1e-5)


@pytest.mark.parametrize("part", [{"prompt": 2}, {"prefix": 2}, {"adapter": 2}, {"members": 2}])
def test_what_was_put_into_the_network_does_not_stand_in_the_way(folders, part):
    found = attribute("integrated_gradients", asked(*folders["text"], "text", **part)[2])
    np.testing.assert_allclose(found.values.sum(axis=1), found.difference, atol=2e-3)


def test_what_says_nothing_is_the_mask_and_of_sequences_the_unknown_letter(folders):
    made = {name: asked(*found, name)[0] for name, found in folders.items()}
    assert silent(made["text"]).words == "[MASK] at every place"
    assert silent(made["smiles"]).words == "<unk> at every place"  # this one has no mask
    assert silent(made["sequence"]).words == "<unk> at every place"
    assert silent(made["text"]).kept == (0, 3, 4)


def pieced(words, **more):
    """Return a featuriser whose tokenizer cuts words into pieces."""
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words]
    made = Tokenizer(models.WordPiece({word: i for i, word in enumerate(tokens)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    frame = [("[CLS]", 2), ("[SEP]", 3)]
    made.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=frame)
    return PretrainedText(columns=("x",), tokenizer=made.to_str(), vocabulary=len(tokens) + 1, length=16, **more)


def test_pieces_of_a_word_are_added_up_and_the_word_stands_as_it_was_written():
    made = pieced(["Walk", "walk", "##ing", "is", ".", "##s"])
    [told] = units(made, {"x": ["Walking is  walks."]})
    assert [(unit.name, unit.places) for unit in told] == [
        ("Walking", (1, 2)),
        ("is", (3,)),
        ("walks", (4, 5)),
        (".", (6,)),
    ]
    values = np.arange(16.0)
    read = read_row(made, {"x": "Walking is  walks."}, np.zeros(16), values)
    assert read.parts == {"1 Walking": 3.0, "2 is": 3.0, "3 walks": 9.0, "4 .": 6.0}
    names, sums = matrix(made, {"x": ["Walking is", "is walking"]}, np.zeros((2, 16)), np.ones((2, 16)))
    assert list(names) == ["is", "walking"]
    assert sums.tolist() == [[1, 2], [1, 2]]
    assert mean_absolute(names, sums, 42)[0].feature == "walking"


def test_a_writing_that_parts_no_words_is_told_piece_by_piece():
    made = Tokenizer(
        models.Unigram([("<unk>", 0.0), ("鉄", -2.0), ("は", -2.0), ("錆びる", -1.0), ("▁", -3.0)], unk_id=0)
    )
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    text = PretrainedText(columns=("x",), tokenizer=made.to_str(), vocabulary=6, length=8)
    assert [unit.name for unit in units(text, {"x": ["鉄は錆びる"]})[0] if unit.name] == ["鉄", "は", "錆びる"]


def test_a_piece_of_a_smiles_is_shared_by_the_atoms_it_touches():
    pieces = {1: (0, 1), 2: (1, 3), 3: (3, 5), 4: (5, 6), 5: (6, 12)}
    found = from_pieces(["C[N+](C)(C)C"], np.array([0.0, 2.0, 4.0, 1.0, 7.0, 6.0]), pieces)
    assert found.atoms.tolist() == [2.0, 5.0, 2.0, 2.0, 2.0]
    assert found.apart == {"(": 7.0}


def test_a_molecule_is_coloured_and_its_bonds_stay_apart(folders):
    made, x, question = asked(*folders["smiles"], "smiles")
    values = attribute("integrated_gradients", question).values
    read = read_row(made, {"x": SMILES[1]}, x[1], values[1])
    mol, atoms = read.picture.atoms
    assert mol.GetNumAtoms() == len(atoms) == 13
    assert {"atom 1 C", "=", "("} <= set(read.parts)


def test_residues_are_counted_from_one(folders):
    made, x, question = asked(*folders["sequence"], "sequence")
    read = read_row(made, {"x": "MKV"}, x[1], attribute("occlusion", question).values[1])
    assert list(read.parts) == ["1 M", "2 K", "3 V"]
    names, _ = matrix(made, {"x": SEQUENCES}, x, np.ones(x.shape))
    assert list(names) == ["A", "I", "K", "M", "T", "V", "Y"]
