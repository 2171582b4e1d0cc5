import json
import time

import numpy as np
import pytest

from scitrain.errors import CancelledError, ScitrainError
from scitrain.tuning import loop
from scitrain.tuning.crew import FOLDER, JOB, crew
from scitrain.tuning.loop import Searching
from scitrain.tuning.measuring import goals_of, reported
from scitrain.tuning.report import write_trials
from scitrain.tuning.sampling import make_pruner, make_sampler
from scitrain.tuning.search import search
from scitrain.tuning.storage import JOURNAL, open_study, quiet_optuna
from scitrain.tuning.trials import TrialRecord, front_of


def outcome(found):
    return [(t.parameters, t.values) for t in found.trials if t.state != "interrupted"]


@pytest.mark.parametrize("sampler", ["tpe", "cmaes", "random", "grid"])
def test_every_sampler_tries_as_many_variants_as_asked_and_the_same_ones_each_time(sampler, plan, learning, new_run):
    job = plan(sampler=sampler, n_trials=5)
    found = search(job, learning(), new_run())
    assert [t.state for t in found.trials] == ["complete"] * 5
    assert len({str(t.parameters) for t in found.trials}) == 5
    assert outcome(search(job, learning(), new_run())) == outcome(found)


def test_the_untuned_network_is_tried_first(plan, learning, run):
    job = plan(n_trials=2)
    found = search(job, learning(), run)
    assert found.trials[0].parameters == job.start
    assert found.untuned(job) == found.trials[0]


def test_the_best_is_the_one_with_the_lowest_error_on_validation_rows(plan, learning, run):
    found = search(plan(n_trials=5), learning(), run)
    assert found.best.values == min(t.values for t in found.trials)


def test_test_rows_have_no_part_in_a_search(plan, learning, new_run):
    job = plan()
    assert outcome(search(job, learning(test_label=1e6), new_run())) == outcome(search(job, learning(), new_run()))


def test_a_search_that_is_broken_off_goes_on_as_if_nothing_had_happened(plan, learning, new_run, monkeypatch):
    job, whole = plan(n_trials=5), new_run()
    unbroken = search(job, learning(), whole)
    run, attempts = new_run(), 0
    measure = loop.measure

    def killed(*arguments):
        nonlocal attempts
        attempts += 1
        if attempts == 3:
            raise CancelledError("stop")
        return measure(*arguments)

    monkeypatch.setattr(loop, "measure", killed)
    with pytest.raises(CancelledError):
        search(job, learning(), run)
    found = search(job, learning(), run)
    assert [t.state for t in found.trials] == [
        "complete",
        "complete",
        "interrupted",
        "complete",
        "complete",
        "complete",
    ]
    assert outcome(found)[:3] == outcome(unbroken)[:3]
    assert len({str(t.parameters) for t in found.trials}) == 5


def test_a_variant_that_is_interrupted_again_and_again_is_left_alone(plan, learning, run, monkeypatch):
    job = plan(n_trials=2, search={"dropout": [0.0, 0.1]}, sampler="grid")
    measure = loop.measure

    def deadly(job, work, values, *rest):
        if values["dropout"] == 0.1:
            raise CancelledError("killed for its memory")
        return measure(job, work, values, *rest)

    monkeypatch.setattr(loop, "measure", deadly)
    for _ in range(3):
        with pytest.raises(CancelledError):
            search(job, learning(), run)
    states = [
        t.state
        for t in search(plan(n_trials=1, search={"dropout": [0.0, 0.1]}, sampler="grid"), learning(), run).trials
    ]
    assert states.count("interrupted") == 3
    assert states.count("complete") == 1


def test_a_torn_last_line_of_the_journal_costs_nothing_that_ended(plan, learning, run):
    found = search(plan(n_trials=3), learning(), run)
    with (run.path / JOURNAL).open("ab") as file:
        file.write(b'{"op_code":6,"trial_id":2,"sta')
    again = search(plan(n_trials=4), learning(), run)
    assert outcome(again)[:3] == outcome(found)
    assert len(again.trials) == 4


