from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from scitrain.render import limits
from scitrain.runs import Run

Change = Callable[[dict[str, Any]], None]


def coverage_of_half(content: dict[str, Any]) -> None:
    for row in content["metrics"]:
        if row["name"] == "coverage":
            row.update(value=0.5, low=0.4, high=0.6)


def verdict(outcome: str) -> Change:
    return lambda content: content["verdict"].update(outcome=outcome)


def domain(inside: float, outside: float, n_outside: int) -> Change:
    return lambda content: content["domain"].update(inside=inside, outside=outside, n_inside=60, n_outside=n_outside)


def without(*names: str) -> Change:
    return lambda content: content.update(dict.fromkeys(names))


@pytest.fixture(scope="module")
def base(fabricated: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run: Run = fabricated.fabricate("regression", tmp_path_factory.mktemp("limits"), n=120)
    return run


def changed(base: Run, name: str, change: Change) -> str:
    """Return the limits of the run with one artifact changed, and put it back."""
    path = base.path / name
    before = path.read_text(encoding="utf-8")
    content = base.read_json(name)
    change(content)
    try:
        base.write_json(name, content)
        return "\n".join(limits(base))
    finally:
        path.write_text(before, encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (coverage_of_half, "asked to hold the truth in 90 % of cases held it in 50 %"),
        (verdict("does_not_beat"), "is worse than a simple model"),
        (verdict("cannot_tell"), "could not be shown to be better"),
        (without("verdict"), "no comparison with simple models"),
        (without("conformal"), "no validation rows to calibrate"),
        (without("domain"), "No training domain was learned"),
        (domain(0.5, 1.5, 30), "33.3 % of the test rows lie outside"),
        (domain(0.5, 1.5, 10), "Outside the training domain the RMSE is 1.50"),
        (lambda content: [row.update(n=12) for row in content["metrics"]], "The test split has 12 labelled rows"),
        (lambda content: content["targets"][0].update(unit=None), "The unit of logSolubility was not stated"),
    ],
)
def test_what_the_metrics_imply_is_said(base: Run, change: Change, said: str) -> None:
    assert said in changed(base, "results/metrics.json", change)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda content: content["split"].update(kind="random"), "A scaffold split measures that"),
        (lambda content: content["split"].update(train=80), "80 training rows are few"),
        (lambda content: content["split"].update(val=20), "The validation split has 20 rows"),
        (lambda content: content.update(rows_read=2000, rows_kept=1000), "1,000 of 2,000 rows of the source (50 %)"),
        (
            lambda content: content.update(warnings=[f"warning {i}" for i in range(9)]),
            "3 more warnings are in results/data.json",
        ),
    ],
)
def test_what_the_data_implies_is_said(base: Run, change: Change, said: str) -> None:
    assert said in changed(base, "results/data.json", change)


def test_a_model_that_beats_its_baselines_has_no_such_limit(base: Run) -> None:
    said = changed(base, "results/metrics.json", verdict("beats"))
    assert "simple model" not in said


def test_a_few_rows_outside_the_domain_are_not_compared_with_those_inside(base: Run) -> None:
    assert "Outside the training domain" not in changed(base, "results/metrics.json", domain(0.5, 1.5, 9))


def test_limits_of_a_run_without_metrics_say_what_is_missing(base: Run, tmp_path: Path) -> None:
    from scitrain.errors import RunStateError
    from scitrain.workspace import Workspace

    with pytest.raises(RunStateError, match=r"metrics\.json"):
        limits(Run.create("train_model", {}, Workspace(tmp_path)))
