"""The phrasings below were written down before the manifest was fitted to any of them."""

import json
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from scitrain.discovery import plugins
from scitrain.contracts.operation import Operation
from scitrain.operations.find_skill import FindSkill, SkillAnswer
from scitrain.skills.manifest import manifests
from scitrain.workspace import Workspace

RUN = "train_model-20260101T120000-0a1b2c3d"
OTHER = "train_model-20260102T130000-4e5f6a7b"
ENGLISH = [
    ("build a solubility model from esol.csv and tell me how far to trust it", {"train", "trust"}),
    ("Train a neural network on data.csv", {"train"}),
    ("I have 800 molecules with measured melting points in mp.csv. Can you make something that predicts them?", {"train"}),
    ("Please fit a deep net to steels.parquet; the yield strength is what I am after", {"train"}),
    ("Could you classify the micrographs in folder micrographs/ by phase?", {"train"}),
    ("use an LSTM on the SMILES in lipo.csv, 30 epochs", {"train"}),
    ("Is there anything wrong with measurements.tsv?", {"inspect"}),
    ("Take a look at esol.csv before we do anything", {"inspect"}),
    ("Are there duplicate molecules or missing values in library.sdf?", {"inspect"}),
    (f"How reliable is {RUN}?", {"trust"}),
    (f"Evaluate {RUN} on holdout.csv", {"trust"}),
    ("Does the network actually beat a random forest?", {"trust"}),
    ("Can I rely on the predictions of my model for new scaffolds?", {"trust"}),
    (f"predict the solubility of CCO and c1ccccc1 with {RUN}", {"predict"}),
    (f"Score the compounds in library.csv using {RUN}", {"predict"}),
    ("What does the trained model say about CC(=O)Oc1ccccc1C(=O)O?", {"predict"}),
    (f"Convert {RUN} to ONNX", {"export"}),
    ("I need to deploy the model on a machine without PyTorch", {"export"}),
    (f"give me the confusion matrix of {RUN}", {"report"}),
    ("Show me the learning curve", {"report"}),
    (f"Where is the model card for {RUN}?", {"report"}),
    (f"How is {RUN} getting on? Is it finished?", {"status"}),
    ("List my training runs that failed", {"list"}),
    ("What have I trained so far?", {"list"}),
    (f"Which is better, {RUN} or {OTHER}?", {"compare"}),
    (f"Compare runs {RUN} and {OTHER}", {"compare"}),
    ("Stop the training please", {"cancel"}),
    (f"abort {RUN}", {"cancel"}),
    (f"pick up {RUN} where it was interrupted", {"resume"}),
    ("Which network architectures can you train?", {"models"}),
    ("search for the best hyperparameters on lipo.csv", {"tune"}),
    ("which features matter most for the model?", {"explain"}),
    ("make the network smaller with int8 quantization", {"compress"}),
]
JAPANESE = [
    ("ニューラルネットで学習して", {"train"}),
    ("深層学習モデルを構築して", {"train"}),
    ("esol.csv から溶解度を予測するモデルを作って、どこまで信頼できるか教えて", {"train", "trust"}),
    ("分子の溶解度を当てるAIを作りたい。データは esol.csv です", {"train"}),
    ("合金の組成と硬さの表 alloys.csv でディープラーニングを試したい", {"train"}),
    ("photos フォルダの顕微鏡写真を見分ける分類器がほしい", {"train"}),
    ("ＣＮＮで画像分類をお願いします", {"train"}),
    ("data.csv をLSTMで30エポックトレーニングしてください", {"train"}),
    ("データに問題がないか確認してほしい", {"inspect"}),
    ("measurements.csv の欠損値と重複を調べて", {"inspect"}),
    ("学習する前に steels.csv の中身を見せて", {"inspect"}),
    (f"{RUN} の精度はどのくらいですか", {"trust"}),
    ("このモデルの予測はどれくらい信用していいの？", {"trust"}),
    (f"holdout.csv で {RUN} を評価して", {"trust"}),
    ("予測区間は本当に90%当たっていますか", {"trust"}),
    (f"{RUN} で CCO の溶解度を予測して", {"predict"}),
    (f"{RUN} を使って library.csv を一括予測し、out.csv に保存して", {"predict"}),
    ("学習済みモデルで新しい化合物をスクリーニングしたい", {"predict"}),
    (f"{RUN} を ONNX に変換", {"export"}),
    ("モデルを PyTorch なしで動くように書き出して", {"export"}),
    ("学習曲線を見せて", {"report"}),
    ("混同行列を表示してください", {"report"}),
    (f"{RUN} のモデルカードが見たい", {"report"}),
    ("学習の進捗はどうですか", {"status"}),
    ("これまでの実行を一覧にして", {"list"}),
    (f"{RUN} と {OTHER} を比べて", {"compare"}),
    ("学習を止めて", {"cancel"}),
    (f"{RUN} をキャンセルして", {"cancel"}),
    (f"中断した {RUN} を続きから再開して", {"resume"}),
    ("使えるモデルの種類を教えて", {"models"}),
    ("ハイパーパラメータを自動で調整したい", {"tune"}),
    ("どの特徴量が効いているか説明して", {"explain"}),
    ("モデルを量子化して軽くしたい", {"compress"}),
]
ELSEWHERE = [
    ("Fine-tune ChemBERTa on my 200 molecules", "transfer-learning"),
    ("I only have 10 labelled images per class; try few-shot learning", "transfer-learning"),
    ("Distill the big network into a small student", "transfer-learning"),
    ("Adapt the model trained on simulations to experiments, domain adaptation", "transfer-learning"),
    ("Start from a pre-trained language model and freeze the lower layers", "transfer-learning"),
    ("転移学習で少ないデータから学習したい", "transfer-learning"),
    ("事前学習済みモデルをうちのデータにファインチューンしてください", "transfer-learning"),
    ("LoRAで微調整したい", "transfer-learning"),
    ("知識蒸留で小さいモデルにして", "transfer-learning"),
    ("Generate novel molecules with high solubility", "materials-transformers"),
    ("Propose new alloy compositions by inverse design", "materials-transformers"),
    ("Pretrain a masked language model on a million SMILES", "materials-transformers"),
    ("Tokenize these formulas with BPE", "materials-transformers"),
    ("バンドギャップが 1.5 eV の新しい材料を設計して", "materials-transformers"),
    ("溶解度の高い新規分子を生成してほしい", "materials-transformers"),
    ("SMILES をトークン化して", "materials-transformers"),
]
NOTHING = [
    "What's the weather in Osaka tomorrow?",
    "predict tomorrow's weather",
    "Write a poem about the sea",
    "Write me a haiku about neural networks",
    "What time does the train to Kyoto leave?",
    "Translate this letter into French",
    "Who is the president of France?",
    "Cancel my hotel booking",
    "Stop talking",
    "Book a table for two",
    "hello",
    "thanks, that is all",
    "Compare flight prices to Tokyo",
    "How do I export my contacts from the phone?",
    "明日の天気を教えて",
    "明日の天気を予測して",
    "詩を書いて",
    "英語に翻訳してください",
    "電車の時刻を調べて",
    "カレーの作り方を教えて",
    "会議の予定をキャンセルして",
    "こんにちは",
    "ありがとう",
    "日本の首都はどこですか",
]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a workspace with a table in it."""
    root = tmp_path_factory.mktemp("workspace")
    (root / "esol.csv").write_text("smiles,logSolubility,split\nCCO,-0.77,train\n")
    (root / "two.csv").write_text("formula;band gap (eV);formation_energy\nFe2O3;2.1;-1.2\n", encoding="utf-8-sig")
    return Workspace(root, ())


@pytest.fixture(scope="module")
def ask(place):
    """Return a function that answers a request."""
    return lambda request: FindSkill(request=request).run(place)


def steps(answer: SkillAnswer) -> dict[str, dict]:
    return {step.tool: step.arguments for step in answer.steps}


@pytest.mark.parametrize(("request_", "wanted"), ENGLISH + JAPANESE)
def test_a_request_for_a_model_finds_the_skill_and_what_is_wanted(ask, request_, wanted):
    answer = ask(request_)
    assert answer.skill == "deep-learning"
    assert wanted <= set(answer.intents), answer.intents
    assert answer.steps


@pytest.mark.parametrize(("request_", "skill"), ELSEWHERE)
def test_a_request_for_another_skill_says_so_and_what_is_nearest(ask, request_, skill):
    answer = ask(request_)
    assert (answer.skill, answer.installed) == (skill, False)
    assert answer.steps
    assert skill in answer.message
    assert "deep-learning" in {other.skill for other in answer.neighbours if other.installed}


@pytest.mark.parametrize("request_", NOTHING)
def test_what_no_skill_does_is_declined_with_what_there_is(ask, request_):
    answer = ask(request_)
    assert answer.skill is None
    assert answer.steps == []
    assert "SMILES" in answer.message
