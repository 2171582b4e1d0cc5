"""Each prompt of the evaluations, each opening example and paraphrases lead to their skill, with the files at their places."""

import json
import re
from pathlib import Path

import pytest

from scitrain.operations import OPERATIONS
from scitrain.operations.find_skill import FindSkill
from scitrain.skills.manifest import manifests

SKILLS = Path(__file__).parents[2] / "skills"
EVALS = {
    (path.parts[-3], one["id"]): one["prompt"]
    for path in sorted(SKILLS.glob("*/evals/evals.json"))
    for one in json.loads(path.read_text(encoding="utf-8"))["evals"]
}
RUN, LANGUAGE = "train_model-20260101T120000-0a1b2c3d", "pretrain_transformer-20260101T120000-0a1b2c3d"
ELSEWHERE = {("deep-learning", 4): "transfer-learning", ("deep-learning", 7): None}
"""Prompts that test that a skill leaves them alone."""


def pretrained(unlabelled, labelled):
    return {
        "tokenize_materials": {"data": unlabelled},
        "pretrain_transformer": {"data": unlabelled, "exclude": labelled},
        "finetune_model": {"data": labelled, "compare": ["scratch", "full"]},
    }


CALLS = {
    ("deep-learning", 1): {"inspect_dataset": {"data": "esol.csv"}, "train_model": {"data": "esol.csv"}},
    ("deep-learning", 2): {"train_model": {"data": "builtin:diabetes"}, "evaluate_model": {}},
    ("deep-learning", 3): {"list_runs": {}, "predict": {"inputs": ["CCO", "C[Si](C)(C)O[Si](C)(C)C"]}},
    ("deep-learning", 4): {"finetune_model": {"source": "seyonec/ChemBERTa-zinc-base-v1"}},
    ("deep-learning", 5): {"tune_hyperparameters": {}},
    ("deep-learning", 6): {"profile_model": {"run": RUN}},
    ("deep-learning", 7): {},
    ("deep-learning", 8): {"train_model": {"data": "assay.csv", "target": "pIC50"}, "evaluate_model": {}},
    ("deep-learning", 9): {"compress_model": {}},
    ("deep-learning", 10): {"predict": {"data": "pool.csv", "to_label": 20}},
    ("materials-transformers", 1): {"tokenize_materials": {"inputs": ["[68Ga+3]", "Cu(OH)2·H2O"]}},
    ("materials-transformers", 2): {"tokenize_materials": {"data": "formulas.csv"}},
    ("materials-transformers", 3): pretrained("formulas.csv", "gaps.csv"),
    ("materials-transformers", 4): {"evaluate_candidates": {"candidates": "generated.csv", "reference": "train.csv"}},
    ("materials-transformers", 5): {"train_model": {"data": "gaps.csv"}, "design_materials": {"data": "gaps.csv"}},
    ("materials-transformers", 6): {"train_generator": {"data": "molecules.csv"}, "generate_candidates": {"n": 100}},
    ("materials-transformers", 7): {"list_runs": {"operation": "train_generator"}, "generate_candidates": {"n": 100}},
    ("materials-transformers", 8): {"train_generator": {"data": "known.csv", "family": "matt5"}},
    ("transfer-learning", 1): {"finetune_model": {"data": "solubility.csv"}},
    ("transfer-learning", 2): {"finetune_model": {}},
    ("transfer-learning", 3): {"finetune_model": {}},
    ("transfer-learning", 4): {"few_shot_classify": {"data": "support.csv", "predict": "new.csv"}},
    ("transfer-learning", 5): {"distill_model": {"run": RUN}},
    ("transfer-learning", 6): {"zero_shot_classify": {"data": "remarks.csv"}},
    ("transfer-learning", 7): {"adapt_domain": {"data": "lab.csv", "target_data": "field.csv"}},
    ("transfer-learning", 8): {"train_model": {"data": "tox21.csv", "single_tasks": True}},
}
CHAIN = {"finetune_model": {"data": "gaps.csv", "intermediate": [{"data": "mp_gap.csv"}]}}
AUXILIARY = {"train_model": {"data": "gaps.csv", "auxiliary": "mp_gap.csv"}}
SHOWN = {"few_shot_classify": {"data": "support.csv", "predict": "new.csv"}}
JUDGED = {"evaluate_candidates": {"candidates": "gen.csv", "reference": "train.csv"}}
FROM_FORMULAS, FROM_MOLECULES = pretrained("formulas.csv", "gaps.csv"), pretrained("molecules.csv", "esol.csv")
PARAPHRASES = [
    ("formulas.csvでMatBERTを事前学習し、gaps.csvで微調整して", FROM_FORMULAS),
    ("formulas.csvでMatBERTを事前学習して、gaps.csvのバンドギャップを予測したい", FROM_FORMULAS),
    ("gaps.csv のバンドギャップを、formulas.csv で事前学習した MatBERT で予測したい", FROM_FORMULAS),
    ("formulas.csv（ラベルなし）で事前学習すると gaps.csv の予測は良くなりますか", FROM_FORMULAS),
    ("Predict the gaps in gaps.csv with a MatBERT pretrained on formulas.csv", FROM_FORMULAS),
    ("Fine-tune MatBERT on gaps.csv after pretraining on formulas.csv", FROM_FORMULAS),
    ("300 measured gaps are in gaps.csv, a million unlabelled formulas in formulas.csv. Can pretraining help?", FROM_FORMULAS),
    ("pretrain a SMILES BERT on molecules.csv and predict solubility in esol.csv", FROM_MOLECULES),
    ("molecules.csv の分子で言語モデルを事前学習して esol.csv の溶解度にファインチューニング", FROM_MOLECULES),
    ("Predict the experimental band gaps in gaps.csv, transferring from computed gaps in mp_gap.csv", AUXILIARY),
    ("mp_gap.csv has computed band gaps; predict the measured ones in gaps.csv", AUXILIARY),
    ("gaps.csv の実験値を予測したい。mp_gap.csv の計算値から転移して", AUXILIARY),
    ("Predict the experimental band gaps in gaps.csv, using mp_gap.csv as intermediate task", CHAIN),
    ("With mp_gap.csv as an intermediate task, predict the gaps in gaps.csv", CHAIN),
    ("mp_gap.csv を中間タスクにして gaps.csv のバンドギャップを予測して", CHAIN),
    ("Classify new.csv by the five examples per class in support.csv", SHOWN),
    ("support.csv に各クラス5例ある。new.csv を数ショットで分類して", SHOWN),
    ("sim.csv で学習して、ラベルのない field.csv にドメイン適応したい", {"adapt_domain": {"data": "sim.csv", "target_data": "field.csv"}}),
    ("The generator learned from train.csv; are the generated molecules in gen.csv valid?", JUDGED),
    ("gen.csv の生成された分子は train.csv と比べて良いですか", JUDGED),
]  # fmt: skip
OPENING = {
    "deep-learning": {"train_model": {"data": "esol.csv"}},
    "materials-transformers": FROM_FORMULAS,
    "transfer-learning": {"finetune_model": {"data": "citations.csv", "source": "allenai/scibert_scivocab_uncased"}},
}


