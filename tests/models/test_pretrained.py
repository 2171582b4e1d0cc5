import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoModel, AutoTokenizer

from scitrain.contracts.model import InputShape
from scitrain.errors import ScitrainError
from scitrain.modalities._pretrained_tokens import lengths
from scitrain.models.pretrained import Pretrained
from scitrain.training.predictor import build_predictor


@pytest.fixture(scope="session")
def small():
    path = Path(__file__).parents[1] / "pretrained.py"
    if "pretrained" not in sys.modules:
        spec = importlib.util.spec_from_file_location("pretrained", path)
        sys.modules["pretrained"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["pretrained"])
    return sys.modules["pretrained"]


CELLS = {
    "bert": (
        "text",
        {"t": ["The iron does not rust in dry air.", "Gold", "salt water, hot wind and unknown words " * 3]},
    ),
    "roberta": ("smiles", {"s": ["CCO", "c1ccccc1O", "[Na+].CC(=O)[O-]"]}),
    "esm": ("sequence", {"p": ["MKTAYIAKQRQISFVK", "GAVL", "MKTAYIAKQRXX"]}),
}


@pytest.fixture(scope="session", params=list(CELLS))
def named(request, small, tmp_path_factory):
    folder = getattr(small, request.param)(tmp_path_factory.mktemp("hub") / request.param)
    modality, columns = CELLS[request.param]
    return str(folder), modality, columns


def test_features_are_those_of_the_models_own_tokenizer_and_network(named):
    folder, modality, columns = named
    spec = Pretrained(name=folder).settled()
    featuriser = spec.featuriser(modality, columns)
    rows, errors = featuriser.transform(columns)
    assert errors == {}
    cells = next(iter(columns.values()))
    read = [cell if modality != "smiles" else standard(cell) for cell in cells]
    own = AutoTokenizer.from_pretrained(folder)
    network = AutoModel.from_pretrained(folder).eval()
    encoder = spec.build(featuriser.shape()).eval()
    for row, text in zip(rows, read, strict=True):
        expected = own(text, truncation=True, max_length=featuriser.length)["input_ids"]
        assert (row[row > 0] - 1).tolist() == expected
        with torch.no_grad():
            hidden = network(input_ids=torch.tensor([expected])).last_hidden_state
            found = encoder(torch.from_numpy(row[None]))
        torch.testing.assert_close(found, hidden.mean(1), atol=1e-5, rtol=1e-4)


def standard(cell):
    from scitrain.chem.molecules import standardise

    return standardise([cell])[0].smiles


def test_padding_and_company_change_nothing(named):
    folder, modality, columns = named
    spec = Pretrained(name=folder).settled()
    featuriser = spec.featuriser(modality, columns)
    rows = torch.from_numpy(featuriser.transform(columns)[0])
    encoder = spec.build(featuriser.shape()).eval()
    with torch.no_grad():
        together = encoder(rows)
        alone = torch.cat([encoder(row[None, : int((row > 0).sum())]) for row in rows])
    learning = encoder(rows).detach()  # with gradients rows keep their order and are cut to the longest
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(together, learning, atol=1e-6, rtol=1e-5)


def test_the_first_token_can_stand_for_the_row(small, tmp_path):
    folder = str(small.bert(tmp_path / "b"))
    rows = torch.tensor([[3, 7, 8, 4, 0, 0]])
    encoder = Pretrained(name=folder, pooling="cls").build(InputShape("tokens", (6,), vocabulary=30)).eval()
    hidden = AutoModel.from_pretrained(folder).eval()(input_ids=rows[:, :4] - 1).last_hidden_state
    torch.testing.assert_close(encoder(rows).detach(), hidden[:, 0].detach())


def test_a_sentence_encoder_says_itself_what_stands_for_a_row(small, tmp_path):
    folder = small.bert(tmp_path / "b")
    (folder / "1_Pooling").mkdir()
    shape, rows = InputShape("tokens", (6,), vocabulary=30), torch.tensor([[3, 7, 8, 4, 0, 0]])
    with torch.no_grad():
        hidden = AutoModel.from_pretrained(folder).eval()(input_ids=rows[:, :4] - 1).last_hidden_state
        for cls, mean, expected in (
            (True, False, hidden[:, 0]),
            (False, True, hidden.mean(1)),
            (True, True, hidden.mean(1)),
        ):
            said = {"word_embedding_dimension": 16, "pooling_mode_cls_token": cls, "pooling_mode_mean_tokens": mean}
            (folder / "1_Pooling" / "config.json").write_text(json.dumps(said))
            spec = Pretrained(name=str(folder)).settled()
            torch.testing.assert_close(spec.build(shape).eval()(rows), expected)
            kept = spec.model_copy(update={"pooling": "mean"})
            torch.testing.assert_close(kept.build(shape).eval()(rows), hidden.mean(1), msg="what is asked for counts")
    (folder / "1_Pooling" / "config.json").write_text("[1, 2")
    with pytest.raises(ScitrainError, match=r"1_Pooling/config\.json of .* is no JSON object"):
        Pretrained(name=str(folder)).settled()


def test_a_trained_model_is_rebuilt_without_the_folder_it_came_from(small, tmp_path):
    folder = small.bert(tmp_path / "b")
    spec = Pretrained(name=str(folder)).settled()
    kept = Pretrained.model_validate(json.loads(spec.model_dump_json()))
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    predictor = build_predictor("binary", kept, InputShape("tokens", (6,), vocabulary=30), 1, 1)
    assert predictor(torch.tensor([[3, 7, 4, 0, 0, 0]]))[0].shape == (1, 1)


def test_long_rows_are_cut_and_counted(small, tmp_path):
    spec = Pretrained(name=str(small.bert(tmp_path / "b"))).settled()
    texts = {"t": ["iron " * 100, "gold and iron", "gold"]}
    featuriser = spec.featuriser("text", texts)
    assert featuriser.length == 40
    assert "1 of 3 rows are longer than the 40 tokens it reads, and are cut" in featuriser.reason()
    assert lengths(texts, featuriser.options()).tolist() == [102, 5, 3]
    assert (featuriser.transform(texts)[0][0] > 0).all()


def test_weights_of_another_architecture_are_told_by_their_tensors(small, tmp_path):
    folder = small.bert(tmp_path / "b")
    save_file({"layer.0.weight": torch.zeros(2)}, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ScitrainError, match=r"are of another architecture: missing .*; unexpected layer.0.weight"):
        Pretrained(name=str(folder)).build(InputShape("tokens", (6,), vocabulary=30))


def test_a_text_model_is_not_asked_for_tables(small, tmp_path):
    spec = Pretrained(name=str(small.bert(tmp_path / "b"))).settled()
    assert spec.featuriser("tabular", {"a": ["1"]}) is None
    with pytest.raises(ScitrainError, match="family 'pretrained' reads tokens"):
        spec.build(InputShape("vector", (3,)))


def test_a_prompt_that_leaves_no_place_for_tokens_is_refused(small, tmp_path):
    spec = Pretrained(name=str(small.bert(tmp_path / "b")), prompt=40).settled()
    with pytest.raises(ScitrainError, match="leaves no place for tokens"):
        spec.build(InputShape("tokens", (6,), vocabulary=30))


def test_an_empty_row_is_the_rows_error(named):
    folder, modality, columns = named
    featuriser = Pretrained(name=folder).settled().featuriser(modality, columns)
    name = next(iter(columns))
    rows, errors = featuriser.transform({name: ["", columns[name][0]]})
    assert list(errors) == [0]
    assert not rows[0].any()
    assert np.any(rows[1])
