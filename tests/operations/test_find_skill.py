"""Phrasings that were written down before the manifest was fitted to any of them."""

import json
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from scitrain.contracts.operation import Operation
from scitrain.discovery import plugins
from scitrain.operations.find_skill import FindSkill, SkillAnswer
from scitrain.skills.manifest import manifests
from scitrain.workspace import Workspace

PHRASINGS = Path(__file__).with_name("find_skill_phrasings.json")
RUN = "train_model-20260101T120000-0a1b2c3d"
OTHER = "train_model-20260102T130000-4e5f6a7b"
ENGLISH = [
    ("build a solubility model from esol.csv and tell me how far to trust it", {"train", "trust"}),
    ("Train a neural network on data.csv", {"train"}),
    ("I have 800 molecules with melting points in mp.csv. Can you make something that predicts them?", {"train"}),
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
def test_a_request_for_another_skill_finds_that_one(ask, request_, skill):
    answer = ask(request_)
    assert (answer.skill, answer.installed) == (skill, True)
    assert answer.steps
    assert answer.message


@pytest.mark.parametrize("request_", NOTHING)
def test_what_no_skill_does_is_declined_with_what_there_is(ask, request_):
    answer = ask(request_)
    assert answer.skill is None
    assert answer.steps == []
    assert "SMILES" in answer.message


@pytest.mark.parametrize("said", json.loads(PHRASINGS.read_text(encoding="utf-8")), ids=lambda said: said["request"])
def test_more_phrasings_in_many_registers_find_their_way(place, said):
    answer = FindSkill(request=said["request"]).run(place)
    assert answer.skill == said["skill"]
    assert said["intent"] is None or said["intent"] in answer.intents


def test_at_least_half_of_the_phrasings_are_not_in_the_manifest():
    phrases = {p for one in manifests() for intent in one.intents for p in intent.triggers.phrases()}
    asked = [request for request, _ in ENGLISH + JAPANESE]
    assert len(ENGLISH) >= 30 <= len(JAPANESE)
    assert sum(request not in phrases for request in asked) * 2 >= len(asked)


def test_the_worked_example_fills_in_the_file_and_the_column(ask):
    answer = ask("build a solubility model from esol.csv and tell me how far to trust it")
    data = {"data": "esol.csv", "target": "logSolubility"}
    assert [step.tool for step in answer.steps] == ["inspect_dataset", "train_model", "get_run", "evaluate_model"]
    assert steps(answer) == {
        "inspect_dataset": data,
        "train_model": data,
        "get_run": {"wait_s": 45},
        "evaluate_model": {},
    }
    assert answer.steps[2].needed == {"run_id": "run_id that train_model answers"}
    assert answer.language == "en"


def test_the_same_in_japanese_is_answered_in_japanese(ask):
    answer = ask("esol.csv から溶解度を予測するモデルを作って、どこまで信頼できるか教えて")
    assert answer.language == "ja"
    assert steps(answer)["train_model"] == {"data": "esol.csv", "target": "logSolubility"}
    assert "学習" in answer.message
    assert answer.steps[2].needed == {"run_id": "train_model が返す run_id"}


@pytest.mark.parametrize(
    ("request_", "arguments"),
    [
        ("train an MLP on data.csv for 50 epochs", {"model": {"family": "mlp"}, "epochs": 50}),
        (
            "train a GRU on data.csv with seed 7, batch size 64",
            {"model": {"family": "rnn", "cell": "gru"}, "seed": 7, "batch_size": 64},
        ),
        (
            "train resnet50 on images/ within 2 hours",
            {"data": "images/", "model": {"family": "timm", "name": "resnet50"}, "max_minutes": 120},
        ),
        ("train on data.csv, target column yield_MPa, unit MPa", {"target": "yield_MPa", "unit": "MPa"}),
        ("train on data.csv with 95% prediction intervals and an ensemble of 10", {"coverage": 0.95, "ensemble": 10}),
        (
            "train on lipo.csv with a scaffold split and learning rate 3e-4",
            {"split": {"kind": "scaffold"}, "learning_rate": 3e-4},
        ),
        ("5-fold cross validation of a model on data.csv", {"split": {"kind": "kfold", "folds": 5}}),
        ("train a classifier on the built-in digits", {"data": "builtin:digits"}),
        ("train a model on builtin:diabetes", {"data": "builtin:diabetes"}),
        ('train a model on "my data.csv"', {"data": "my data.csv"}),
        ("data.csv の yield_MPa を目的変数にしてモデルを学習、100エポック", {"target": "yield_MPa", "epochs": 100}),
        (
            "data.csv でモデルを学習。10分以内、シード 7、学習率 0.001",
            {"max_minutes": 10, "seed": 7, "learning_rate": 0.001},
        ),
        ("ＣＮＮで images フォルダの画像分類", {"model": {"family": "cnn"}, "data": "images"}),
        (
            "層化分割で data.csv を二値分類、アンサンブル 5",
            {"split": {"kind": "stratified"}, "task": "binary", "ensemble": 5},
        ),
        ("predict Band_Gap from two.csv", {"target": "band gap (eV)"}),
        ("two.csv でバンドギャップの回帰モデルを作って", {"target": "band gap (eV)", "task": "regression"}),
    ],
)
def test_what_the_request_names_is_filled_in(ask, request_, arguments):
    told = steps(ask(request_))["train_model"]
    assert {name: told.get(name) for name in arguments} == arguments


@pytest.mark.parametrize(
    ("request_", "tool", "arguments"),
    [
        (f"predict CCO and c1ccccc1O with {RUN}", "predict", {"run": RUN, "inputs": ["CCO", "c1ccccc1O"]}),
        (f"{RUN} で Fe2O3 と NaCl を予測して", "predict", {"run": RUN, "inputs": ["Fe2O3", "NaCl"]}),
        (
            f"predict new.csv with {RUN} and save to out.parquet",
            "predict",
            {"run": RUN, "data": "new.csv", "output": "out.parquet"},
        ),
        (f"{RUN} で new.csv を予測し out.csv に保存", "predict", {"run": RUN, "data": "new.csv", "output": "out.csv"}),
        (f"evaluate {RUN} on holdout.csv", "evaluate_model", {"run": RUN, "data": "holdout.csv"}),
        (f"export {RUN} as TorchScript and ONNX", "export_model", {"run": RUN, "formats": ["torchscript", "onnx"]}),
        (f"{RUN} を ONNX に変換", "export_model", {"run": RUN, "formats": ["onnx"]}),
        (f"compare {RUN} with {OTHER}", "compare_runs", {"runs": [RUN, OTHER]}),
        (f"stop {RUN}", "cancel_run", {"run_id": RUN}),
        (f"resume {RUN}", "resume_run", {"run_id": RUN}),
        (f"status of {RUN}", "get_run", {"run_id": RUN, "wait_s": 45}),
        ("list the failed runs", "list_runs", {"status": "failed"}),
        ("what options does the resnet model family have?", "list_models", {"family": "resnet"}),
        ("predict CCO with my trained model", "list_runs", {"operation": "train_model", "status": "completed"}),
        ("stop the training", "list_runs", {"status": "running"}),
    ],
)
def test_a_request_about_a_run_names_it_as_the_tool_does(ask, request_, tool, arguments):
    assert steps(ask(request_))[tool] == arguments


def test_train_and_predict_take_a_file_each(ask):
    told = steps(
        ask("train a model on esol.csv, then predict the compounds of new.csv and write the predictions to out.csv")
    )
    assert told["train_model"]["data"] == "esol.csv"
    assert told["predict"] == {"data": "new.csv", "output": "out.csv"}


def test_every_step_is_valid_once_what_is_needed_is_filled_in(ask):
    known = {cls.name(): cls for cls in plugins(Operation)}
    fill = {
        "data": "esol.csv",
        "run": RUN,
        "run_id": RUN,
        "runs": [RUN, OTHER],
        "inputs": ["CCO"],
        "source": "resnet18",
        "candidates": ["CCO"],
        "predictors": [RUN],
        "targets": {"logp": 2.0},
        "labels": ["yes", "no"],
    } | {"conditions": {"logp": 2.0}, "train_generator.conditions": ["logp"]}
    for request, _ in [*ENGLISH, *JAPANESE, *ELSEWHERE]:
        for step in ask(request).steps:
            own = {name: fill.get(f"{step.tool}.{name}", fill[name]) for name in step.needed}
            known[step.tool].model_validate({**step.arguments, **own})


def test_what_a_tool_would_refuse_is_left_out_and_said(ask):
    answer = ask("train a model on data.csv with 10% prediction intervals")
    assert "coverage" not in steps(answer)["train_model"]
    assert any("coverage" in note for note in answer.notes)


def test_the_target_is_asked_for_where_no_column_fits(ask):
    answer = ask("train a model of viscosity on esol.csv")
    assert "target" not in steps(answer)["train_model"]
    assert any("which column" in question for question in answer.ask)


def test_a_file_that_may_not_be_read_is_not_looked_into(ask, tmp_path):
    outside = tmp_path / "secret.csv"
    outside.write_text("smiles,logSolubility\n")
    assert steps(ask(f"build a solubility model from {outside}"))["train_model"] == {"data": str(outside)}


@pytest.mark.parametrize(
    ("request_", "data"),
    [
        ("train on the images of a folder of micrographs", None),
        ("train from directory data/imgs", "data/imgs"),
        ("画像フォルダ sem_images で分類器を学習させて", "sem_images"),
        ("画像フォルダ CNN で学習して", None),
    ],
)
def test_a_folder_is_what_is_named_so_and_no_little_word_beside_it(ask, request_, data):
    assert steps(ask(request_))["train_model"].get("data") == data


def test_the_language_can_be_asked_for(ask):
    assert ask("train a model on esol.csv, answer in Japanese please").language == "ja"
    assert ask("esol.csv でモデルを学習して、英語で答えて").language == "en"


@pytest.mark.parametrize("request_", ["", "   ", "\x00", "?" * 2000, "a" * 20_000, "学習" * 5_000, "(" * 500, "🙂"])
def test_odd_requests_are_answered(ask, request_):
    answer = ask(request_)
    json.dumps(answer.model_dump(mode="json"), allow_nan=False)
    assert answer.summary()


def test_wide_letters_half_kana_and_case_make_no_difference(ask):
    plain = ask("ESOL.CSV でモデルをトレーニングして、ONNX に変換")
    wide = ask(unicodedata.normalize("NFKC", "ＥＳＯＬ．ＣＳＶ でモデルをﾄﾚｰﾆﾝｸﾞして、ＯＮＮＸ に変換"))
    assert [step.tool for step in plain.steps] == [step.tool for step in wide.steps]
    assert ask("TRAIN A MODEL ON DATA.CSV").intents == ask("train a model on data.csv").intents


@pytest.mark.parametrize(
    "request_", ["trian a classifer on data.csv", "build a clasifier from data.csv", "evalute my model's calibraton"]
)
def test_slips_of_the_keyboard_are_understood(ask, request_):
    assert ask(request_).skill == "deep-learning"


def test_the_same_request_gives_the_same_answer(ask):
    request = "build a solubility model from esol.csv and tell me how far to trust it"
    assert ask(request) == ask(request)


def test_an_installed_neighbour_takes_over(ask, tmp_path, monkeypatch):
    from scitrain.skills import answering

    folder = tmp_path / "skills"
    (folder / "transfer-learning").mkdir(parents=True)
    (folder / "transfer-learning" / "manifest.yaml").write_text(
        "name: transfer-learning\ntitle: {en: t, ja: t}\nabout: {en: fine-tune, ja: 転移}\nsubjects: {en: [model]}\n"
        "phases: [{name: all, title: {en: a, ja: a}, tools: [train_model]}]\n"
        "intents: [{name: finetune, does: {en: f, ja: f}, tools: [train_model], triggers: {en: [fine-tune], ja: [Fine-tune]}}]\n"
    )
    both = (*manifests(), *manifests(folder))
    monkeypatch.setattr(answering, "manifests", lambda: both)
    for request in ("Transformer を Fine-tune して", "fine-tune a pretrained model on data.csv"):
        answer = ask(request)
        assert (answer.skill, answer.installed, answer.intents) == ("transfer-learning", True, ["finetune"])
    assert ask("train a model on data.csv").skill == "deep-learning"


def test_without_skills_it_says_so(ask, monkeypatch):
    from scitrain.skills import answering

    monkeypatch.setattr(answering, "manifests", lambda: ())
    assert "No skill is installed" in ask("train a model").message


def test_it_loads_no_heavy_package():
    code = (
        "import sys\n"
        "from scitrain.operations.find_skill import FindSkill\n"
        "FindSkill(request='build a solubility model from esol.csv').run()\n"
        "print(sorted({'torch', 'rdkit', 'pandas', 'pyarrow', 'sklearn', 'scipy', 'matplotlib', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
