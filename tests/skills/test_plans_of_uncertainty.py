"""Requests about uncertainty, heads and MC dropout lead to the tools and arguments that give them."""

import pytest

from scitrain.operations.find_skill import FindSkill
from scitrain.workspace import Workspace


@pytest.mark.parametrize(
    ("request_", "tools", "loss"),
    [
        ("train on assay.csv with quantile regression", ["inspect_dataset", "train_model", "get_run", "evaluate_model"], "quantile"),
        ("assay.csv で分位点回帰のモデルを学習して", ["inspect_dataset", "train_model", "get_run", "evaluate_model"], "quantile"),
        ("train a model of assay.csv with a Gaussian head", ["inspect_dataset", "train_model", "get_run"], "gaussian"),
        ("use MC dropout to get the uncertainty of my model", ["list_runs", "evaluate_model"], None),
        ("このモデルの不確かさを教えて", ["list_runs", "evaluate_model"], None),
    ],
)  # fmt: skip
def test_words_of_uncertainty_lead_to_it(
    workspace: Workspace, request_: str, tools: list[str], loss: str | None
) -> None:
    found = FindSkill(request=request_).run(workspace)
    assert [step.tool for step in found.steps] == tools
    trained = next((step.arguments for step in found.steps if step.tool == "train_model"), {})
    assert trained.get("loss") == loss


@pytest.mark.parametrize(
    ("request_", "tools", "asked"),
    [
        ("which rows should I label next", ["list_runs", "predict"], {"to_label": 20}),
        ("Which 50 rows of pool.csv should I label next?", ["list_runs", "predict"], {"data": "pool.csv", "to_label": 50}),
        ("次にどの行をラベル付けすべきですか", ["list_runs", "predict"], {"to_label": 20}),
    ],
)  # fmt: skip
def test_what_to_label_next_is_asked_of_a_model_that_is_there(
    workspace: Workspace, request_: str, tools: list[str], asked: dict[str, object]
) -> None:
    found = FindSkill(request=request_).run(workspace)
    assert [step.tool for step in found.steps] == tools
    assert found.steps[-1].arguments == asked