def assert_calls(answer, expected):
    """The plan holds these calls with at least these arguments, and leaves no file out."""
    told = {step.tool: step.arguments for step in answer.steps}
    for tool, arguments in expected.items():
        assert {name: told[tool].get(name) for name in arguments} == arguments, tool
    assert not any("not used" in note or "使っていない" in note for note in answer.notes)


def test_each_prompt_of_the_evaluations_has_an_expected_plan():
    assert set(CALLS) == set(EVALS)


@pytest.mark.parametrize("key", CALLS, ids=lambda key: f"{key[0]}-{key[1]}")
def test_each_prompt_of_the_evaluations_goes_to_its_skill_with_its_files(key, workspace):
    answer = FindSkill(request=EVALS[key]).run(workspace)
    assert answer.skill == ELSEWHERE.get(key, key[0])
    assert_calls(answer, CALLS[key])


@pytest.mark.parametrize("skill", OPENING)
def test_the_opening_example_of_a_skill_goes_to_it(skill, workspace):
    [request] = re.findall(r'^find_skill\(request="(.*)"\)$', (SKILLS / skill / "SKILL.md").read_text(), re.MULTILINE)
    answer = FindSkill(request=request).run(workspace)
    assert answer.skill == skill
    assert_calls(answer, OPENING[skill])


