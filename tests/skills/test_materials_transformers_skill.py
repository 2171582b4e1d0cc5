import ast
import json
import re
from pathlib import Path

import pytest
import yaml
from skills_ref.validator import validate

from scitrain.operations import OPERATIONS
from scitrain.operations.find_skill import FindSkill
from scitrain.skills.manifest import manifests
from scitrain.skills.match import rank
from scitrain.skills.slots import read_slots
from scitrain_server.skills import load_skills

FOLDER = Path(__file__).parents[2] / "skills" / "materials-transformers"
PAGES = [FOLDER / "SKILL.md", *sorted((FOLDER / "references").glob("*.md"))]
ASKED = [
    ("How is [68Ga+3] tokenized?", {"tokenize"}),
    ("convert these SMILES to SELFIES", {"tokenize"}),
    ("give me the InChIKey of aspirin CC(=O)Oc1ccccc1C(=O)O", {"tokenize"}),
    ("組成式 Fe2O3 をトークン化して", {"tokenize"}),
    ("Pretrain MatBERT on 100,000 formulas", {"pretrain"}),
    ("組成の一覧で MatBERT を事前学習したい", {"pretrain"}),
    ("generate 1000 new molecules with logP near 2", {"generate"}),
    ("新しい電解質の候補を提案して", {"generate"}),
    ("学習済みの生成モデルから分子を100個生成して", {"draw"}),
    ("train MatT5 on known.csv to write a description of a formula", {"describe"}),
    ("組成式から説明文を書くモデルを known.csv で学習して", {"describe"}),
    ("inverse design of a perovskite with a band gap of 1.4 eV", {"design"}),
    ("逆設計でバンドギャップ 1.5 eV の材料を探したい", {"design"}),
]


@pytest.fixture(scope="module")
def manifest():
    [found] = [one for one in manifests() if one.name == "materials-transformers"]
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


def test_the_table_of_arguments_is_what_pretrain_transformer_takes():
    table = (FOLDER / "SKILL.md").read_text().split("## Arguments of pretrain_transformer")[1].split("\n\n")[0]
    named = {name for line in table.splitlines()[3:] for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    assert named == set(OPERATIONS["pretrain_transformer"].model_fields)


def test_every_tool_of_the_skill_is_in_a_phase_and_every_named_tool_exists(manifest):
    own = {name for name, operation in OPERATIONS.items() if operation.skill in ("materials-transformers", "any")}
    assert own == set(manifest.tools())
    assert {tool for intent in manifest.intents for tool in intent.tools} <= set(OPERATIONS)


def test_every_trigger_leads_to_its_intent_beside_the_other_skills(manifest):
    for intent in manifest.intents:
        for phrase in intent.triggers.phrases():
            [best, *_] = rank(read_slots(phrase), manifests()).candidates
            assert best.name == manifest.name, phrase
            assert intent.name in {wanted.intent.name for wanted in best.wanted}, phrase


@pytest.mark.parametrize(("request_", "intents"), ASKED)
def test_a_request_about_materials_as_language_is_planned_by_this_skill(workspace, request_, intents):
    answer = FindSkill(request=request_).run(workspace)
    assert (answer.skill, answer.installed) == ("materials-transformers", True)
    assert intents <= set(answer.intents)
    assert answer.steps


def test_the_description_is_found_by_its_own_examples(workspace):
    said = yaml.safe_load((FOLDER / "SKILL.md").read_text().split("---")[1])["description"]
    [words] = re.findall(r"or says (.*)\.", said)
    for phrase in words.split(", "):
        if phrase != "組成":
            assert FindSkill(request=phrase).run(workspace).skill == "materials-transformers", phrase


def test_the_prompts_are_those_the_server_serves(manifest):
    [skill] = [one for one in load_skills(FOLDER.parent) if one.name == "materials-transformers"]
    assert [prompt.name for prompt in skill.prompts] == [prompt.name for prompt in manifest.prompts]


def test_the_evaluations_are_in_the_format_of_the_guide():
    said = json.loads((FOLDER / "evals" / "evals.json").read_text())
    assert said["skill_name"] == FOLDER.name
    assert [one["id"] for one in said["evals"]] == list(range(1, len(said["evals"]) + 1))
    assert all(one["prompt"] and one["expected_output"] and one["assertions"] for one in said["evals"])


def plan_of(request, workspace):
    return {step.tool: step for step in FindSkill(request=request).run(workspace).steps}


@pytest.mark.parametrize("request_", ["judge the candidates in cand.csv", "cand.csv の候補を評価"])
def test_candidates_in_a_file_are_handed_to_what_judges_them(request_, workspace):
    assert plan_of(request_, workspace)["evaluate_candidates"].arguments == {"candidates": "cand.csv"}


def test_the_steps_after_a_training_take_its_run_and_wait_for_it(workspace):
    steps = plan_of("train a generator of molecules on chembl.csv", workspace)
    tools = list(steps)
    assert tools[-4:] == ["train_generator", "get_run", "generate_candidates", "evaluate_candidates"]
    assert "generate_candidates" in steps["evaluate_candidates"].needed["candidates"]
    assert (
        "pretrain_transformer"
        in plan_of("pretrain a transformer on f.csv", workspace)["finetune_model"].needed["source"]
    )
    designed = plan_of("design compositions with a band gap of 1.5 eV from gaps.csv", workspace)["design_materials"]
    assert "train_model" in designed.needed["predictors"]


RUN = "train_generator-20260101T120000-0a1b2c3d"
DRAWN = ["generate_candidates", "evaluate_candidates"]
TAUGHT = ["inspect_dataset", "train_generator", "get_run", *DRAWN]


@pytest.mark.parametrize(
    ("request_", "tools", "drawn"),
    [
        ("generate 100 molecules from my generator", ["list_runs", *DRAWN], {"n": 100}),
        (f"generate 20 molecules with {RUN}", DRAWN, {"n": 20, "run": RUN}),
        (f"{RUN} から 20 個の組成を生成して", DRAWN, {"n": 20, "run": RUN}),
        ("学習済みの生成モデルから分子を100個生成して", ["list_runs", *DRAWN], {"n": 100}),
        ("train a generator on mols.csv and generate 50 molecules", TAUGHT, {"n": 50}),
        ("I have 500 molecules in mols.csv, generate new ones", TAUGHT, {}),
    ],
)  # fmt: skip
def test_a_generator_that_is_there_is_drawn_from_and_not_trained_anew(workspace, request_, tools, drawn):
    found = FindSkill(request=request_).run(workspace)
    assert [step.tool for step in found.steps] == tools
    [told] = [step.arguments for step in found.steps if step.tool == "generate_candidates"]
    assert told == drawn
    listed = [step.arguments for step in found.steps if step.tool == "list_runs"]
    assert all(one == {"operation": "train_generator", "status": "completed"} for one in listed)
