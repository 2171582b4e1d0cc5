"""What is said of a family is counted, not remembered."""

import json

import pytest

from scitrain.contracts.model import TYPICAL
from scitrain.errors import UnknownNameError
from scitrain.models import FAMILIES
from scitrain.models._layers import LAYERS, named
from scitrain.operations import OPERATIONS
from scitrain.operations.list_models import ListModels
from scitrain.training.architecture import architecture
from scitrain.training.predictor import build_member
from scitrain.workspace import Workspace

SIZED = [(name, kind) for name, cls in FAMILIES.items() for kind in cls.sizes]


@pytest.mark.parametrize(("name", "kind"), SIZED)
def test_the_size_a_family_states_is_that_of_its_network(name: str, kind: str) -> None:
    shape = TYPICAL[kind]  # type: ignore[index]
    found = architecture(build_member(FAMILIES[name](), shape, 1), shape, 1)
    head = next(layer for layer in found.layers if layer.name == "head")
    stated = FAMILIES[name].sizes[kind]  # type: ignore[index]
    assert (stated.parameters, stated.flops) == (found.parameters - head.parameters, found.flops - head.flops)


@pytest.mark.parametrize("name", sorted(set(FAMILIES) - {"stack", "pretrained", "matbert", "smiles_bert"}))
def test_every_family_states_a_size_for_each_kind_it_reads(name: str) -> None:
    assert set(FAMILIES[name].sizes) == set(FAMILIES[name].consumes)


def test_all_families_are_told_with_size_rows_and_need(workspace: Workspace) -> None:
    found = {family.family: family for family in ListModels().run(workspace).families}
    assert list(found) == sorted(FAMILIES)
    assert (found["mlp"].sizes["vector"]["row"], found["mlp"].members, found["mlp"].options) == ([200], 5, None)
    assert found["transformer"].rows > found["mlp"].rows
    assert all(family.gpu and family.modalities for family in found.values())
    assert "117,760 parameters and 0.233 MFLOP a row of 200 (vector)" in found["mlp"].words()


def test_the_options_of_a_stack_tell_every_layer_with_its_options(workspace: Workspace) -> None:
    (stack,) = ListModels(family="stack").run(workspace).families
    assert stack.options is not None
    told = stack.options["$defs"]
    assert isinstance(told, dict)
    kinds = {one["properties"]["kind"]["const"] for one in told.values()}  # type: ignore[index,call-overload]
    assert kinds == {named(layer) for layer in LAYERS}
    assert "share the channels equally" in json.dumps(told)


def test_an_unknown_family_is_answered_with_the_near_name(workspace: Workspace) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'stack'"):
        ListModels(family="stak").run(workspace)


@pytest.mark.parametrize("tool", ["train_model", "finetune_model"])
def test_a_tool_that_only_names_an_argument_has_it_explained_here(tool: str, workspace: Workspace) -> None:
    told = ListModels(tool=tool).run(workspace).arguments
    assert told is not None
    published = OPERATIONS[tool].model_json_schema()["properties"]
    assert set(told) - {"$defs"} == {*published, *OPERATIONS[tool].unnamed}
    assert not published.get("gradient_clip")
    assert told["gradient_clip"]["description"] == "Largest norm of a member's gradient."
    assert "gradient_clip: Largest norm" in ListModels(tool=tool).run(workspace).summary()


def test_an_unknown_tool_is_answered_with_the_near_name(workspace: Workspace) -> None:
    with pytest.raises(UnknownNameError, match="train_model"):
        ListModels(tool="train_modl").run(workspace)


def test_a_family_of_one_kind_of_data_is_offered_for_that_alone():
    [matbert] = ListModels(family="matbert").run().families
    [bert] = ListModels(family="smiles_bert").run().families
    assert (matbert.modalities, bert.modalities) == (["formula"], ["smiles"])