@pytest.mark.parametrize(
    ("skill", "request_"),
    [
        ("deep-learning", "esol.csv から溶解度のモデルを作り、どこまで信頼できるか教えて"),
        ("materials-transformers", "formulas.csv で MatBERT を事前学習して、gaps.csv で微調整して"),
        ("transfer-learning", "SciBERT を citations.csv の 200 ラベルで微調整して"),
    ],
)
def test_the_opening_example_goes_there_in_japanese_too(skill, request_, workspace):
    answer = FindSkill(request=request_).run(workspace)
    assert (answer.skill, answer.language) == (skill, "ja")
    assert_calls(answer, OPENING[skill])


@pytest.mark.parametrize(("request_", "expected"), PARAPHRASES)
def test_a_file_goes_where_the_words_beside_it_say_in_any_order(request_, expected, workspace):
    assert_calls(FindSkill(request=request_).run(workspace), expected)


def test_the_target_is_read_off_the_file_that_has_labels(workspace):
    (workspace.root / "formulas.csv").write_text("formula,source\nNaCl,a\n")
    (workspace.root / "gaps.csv").write_text("formula,gap\nNaCl,8.5\n")
    answer = FindSkill(request=EVALS["materials-transformers", 3]).run(workspace)
    assert_calls(answer, {"finetune_model": {"data": "gaps.csv", "target": "gap"}})


def test_one_file_is_what_is_pretrained_on_and_labels_are_asked_for(workspace):
    steps = {
        s.tool: s for s in FindSkill(request="Pretrain MatBERT on formulas.csv and fine-tune it").run(workspace).steps
    }
    assert steps["pretrain_transformer"].arguments == {"data": "formulas.csv"}
    assert "data" in steps["finetune_model"].needed


@pytest.mark.parametrize(
    ("request_", "source"),
    [
        ("Fine-tune SciBERT on citations.csv; does pretraining help?", "allenai/scibert_scivocab_uncased"),
        (f"Fine-tune {LANGUAGE} on gaps.csv, was pretraining useful?", LANGUAGE),
        ("Fine-tune my pretrained MatBERT on gaps.csv", None),
        ("Fine-tune a language model on gaps.csv", None),
        ("事前学習済みモデルを gaps.csv で微調整して", None),
    ],
)  # fmt: skip
def test_weights_that_are_there_are_not_pretrained_anew(request_, source, workspace):
    answer = FindSkill(request=request_).run(workspace)
    assert answer.skill == "transfer-learning"
    assert_calls(answer, {"finetune_model": {"source": source}})


@pytest.mark.parametrize("request_", ["バンドギャップ", "band gap", "組成"])
def test_the_matter_of_materials_alone_leads_to_their_skill(request_, workspace):
    answer = FindSkill(request=request_).run(workspace)
    assert (answer.skill, answer.ask != []) == ("materials-transformers", True)


@pytest.mark.parametrize("request_", ["gaps.csv のバンドギャップを予測して", "Build a band gap model from gaps.csv"])
def test_a_band_gap_with_something_to_do_stays_where_that_is_done(request_, workspace):
    assert FindSkill(request=request_).run(workspace).skill == "deep-learning"


def test_what_an_intent_declares_of_tools_and_other_intents_exists():
    intents = {f"{one.name}/{intent.name}": intent for one in manifests() for intent in one.intents}
    for one in manifests():
        assert f"{one.name}/{one.usual}" in intents
    for intent in intents.values():
        assert set(intent.covers) <= set(intents)
        goes = [re.split(r"[.\[]", place)[:2] for role in intent.files for place in role.goes]
        goes += [[tool, name] for tool, values in intent.arguments.items() for name in values]
        for tool, name in goes:
            assert tool in intent.tools
            assert name in OPERATIONS[tool].model_fields
        assert all(phrase.count("*") == 1 for role in intent.files for phrase in role.said.phrases())
