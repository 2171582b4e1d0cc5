from urllib.error import URLError

import pytest
import torch
from safetensors.torch import save_file

from scitrain.errors import ScitrainError
from scitrain.weights import Wanted, check_folder, fetched, licence_of, near_names, read_tensors, refuse_misfits


@pytest.fixture
def no_hub(monkeypatch, tmp_path):
    def urlopen(request, timeout):
        assert timeout <= 5
        raise URLError("no route to host")

    monkeypatch.setattr("scitrain.weights.hub.urlopen", urlopen)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    (tmp_path / "hub" / "models--our--own-bert").mkdir(parents=True)


def test_without_the_hub_the_user_is_told_which_files_to_put_where(no_hub, tmp_path):
    wanted = Wanted("org/model", "org/model", ("config.json", "model.safetensors"), local="source")
    with pytest.raises(ScitrainError) as failed, fetched(wanted):
        pass
    said = str(failed.value)
    for part in (
        "no route to host",
        "config.json, model.safetensors",
        "hf download org/model",
        "source=",
        "HF_HUB_OFFLINE=1",
        str(tmp_path),
    ):
        assert part in said


def test_a_misspelt_name_is_answered_with_those_in_the_cache_and_the_known_ones(no_hub):
    known = ("allenai/scibert_scivocab_uncased", "google-bert/bert-base-uncased")
    assert near_names("allenai/scibert-scivocab-uncased", known)[0] == "allenai/scibert_scivocab_uncased"
    assert near_names("bert-base-uncased", known) == ["google-bert/bert-base-uncased"]
    assert near_names("our/own-brt", known) == ["our/own-bert"]
    with (
        pytest.raises(ScitrainError, match="did you mean 'our/own-bert'"),
        fetched(Wanted("our/own-brt", "our/own-brt")),
    ):
        pass


def test_offline_is_said_at_once(no_hub, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ScitrainError, match="HF_HUB_OFFLINE is set"), fetched(Wanted("org/model", "org/model")):
        pass


def test_a_folder_that_is_not_whole_says_what_is_missing(tmp_path):
    with pytest.raises(ScitrainError, match=r"no config.json.*it holds nothing"):
        check_folder(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ScitrainError, match="names no model_type"):
        check_folder(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ScitrainError, match=r"no weights: expected model.safetensors"):
        check_folder(tmp_path)
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(ScitrainError, match="no tokenizer"):
        check_folder(tmp_path)
    (tmp_path / "vocab.txt").touch()
    check_folder(tmp_path)


def test_the_folder_below_that_has_the_configuration_is_offered(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    with pytest.raises(ScitrainError, match="its folder 'model' has one"):
        check_folder(tmp_path)


@pytest.mark.parametrize(
    ("card", "licence"),
    [("---\nlicense: mit\n---\nx", "mit"), ("no front matter", None), ("---\n: : {\n---\n", None), (None, None)],
)
def test_the_licence_is_that_of_the_models_own_card(tmp_path, card, licence):
    if card is not None:
        (tmp_path / "README.md").write_text(card)
    assert licence_of(tmp_path) == licence


class Evil:
    def __reduce__(self):
        return (print, ("ran",))


def test_a_pickle_is_refused_and_never_run(tmp_path, capsys):
    torch.save({"a": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(ScitrainError, match="a pickle can run any code"):
        read_tensors(tmp_path / "evil.pt")
    assert "ran" not in capsys.readouterr().out


def test_tensors_are_read_alike_from_both_kinds_of_file(tmp_path):
    weights = {"module.a": torch.ones(2), "b": torch.zeros(3)}
    save_file(weights, tmp_path / "w.safetensors")
    torch.save({"state_dict": weights}, tmp_path / "w.pth")
    for name in ("w.safetensors", "w.pth"):
        assert {n: v.tolist() for n, v in read_tensors(tmp_path / name).items()} == {"a": [1, 1], "b": [0, 0, 0]}


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt"])
def test_a_damaged_file_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"no tensors at all")
    with pytest.raises(ScitrainError, match=r"copy it again|is damaged"):
        read_tensors(tmp_path / name)


def test_what_is_no_file_of_weights_is_refused(tmp_path):
    with pytest.raises(ScitrainError, match=r"is no file of pretrained weights.*\.safetensors"):
        read_tensors(tmp_path / "w.h5")


def test_weights_of_another_architecture_are_told_by_the_names_of_their_tensors():
    wanted, found = {"a": (2,), "b": (3, 3)}, {"b": (3, 4), "c": (1,), "head.x": (1,)}
    with pytest.raises(
        ScitrainError, match=r"missing a; unexpected c; of another shape: b is \(3, 4\), expected \(3, 3\)"
    ):
        refuse_misfits("these", wanted, found, ("head.",))
    refuse_misfits("these", {"b": (3, 4)}, found)
