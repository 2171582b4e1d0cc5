import ast
import json
import re
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter
from skills_ref.validator import validate

from scitrain.data.builtin import BUILTINS
from scitrain.exporters import check_formats
from scitrain.models import FAMILIES, AnyModelSpec
from scitrain.operations import OPERATIONS
from scitrain.operations.find_skill import FindSkill
from scitrain.operations.train_model import TrainModel
from scitrain.operations.tune_hyperparameters import TuneHyperparameters
from scitrain.skills.manifest import manifests
from scitrain.skills.match import rank
from scitrain.skills.slots import read_slots
from scitrain.skills.text import parts
from scitrain_server.skills import load_skills

FOLDER = Path(__file__).parents[2] / "skills" / "deep-learning"
PAGES = [FOLDER / "SKILL.md", *sorted((FOLDER / "references").glob("*.md"))]
JSON_WORDS = {"true": "True", "false": "False", "null": "None"}


@pytest.fixture(scope="module")
def manifest():
    [found] = [one for one in manifests() if one.name == "deep-learning"]
    return found


@pytest.fixture(scope="module")
def card():
    return (FOLDER / "SKILL.md").read_text()


def calls(text: str) -> list[ast.Call]:
    """Return the calls of tools in code blocks and between back-ticks."""
    blocks = [line for block in re.findall(r"```\n(.*?)```", text, re.DOTALL) for line in block.splitlines() if line]
    inline = re.findall(r"`([a-z_]+\([^`…]*\))`", re.sub(r"```\n.*?```", "", text, flags=re.DOTALL))
    written = [re.sub(r"\b(true|false|null)\b", lambda m: JSON_WORDS[m[0]], line) for line in [*blocks, *inline]]
    found = [ast.parse(line, mode="eval").body for line in written]
    return [call for call in found if isinstance(call, ast.Call)]


def test_the_skill_is_valid_in_the_agent_skills_format():
    assert validate(FOLDER) == []


def test_the_body_is_short_enough(card):
    body = card.split("---", 2)[2]
    assert len(body.splitlines()) < 500
    assert len(body) / 4 < 5_000, "about four characters a token"


def test_each_reference_is_named_in_the_body_and_each_named_one_exists(card):
    named = set(re.findall(r"references/[\w-]+\.md", card))
    assert named == {f"references/{path.name}" for path in (FOLDER / "references").iterdir()}
    for name in named:
        assert re.search(rf"Read {re.escape(name)}\s+when", card), name


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_call_in_the_skill_is_one_the_tool_accepts(page):
    for call in calls(page.read_text()):
        assert isinstance(call.func, ast.Name)
        arguments = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
        OPERATIONS[call.func.id].model_validate(arguments)


def test_the_flow_is_shown_in_its_order(card):
    block = re.findall(r"```\n(.*?)```", card, re.DOTALL)[0]
    flow = "find_skill inspect_dataset train_model get_run evaluate_model predict export_model"
    assert [line.split("(")[0] for line in block.splitlines()] == flow.split()


def test_the_table_of_arguments_is_that_of_train_model(card):
    table = card.split("## Arguments of train_model")[1].split("\n\n")[2 - 1]
    rows = [line.split("|")[1] for line in table.splitlines()[2:]]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named == set(TrainModel.model_fields)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_tool_the_skill_names_exists(page):
    verbs = "find|inspect|train|tune|get|evaluate|export|list|compare|cancel|resume"
    named = set(re.findall(rf"\b(?:{verbs})_[a-z]+\b", page.read_text()))
    assert named <= set(OPERATIONS) | {"train_script", "export_check"}


def test_the_manifest_names_the_skill_and_only_tools_there_are(manifest):
    named = {tool for intent in manifest.intents for tool in intent.tools}
    named |= {tool for other in manifest.neighbours for tool in other.tools} | set(manifest.tools())
    assert manifest.name == FOLDER.name
    assert named <= set(OPERATIONS)


def test_every_tool_of_the_skill_is_in_a_phase(manifest):
    own = {name for name, operation in OPERATIONS.items() if operation.skill in ("deep-learning", "any")}
    assert own == set(manifest.tools())


