import ast
import json
import re
from pathlib import Path

import pytest
from skills_ref.validator import validate

from scitrain.operations import OPERATIONS
from scitrain.operations.find_skill import FindSkill
from scitrain.operations.finetune_model import FinetuneModel
from scitrain.operations.train_model import TrainModel
from scitrain.skills.manifest import manifests
from scitrain.skills.match import rank
from scitrain.skills.slots import read_slots
from scitrain_server.skills import load_skills

FOLDER = Path(__file__).parents[2] / "skills" / "transfer-learning"
PAGES = [FOLDER / "SKILL.md", *sorted((FOLDER / "references").glob("*.md"))]


TRANSFER = [
    ("Fine-tune ChemBERTa on my 200 molecules", {"finetune"}),
    ("I only have 10 labelled images per class; try few-shot learning", {"few-shot"}),
    ("Classify these abstracts without labels, zero-shot", {"zero-shot"}),
    ("ゼロショットで論文の要旨を分類したい", {"zero-shot"}),
    ("Distill the big network into a small student", {"distil"}),
    ("Adapt the model trained on simulations to experiments, domain adaptation", {"adapt"}),
    ("Start from a pre-trained language model and freeze the lower layers", {"finetune"}),
    ("転移学習で少ないデータから学習したい", {"finetune"}),
    ("事前学習済みモデルをうちのデータにファインチューンしてください", {"finetune"}),
    ("LoRAで微調整したい", {"finetune"}),
    ("知識蒸留で小さいモデルにして", {"distil"}),
]


@pytest.fixture(scope="module")
def manifest():
    [found] = [one for one in manifests() if one.name == "transfer-learning"]
    return found


def test_the_skill_is_valid_in_the_agent_skills_format():
    assert validate(FOLDER) == []


def test_each_reference_is_named_in_the_body_and_each_named_one_exists():
    card = (FOLDER / "SKILL.md").read_text()
    named = set(re.findall(r"references/[\w-]+\.md", card))
    assert named == {f"references/{path.name}" for path in (FOLDER / "references").iterdir()}
    assert all(re.search(rf"Read {re.escape(name)}\s+when", card) for name in named)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_call_in_the_skill_is_one_the_tool_accepts(page):
    for block in re.findall(r"```\n(.*?)```", page.read_text(), re.DOTALL):
        for line in filter(None, block.splitlines()):
            call = ast.parse(line, mode="eval").body
            arguments = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
            OPERATIONS[call.func.id].model_validate(arguments)


def test_the_table_of_arguments_is_what_finetune_model_adds_to_train_model():
    table = (FOLDER / "SKILL.md").read_text().split("## Arguments of finetune_model")[1].split("\n\n")[1]
    named = {name for line in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    assert named == set(FinetuneModel.model_fields) - set(TrainModel.model_fields)


def test_every_tool_of_the_skill_is_in_a_phase_and_every_named_tool_exists(manifest):
    own = {name for name, operation in OPERATIONS.items() if operation.skill in ("transfer-learning", "any")}
    assert own == set(manifest.tools())
    assert {tool for intent in manifest.intents for tool in intent.tools} <= set(OPERATIONS)


def test_every_value_with_a_name_in_plain_language_is_allowed(manifest):
    for name, choices in manifest.choices.items():
        for choice in choices:
            FinetuneModel.model_validate({"data": "a.csv", "source": "x", name: choice.value})


def test_every_trigger_leads_to_its_intent_beside_the_other_skills(manifest):
    for intent in manifest.intents:
        for phrase in intent.triggers.phrases():
            [best, *_] = rank(read_slots(phrase), manifests()).candidates
            assert best.name == manifest.name, phrase
            assert intent.name in {wanted.intent.name for wanted in best.wanted}, phrase


@pytest.mark.parametrize(
    ("request_", "source"),
    [
        ("fine-tune SciBERT on citations.csv", "allenai/scibert_scivocab_uncased"),
        ("mols.csv で ChemBERTa を微調整したい", "seyonec/ChemBERTa-zinc-base-v1"),
    ],
)
def test_a_request_becomes_a_plan_with_the_weights_it_names(workspace, request_, source):
    answer = FindSkill(request=request_).run(workspace)
    assert (answer.skill, answer.installed) == ("transfer-learning", True)
    [step] = [step for step in answer.steps if step.tool == "finetune_model"]
    assert step.arguments["source"] == source


@pytest.mark.parametrize(("request_", "intents"), TRANSFER)
def test_a_request_for_transfer_is_planned_by_its_own_skill(workspace, request_, intents):
    answer = FindSkill(request=request_).run(workspace)
    assert (answer.skill, answer.installed) == ("transfer-learning", True)
    assert intents <= set(answer.intents)
    own = {"finetune_model", "few_shot_classify", "zero_shot_classify", "distill_model", "adapt_domain"}
    assert own & {step.tool for step in answer.steps}


def test_the_first_file_is_the_source_and_the_second_the_domain_adapted_to(workspace):
    answer = FindSkill(request="domain adaptation from lab.csv to field.csv, target y").run(workspace)
    [step] = [step for step in answer.steps if step.tool == "adapt_domain"]
    assert (step.arguments["data"], step.arguments["target_data"]) == ("lab.csv", "field.csv")
    assert [step.tool for step in answer.steps] == ["inspect_dataset", "adapt_domain", "get_run"]
    [alone] = [
        s for s in FindSkill(request="ドメイン適応したい lab.csv").run(workspace).steps if s.tool == "adapt_domain"
    ]
    assert "target_data" in alone.needed


def test_a_request_for_many_tasks_is_planned_in_the_order_of_the_work(workspace):
    answer = FindSkill(request="tox21.csv でマルチタスク学習をして").run(workspace)
    assert answer.intents == ["many-tasks"]
    assert [step.tool for step in answer.steps] == ["inspect_dataset", "train_model", "get_run"]


def test_the_prompts_are_those_the_server_serves(manifest):
    [skill] = [one for one in load_skills(FOLDER.parent) if one.name == "transfer-learning"]
    assert [prompt.name for prompt in skill.prompts] == [prompt.name for prompt in manifest.prompts]


def test_the_evaluations_are_in_the_format_of_the_guide():
    said = json.loads((FOLDER / "evals" / "evals.json").read_text())
    assert said["skill_name"] == FOLDER.name
    assert [one["id"] for one in said["evals"]] == list(range(1, len(said["evals"]) + 1))
    assert all(one["prompt"] and one["expected_output"] and one["assertions"] for one in said["evals"])


def test_examples_a_class_ask_for_the_few_shot_tool(workspace):
    answer = FindSkill(request="classify papers from five examples a class in papers.csv").run(workspace)
    assert "few_shot_classify" in [step.tool for step in answer.steps]


@pytest.mark.parametrize(
    "request_",
    [
        "I have 200 measured band gaps in measured.csv and 80,000 computed ones in computed.csv: predict gap",
        "measured.csv の実測値は少ないので computed.csv の計算値も使って gap を学習したい",
    ],
)
def test_a_second_file_of_computed_values_trains_along(workspace, request_):
    answer = FindSkill(request=request_).run(workspace)
    assert answer.skill == "transfer-learning"
    calls = {step.tool: step.arguments for step in answer.steps}
    assert calls["train_model"]["data"] == "measured.csv"
    assert calls["train_model"]["auxiliary"] == "computed.csv"