def test_a_variant_that_cannot_be_trained_is_recorded_and_the_search_goes_on(plan, learning, run):
    job = plan(search={"widths": [[8], [0]], "dropout": None}, sampler="random", n_trials=6)
    found = search(job, learning(), run)
    failed = [t for t in found.trials if t.state == "failed"]
    assert 0 < len(failed) < 6
    assert all("must be positive" in t.error for t in failed)


def test_a_search_without_a_single_success_says_why(plan, learning, run):
    with pytest.raises(ScitrainError, match=r"not one variant could be trained .*must be positive"):
        search(plan(search={"widths": [[0]]}, n_trials=2), learning(), run)


def test_a_search_without_time_says_so(plan, learning, run):
    late = plan(n_trials=2).model_copy(update={"deadline": time.time() - 1})
    with pytest.raises(ScitrainError, match="give more time"):
        search(late, learning(), run)


def test_when_the_time_is_up_what_has_ended_counts(plan, learning, run, monkeypatch):
    looks = iter([False] * 7)
    monkeypatch.setattr(Searching, "late", lambda self: next(looks, True))
    found = search(plan(n_trials=9), learning(), run)
    assert [(t.state, t.epochs) for t in found.trials] == [("complete", 4), ("pruned", 2)]
    assert found.trials[1].error == "the time was up"


@pytest.mark.parametrize("pruner", ["median", "hyperband"])
def test_hopeless_variants_are_given_up_early(pruner, plan, learning, run):
    rates = {"learning_rate": [1e-5, 1e-1]}
    job = plan(search={**rates, "dropout": None}, pruner=pruner, n_trials=16, sampler="random")
    found = search(job.model_copy(update={"epochs": 9, "patience": 9}), learning(), run)
    pruned = [t for t in found.trials if t.state == "pruned"]
    assert pruned
    assert all(t.epochs < 9 and len(t.reported) == t.epochs and pruner in t.error for t in pruned)


def test_a_study_of_another_question_is_refused(plan, learning, run):
    search(plan(n_trials=1), learning(), run)
    with pytest.raises(ScitrainError, match="belongs to another search"):
        search(plan(n_trials=1, search=["weight_decay"]), learning(), run)
    with pytest.raises(ScitrainError, match="belongs to another search"):
        search(plan(n_trials=1, objective="error_and_parameters"), learning(), run)


def test_two_objectives_give_the_front_of_those_that_none_beats(plan, learning, run):
    job = plan(objective="error_and_parameters", search={"widths": [[4], [8], [32]], "dropout": None}, n_trials=8)
    found = search(job, learning(), run)
    assert all(t.values[1] == t.size for t in found.trials)
    for one in found.front:
        assert not any(
            all(a <= b for a, b in zip(t.values, one.values, strict=True)) and t.values != one.values
            for t in found.trials
        )
    assert found.best.number in {t.number for t in found.front}


def test_the_front_of_hand_made_trials():
    def trial(number, *values):
        return TrialRecord(
            number=number, state="complete", values=list(values), parameters={}, epochs=1, best_epoch=1, size=1, seconds=1,
            worker=0, reported=[], error=None,
        )  # fmt: skip

    found = front_of([trial(0, 1.0, 9.0), trial(1, 2.0, 2.0), trial(2, 2.5, 3.0), trial(3, 9.0, 1.0)])
    assert [t.number for t in found] == [0, 1, 3]


def test_latency_is_measured_in_milliseconds(plan, learning, run):
    found = search(plan(objective="error_and_latency", n_trials=1), learning(), run)
    assert 0.001 < found.best.values[1] < 1000


def test_classes_are_compared_by_their_log_loss(plan, learning, run):
    work = learning("binary")
    found = search(plan(work, n_trials=2), work, run)
    assert 0 < found.best.values[0] < 1


