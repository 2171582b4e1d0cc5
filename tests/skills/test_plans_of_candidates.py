"""What a request wants of candidates is in the plan: conditions, families, goals, the generator and the predictor there are."""

import pytest

from scitrain.chem.calculated import CALCULATED, OF_COMPOSITIONS
from scitrain.generation.describe import units
from scitrain.operations.find_skill import FindSkill
from scitrain.skills.manifest import manifests

MODEL, GENERATOR = "train_model-20260101T120000-0a1b2c3d", "train_generator-20260101T120000-0a1b2c3d"


@pytest.fixture
def plan(workspace):
    (workspace.root / "gaps.csv").write_text("formula,gap\nGaAs,1.4\nGaN,3.4\n")
    (workspace.root / "molecules.csv").write_text("smiles\nCCO\nCCN\n")

    def ask(request):
        return {step.tool: step for step in FindSkill(request=request).run(workspace).steps}

    return ask


CONDITIONED = [
    ("Generate 100 molecules with logP around 2.5 from molecules.csv", {"logp": 2.5}),
    ("logP 3 くらいの分子を molecules.csv から100個生成", {"logp": 3}),
    ("generate 50 molecules with logP between 1 and 3 from mols.csv", {"logp": {"min": 1, "max": 3}}),
    ("TPSA が 60 から 90 の新しい分子を mols.csv から生成したい", {"tpsa": {"min": 60, "max": 90}}),
    ("logP が 1 以上 3 以下の分子を mols.csv から生成して", {"logp": {"min": 1, "max": 3}}),
    ("generate molecules with a molecular weight of 300 and 3 rings from mols.csv", {"mol_weight": 300, "rings": 3}),
    ("分子量 300 前後の分子を mols.csv から 20 個生成", {"mol_weight": 300}),
    ("generate charge-neutral compositions with 3 elements from f.csv", {"balanced": 1, "elements": 3}),
    ("電荷中性で元素数 3 の組成を f.csv から生成", {"balanced": 1, "elements": 3}),
    ("generate formulas with a gap near 2 eV from gaps.csv", {"gap": 2}),
    ("generate molecules with logP 2 ± 0.5 from mols.csv", {"logp": {"value": 2, "tolerance": 0.5}}),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "conditions"), CONDITIONED)
def test_a_generator_is_taught_what_its_draws_are_asked_for(plan, request_, conditions):
    steps = plan(request_)
    assert steps["train_generator"].arguments["conditions"] == list(conditions)
    assert steps["generate_candidates"].arguments["conditions"] == conditions
    assert steps["train_generator"].arguments["data"].endswith(".csv")


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        ("Generate molecules with QED above 0.8 from mols.csv", ["qed"]),
        ("QED が 0.8 以上の分子を mols.csv から生成して", ["qed"]),
        ("train a generator on mols.csv conditioned on logP and QED", ["logp", "qed"]),
        ("logP と QED を条件にした生成モデルを mols.csv で学習して", ["logp", "qed"]),
    ],
)
def test_what_a_generator_cannot_be_told_is_asked_for_and_taught_all_the_same(plan, request_, named):
    steps = plan(request_)
    assert steps["train_generator"].arguments["conditions"] == named
    assert "conditions" not in steps["generate_candidates"].arguments
    assert named[0] in steps["generate_candidates"].needed["conditions"]


def test_a_property_whose_column_is_not_known_is_needed_and_said(plan):
    steps = plan("generate formulas with a band gap near 2 eV from unknown.csv")
    assert "band gap: 2" in steps["train_generator"].needed["conditions"]


def test_a_number_of_candidates_is_no_value_of_a_property(plan):
    assert "conditions" not in plan("generate 100 molecules from molecules.csv")["train_generator"].arguments
    assert plan("sample 10,000 SMILES from my generator")["generate_candidates"].arguments == {"n": 10_000}


@pytest.mark.parametrize(
    ("request_", "family"),
    [
        ("diffusion model of compositions from formulas.csv", "composition_diffusion"),
        ("拡散モデルで組成を生成して", "composition_diffusion"),
        ("拡散モデルで新しい材料を生成して gaps.csv", "composition_diffusion"),
        ("train a diffusion model on molecules.csv to generate new structures", "molecule_diffusion"),
        ("分子の拡散モデルを学習して", "molecule_diffusion"),
        ("SELFIES で分子を生成したい", "selfies_gpt"),
        ("SELFIES GPT を学習", "selfies_gpt"),
        ("generate molecules as SELFIES from molecules.csv", "selfies_gpt"),
        ("train a GPT on compositions in gaps.csv", "matgpt"),
        ("MatGPT を gaps.csv で学習して", "matgpt"),
    ],
)
def test_the_family_that_is_said_is_trained(plan, request_, family):
    steps = plan(request_)
    assert steps["train_generator"].arguments["family"] == family
    assert "tokenize_materials" not in steps


def test_a_diffusion_of_nobody_knows_what_is_asked_for(plan):
    assert (
        "molecule_diffusion"
        in plan("train a diffusion model as generator on x.csv")["train_generator"].needed["family"]
    )


