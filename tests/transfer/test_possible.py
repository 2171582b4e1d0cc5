import pytest
import torch

from scitrain.contracts.model import InputShape
from scitrain.errors import ScitrainError
from scitrain.modalities.formula import FormulaElements
from scitrain.models.cnn import Cnn
from scitrain.models.matbert import Matbert
from scitrain.models.pretrained import Pretrained
from scitrain.models.smiles_bert import SmilesBert
from scitrain.training.learning import Learning
from scitrain.training.options import TrainingOptions
from scitrain.training.predictor import build_predictor
from scitrain.transfer.arms import Study
from scitrain.transfer.beginning import weights_of
from scitrain.transfer.options import FinetuneOptions
from scitrain.transfer.possible import ARMS, refuse_impossible, refuse_unbuildable
from scitrain.transfer.recipe import Given

ALL = ["scratch", "feature", "full", "lora", "adapter", "prompt", "fixed_prompt"]
NOTHING = Given(rows=40, classes=1, family="", parameters=1, blocks=1, auc=None)
FORMULAS = FormulaElements(columns=("f",)).shape()


def study(model, shape, weights=None, **asked):
    learning = Learning("regression", None, None, None, None, 1, model, shape, TrainingOptions())
    return Study(learning, FinetuneOptions(source="x", **asked), weights, NOTHING)


def test_every_impossible_strategy_is_named_at_once_with_those_that_are_possible():
    with pytest.raises(ScitrainError) as told:
        refuse_impossible(ALL, Cnn(widths=[4]))
    said = str(told.value)
    assert (
        "cannot take adapter, prompt, fixed_prompt; possible are scratch, full, feature, partial, gradual, lora" in said
    )
    assert "families matbert, pretrained, smiles_bert" in said
    assert "of the family 'cnn'" in said
    refuse_impossible(["scratch", "full"], Cnn(widths=[4]))


@pytest.mark.parametrize("model", [Matbert(), Pretrained(), SmilesBert()], ids=lambda model: model.family)
def test_families_with_layers_of_hugging_face_take_every_strategy(model):
    refuse_impossible(ARMS, model)


def test_a_matbert_of_statistics_alone_takes_nothing_that_stands_in_a_transformer():
    with pytest.raises(ScitrainError, match=r"cannot take prompt; .*has none with these options"):
        refuse_impossible(["full", "prompt"], Matbert(tokens=False))


def test_what_compare_takes_holds_every_usual_strategy_beside_scratch():
    assert FinetuneOptions(source="x", compare=[*ALL, "prefix"]).arms() == [*ALL, "prefix"]
    assert FinetuneOptions(source="x", strategy="lora").arms() == ["lora"]
    assert FinetuneOptions(source="x").arms() == []


def test_strategies_that_cannot_be_built_are_refused_before_anything_is_trained():
    before = torch.get_rng_state()
    refuse_unbuildable(study(Matbert(), FORMULAS, compare=ALL), FORMULAS)
    pixels = InputShape("image", (1, 8, 8))
    with pytest.raises(ScitrainError, match=r"cannot take lora; possible are scratch, full.*this network has none"):
        refuse_unbuildable(study(Cnn(widths=[4]), pixels, compare=["full", "lora"]), pixels)
    assert torch.equal(before, torch.get_rng_state()), "what is trained later has the numbers it has without this"


def test_a_run_that_has_a_prompt_takes_no_other_part():
    had = Matbert(prompt=2)
    weights = weights_of("a run", had, build_predictor("regression", had, FORMULAS, 1, 1))
    refuse_unbuildable(study(had, FORMULAS, weights, compare=["full", "lora"]), FORMULAS)
    with pytest.raises(ScitrainError, match=r"cannot take adapter, prefix; .*has an adapter, prompt or prefix already"):
        refuse_unbuildable(study(had, FORMULAS, weights, compare=["full", "adapter", "prefix"]), FORMULAS)