def test_the_error_is_in_the_unit_of_the_target_and_of_several_in_their_spreads(targets):
    assert goals_of("error", "regression", targets)[0].words() == "validation RMSE of y (eV)"
    assert goals_of("error", "regression", targets * 2)[0].unit == ""
    assert goals_of("error_and_latency", "binary", targets)[1].words() == "latency of one row (ms)"


def test_what_an_epoch_reports_is_of_the_kind_of_the_error(learning):
    row = {"val_loss": 0.25, "val_rmse": 7.0}
    one, classes = learning(), learning("binary")
    several = type(one)(**{**vars(one), "y": np.hstack([one.y, one.y])})
    assert [reported(row, w) for w in (one, several, classes)] == [7.0, 0.5, 0.25]


@pytest.mark.slow
def test_another_process_works_on_the_study_and_the_first_waits_for_it(plan, learning, run, monkeypatch):
    job = plan(n_trials=6, workers=2)
    monkeypatch.setattr(Searching, "work", lambda self: None)
    found = search(job, learning(), run)
    assert {t.worker for t in found.trials} == {1}
    assert [t.state for t in found.trials] == ["complete"] * 6


def test_what_is_written_names_space_best_and_every_trial(plan, learning, run):
    job = plan(n_trials=9)
    found = search(job, learning(), run)
    write_trials(run, job, found)
    said = json.loads((run.path / "results/optuna_trials.json").read_text())
    assert [t["number"] for t in said["trials"]] == list(range(9))
    assert said["best"] == found.best.number
    assert said["space"]["dropout"] == {"of": "model", "kind": "float", "high": 0.6}
    assert sum(said["importance"].values()) == pytest.approx(1)
    assert all(t["seconds"] > 0 and t["epochs"] == 4 for t in said["trials"])


def test_of_few_trials_no_importance_is_told(plan, learning, run):
    found = search(plan(n_trials=2), learning(), run)
    assert found.importance is None
    assert "at least 8 are needed" in found.why_no_importance


def test_progress_tells_trial_best_and_time_left(plan, learning, run):
    steps = []
    run.on_progress = steps.append
    search(plan(n_trials=3), learning(), run)
    assert steps[0].message == "trial 0/3"
    assert "best validation RMSE of y" in steps[-1].message
    assert "eV (trial " in steps[-1].message
    assert "left" in steps[-1].message
    assert (steps[-1].done, steps[-1].total) == (3, 3)


def test_each_trial_has_a_seed_of_its_own_that_nothing_but_its_number_decides(plan, run):
    job = plan(sampler="random")
    with quiet_optuna():
        study = open_study(job, run.path)
        drawn = []
        for number in (0, 1, 0):
            study.sampler = make_sampler(job, 0, number)
            drawn.append(job.space.suggest(study.ask()))
    assert drawn[0] == drawn[2] != drawn[1]


def test_the_pruner_of_two_objectives_is_none(plan):
    assert type(make_pruner(plan(objective="error_and_latency", pruner="auto"))).__name__ == "NopPruner"


@pytest.mark.slow
def test_processes_that_were_started_early_wait_for_their_work_and_leave_without_it(
    plan, learning, new_run, monkeypatch
):
    run = new_run()
    with crew(2, run) as hands:
        [idle] = hands.children
    assert idle.returncode is not None
    assert not (run.path / FOLDER / JOB).exists()
    monkeypatch.setattr(Searching, "work", lambda self: None)
    run, job = new_run(), plan(n_trials=3, workers=2)
    with crew(2, run) as hands:
        found = search(job, learning(), run, hands)
    assert [(t.worker, t.state) for t in found.trials] == [(1, "complete")] * 3
    assert not hands.busy


@pytest.mark.slow
def test_a_process_whose_parent_is_gone_before_it_begins_ends_by_itself(run):
    with crew(2, run) as hands:
        [child] = hands.children
        child.stdin.close()
        assert child.wait(60) == 0