@pytest.mark.parametrize(
    "request_",
    [
        "Design new materials with a gap near 2 eV from gaps.csv, using my generator",
        "学習済みの生成モデルを使って、gaps.csv からバンドギャップ 2 eV の材料を設計して",
    ],
)
def test_a_search_draws_from_the_generator_there_is_and_predicts_with_the_model_of_its_own_plan(plan, request_):
    steps = plan(request_)
    assert list(steps) == ["list_runs", "inspect_dataset", "train_model", "get_run", "design_materials"]
    assert steps["list_runs"].arguments == {"operation": "train_generator", "status": "completed"}
    assert steps["design_materials"].arguments == {"data": "gaps.csv", "targets": {"gap": 2}}
    assert "train_model" in steps["design_materials"].needed["predictors"]
    assert "train_generator" in steps["design_materials"].needed["generator"]


def test_a_search_takes_the_runs_that_are_named(plan):
    steps = plan(f"design materials with high QED using {MODEL} and {GENERATOR}")
    assert list(steps) == ["design_materials"]
    assert steps["design_materials"].arguments == {
        "targets": {"qed": "maximize"}, "predictors": [MODEL], "generator": GENERATOR,
    }  # fmt: skip
    assert (
        plan("design molecules with high solubility using my model")["list_runs"].arguments["operation"]
        == "train_model"
    )


@pytest.mark.parametrize(
    ("request_", "targets"),
    [
        ("optimize a molecule for high QED and low logP", {"qed": "maximize", "logp": "minimize"}),
        ("QED が高く logP が低い分子に最適化して", {"qed": "maximize", "logp": "minimize"}),
        ("maximise QED while keeping the SA score below 3: optimise compounds", {"qed": "maximize", "sa": {"max": 3}}),
    ],
)
def test_what_is_computed_needs_no_model_but_known_materials(plan, request_, targets):
    steps = plan(request_)
    assert "train_model" not in steps
    assert steps["design_materials"].arguments == {"targets": targets}
    assert "data" in steps["design_materials"].needed


@pytest.mark.parametrize(
    "request_",
    [
        "Pareto front of solubility and logP for new molecules",
        "溶解度と logP のパレート最適な分子を探して",
        "鉛フリーペロブスカイトの候補を探索したい",
        "Find a lead-free perovskite with a band gap of 1.4 eV",
        "新しい電解質材料を提案して",
        "新しい触媒を提案してください",
        "propose 10 new electrolyte materials",
        "目標物性を満たす候補分子を多目的最適化で探して",
        "search for alloys with a high hardness",
    ],
)
def test_a_search_for_materials_is_a_design(plan, request_):
    steps = plan(request_)
    assert list(steps)[-1] == "design_materials"
    assert "train_generator" not in steps
    assert "n" not in steps["design_materials"].arguments
    assert ("鉛" in request_ or "lead" in request_) == (steps["design_materials"].arguments.get("forbid") == ["Pb"])


@pytest.mark.parametrize(
    ("request_", "drawn"),
    [
        ("sample 10,000 SMILES with top-p 0.9 and temperature 0.8", {"temperature": 0.8, "top_p": 0.9, "n": 10_000}),
        ("サンプリング温度 0.8、top-p 0.9 で SMILES を 10,000 個生成", {"temperature": 0.8, "top_p": 0.9, "n": 10_000}),
        ("draw 1,000 compositions with temperature 0.7", {"temperature": 0.7, "n": 1000}),
    ],
)
def test_draws_take_their_settings_from_the_request(plan, request_, drawn):
    steps = plan(request_)
    assert list(steps) == ["list_runs", "generate_candidates", "evaluate_candidates"]
    assert steps["generate_candidates"].arguments == drawn


@pytest.mark.parametrize(
    "request_", ["生成した分子の多様性と QED を調べて", "How diverse and drug-like are the generated molecules?"]
)
def test_what_was_generated_is_judged_and_said_where_it_comes_from(plan, request_):
    steps = plan(request_)
    assert list(steps) == ["evaluate_candidates"]
    assert "generate_candidates" in steps["evaluate_candidates"].needed["candidates"]


@pytest.mark.parametrize(
    ("request_", "tool"),
    [
        ("Pareto front of accuracy and model size on mols.csv", "tune_hyperparameters"),
        ("tune the hyperparameters of my molecule model, Pareto front of error and latency", "tune_hyperparameters"),
        ("分子データのハイパーパラメータを探索して", "tune_hyperparameters"),
        ("分子のモデルを最適化して", "tune_hyperparameters"),
        ("predict logP for new molecules in new.csv", "train_model"),
        ("分子の表 mols.csv の logP を予測するモデルを学習", "train_model"),
        ("find duplicates in the molecules of mols.csv", "inspect_dataset"),
        ("分子の表 mols.csv から重複を探して", "inspect_dataset"),
        ("材料データの異常値を見つけて mat.csv", "inspect_dataset"),
        ("次に測定すべき材料を提案して", "predict"),
        ("screen compounds in library.csv with my model and find compounds with high solubility", "predict"),
    ],
)
def test_models_of_molecules_are_not_taken_for_searches_of_molecules(plan, request_, tool):
    steps = plan(request_)
    assert tool in steps
    assert not {"design_materials", "train_generator", "generate_candidates"} & set(steps)


def test_each_property_is_one_that_the_tools_compute_and_those_told_one_that_a_generator_heeds():
    [manifest] = [one for one in manifests() if one.name == "materials-transformers"]
    heeded = {*CALCULATED, *OF_COMPOSITIONS}
    assert set(manifest.computed) <= {*units("smiles"), *units("formula")}
    assert {name for name, one in manifest.computed.items() if one.told} == heeded