def test_every_value_with_a_name_in_plain_language_is_allowed(manifest):
    models = [choice.value for choice in manifest.choices["model"]]
    for model in models:
        TypeAdapter(AnyModelSpec).validate_python(model)
    assert {str(model["family"]) for model in models if isinstance(model, dict)} == set(FAMILIES) - {"stack"}
    check_formats([str(choice.value) for choice in manifest.choices["formats"]])
    assert {str(choice.value).removeprefix("builtin:") for choice in manifest.choices["data"]} <= set(BUILTINS)
    for argument in ("sampler", "objective"):
        for choice in manifest.choices[argument]:
            TuneHyperparameters.model_validate({"data": "a.csv", argument: choice.value, "pruner": "none"})
    for argument in ("split", "task", "class_weights", "loss", "device"):
        for choice in manifest.choices[argument]:
            TrainModel.model_validate({"data": "a.csv", argument: choice.value})


@pytest.mark.parametrize(
    "trigger",
    [
        "ニューラルネットで学習して",
        "Transformer を Fine-tune して",
        "深層学習モデルを構築して",
        "学習曲線",
        "ハイパーパラメータ最適化",
        "混同行列",
        "ONNX に変換",
        "モデルカード",
    ],
)
def test_the_agreed_triggers_are_there(manifest, trigger):
    assert any(trigger in intent.triggers.ja for intent in manifest.intents)


def test_every_trigger_alone_leads_to_its_intent(manifest):
    for intent in manifest.intents:
        for phrase in intent.triggers.phrases():
            [best, *_] = rank(read_slots(phrase), (manifest,)).candidates
            assert best.name == manifest.name, phrase
            assert intent.name in {wanted.intent.name for wanted in best.wanted}, phrase


def test_every_trigger_of_a_neighbour_leads_there(manifest):
    for other in manifest.neighbours:
        for phrase in other.triggers.phrases():
            [best, *_] = rank(read_slots(phrase), (manifest,)).candidates
            assert best.name == other.name, phrase


def test_no_trigger_says_less_than_two_characters(manifest):
    vocabularies = [v for intent in manifest.intents for v in (intent.triggers, intent.words)] + [manifest.subjects]
    for phrase in (phrase for vocabulary in vocabularies for phrase in vocabulary.phrases()):
        assert sum(map(len, parts(phrase))) >= (1 if phrase == "図" else 2), phrase


def test_the_prompts_are_those_the_server_serves(manifest):
    [skill] = [one for one in load_skills(FOLDER.parent) if one.name == "deep-learning"]
    assert [prompt.name for prompt in skill.prompts] == [prompt.name for prompt in manifest.prompts]
    for prompt in skill.prompts:
        assert set(re.findall(r"\{(\w+)\}", prompt.text)) == {argument.name for argument in prompt.arguments}


def test_the_description_is_found_by_its_own_examples(workspace):
    said = yaml.safe_load((FOLDER / "SKILL.md").read_text().split("---")[1])["description"]
    for request in re.findall(r"[^\s,]*[ぁ-んァ-ヶ一-龠][^,.]*", said):
        assert FindSkill(request=request).run(workspace).skill == "deep-learning", request


def test_the_evaluations_are_in_the_format_of_the_guide():
    said = json.loads((FOLDER / "evals" / "evals.json").read_text())
    assert said["skill_name"] == FOLDER.name
    assert said["configurations"] == ["with_skill", "without_skill"]
    assert [one["id"] for one in said["evals"]] == list(range(1, len(said["evals"]) + 1))
    for one in said["evals"]:
        assert one["prompt"]
        assert one["expected_output"]
        assert one["assertions"]


def test_no_two_intents_share_a_trigger(manifest):
    owners: dict[tuple[str, ...], set[str]] = {}
    for intent in manifest.intents:
        for phrase in intent.triggers.phrases():
            owners.setdefault(parts(phrase), set()).add(intent.name)
    assert {words: names for words, names in owners.items() if len(names) > 1} == {}
