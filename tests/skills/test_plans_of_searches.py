from scitrain.operations.find_skill import FindSkill


def ask(workspace, request):
    (workspace.root / "esol.csv").write_text("smiles,logS\nCCO,1\nCCN,2\n")
    return FindSkill(request=request).run(workspace)


def test_a_search_is_planned_with_its_arguments_and_its_best_run_goes_on(workspace):
    answer = ask(
        workspace, "tune hyperparameters on esol.csv, 60 trials, grid search, then export the best model to ONNX"
    )
    steps = {step.tool: step for step in answer.steps}
    assert "train_model" not in steps
    assert steps["tune_hyperparameters"].arguments["n_trials"] == 60
    assert steps["tune_hyperparameters"].arguments["sampler"] == "grid"
    assert "best_run" in steps["export_model"].needed["run"]
    assert "run_id" in steps["get_run"].needed["run_id"]


def test_a_search_is_found_in_japanese_too(workspace):
    answer = ask(workspace, "esol.csv でハイパーパラメータ最適化を 30 回試行してほしい")
    step = next(step for step in answer.steps if step.tool == "tune_hyperparameters")
    assert step.arguments["n_trials"] == 30
