from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text
from PIL import Image
from pydantic import JsonValue

from scitrain.evaluation.calibration import CoveragePoint, ReliabilityPoint
from scitrain.evaluation.report import Calibration
from scitrain.figures import _style
from scitrain.figures._style import MISSING, axis_name, legible, legible_names
from scitrain.figures.calibration import calibration
from scitrain.figures.comparison import Compared, comparison, differences
from scitrain.figures.confusion_matrix import confusion_matrix, counted, most_confused
from scitrain.figures.distribution import distribution
from scitrain.figures.learning_curve import learning_curve
from scitrain.figures.panels import ClassTarget, NumericTarget
from scitrain.figures.parity import parity
from scitrain.figures.residuals import residuals, running_quantiles
from scitrain.figures.roc_pr import roc_pr
from scitrain.figures.save import save

RNG = np.random.default_rng(0)
Y = RNG.normal(size=60)
NUMERIC = NumericTarget("log S", "mol/L", Y, Y + 0.3, Y - 1, Y + 1, Y > -1.5, "RMSE 0.3 [0.2, 0.4] mol/L", 0.9)
CLASSED = ClassTarget(
    "active",
    ("no", "yes"),
    (Y > 0).astype(int),
    np.stack([1 / (1 + np.exp(Y)), 1 / (1 + np.exp(-Y))], 1),
    "score 1",
    "0.9",
    "0.8",
)
LOG: dict[str, JsonValue] = {
    "epochs": [
        {"epoch": i, "train_loss": 10.0 / i**3, "val_loss": 12.0 / i**3, "learning_rate": 1e-3} for i in range(1, 9)
    ],
    "best_epoch": 7,
    "best_epochs": [6, 7],
    "members": 2,
    "parameters": 12345,
    "stopped": "no better for 3 epochs",
}


def words(figure: Figure) -> str:
    """Draw the figure and return all its text."""
    figure.savefig(BytesIO(), format="png")
    return "\n".join(text.get_text() for text in figure.findobj(Text) if isinstance(text, Text))


def many(n: int) -> list[NumericTarget]:
    return [
        replace(NUMERIC, name=f"target {i}", y=Y[: 50 + i], prediction=Y[: 50 + i], low=None, high=None, inside=None)
        for i in range(n)
    ]


def test_parity_shows_n_score_units_intervals_and_domain() -> None:
    said = words(parity([NUMERIC]))
    for word in (
        "n = 60 test rows",
        "RMSE 0.3 [0.2, 0.4] mol/L",
        "measured log S (mol/L)",
        "90 % interval",
        "outside it",
        "predicted = measured",
    ):
        assert word in said


def test_a_unit_that_the_column_name_holds_is_not_said_twice() -> None:
    assert axis_name("band gap (eV)", "eV", prefix="measured") == "measured band gap (eV)"
    assert axis_name("hardness [MPa]", "MPa") == "hardness [MPa]"
    assert axis_name("gap (eV)", "meV") == "gap (eV) (meV)"


def test_parity_without_intervals_or_domain_is_drawn() -> None:
    said = words(parity([replace(NUMERIC, low=None, high=None, inside=None, unit=None)]))
    assert "interval" not in said
    assert "domain" not in said


def test_parity_of_equal_values_and_missing_ends_is_drawn() -> None:
    words(
        parity(
            [replace(NUMERIC, y=np.ones(60), prediction=np.ones(60), low=np.full(60, np.nan), high=np.full(60, np.nan))]
        )
    )


def test_of_many_targets_six_are_drawn_and_the_cut_is_said() -> None:
    for draw in (parity, residuals):
        said = words(draw(many(8)))
        assert "6 of 8 targets are drawn" in said
        assert "target 0" not in said
        assert "target 7" in said


def test_of_many_rows_a_sample_is_drawn_and_said() -> None:
    y = RNG.normal(size=10_000)
    large = NumericTarget("x", None, y, y + 0.1, y - 1, y + 1)
    assert "3,000 rows chosen at random are drawn" in words(parity([large]))
    assert "3,000 rows chosen at random are drawn" in words(residuals([large]))


def test_residuals_show_their_mean_and_running_spread() -> None:
    said = words(residuals([NUMERIC]))
    assert "mean residual 0.30 mol/L" in said
    assert "running middle 68 %" in said


def test_running_quantiles_of_a_line_follow_it() -> None:
    x = np.arange(100.0)
    middle, low, median, high = running_quantiles(x, 2 * x)
    np.testing.assert_allclose(median, 2 * middle)
    assert (low < median).all()
    assert (median < high).all()


def test_counts_of_classes_are_those_counted_by_hand() -> None:
    assert counted(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 0]), 3).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]


def test_the_most_confused_classes_keep_their_order() -> None:
    table = np.diag([9, 9, 9, 9])
    table[3, 1] = 5
    assert most_confused(table, 2).tolist() == [1, 3]


def test_a_confusion_matrix_of_many_classes_says_its_cut() -> None:
    classes = tuple(f"class number {i} of the very long list" for i in range(40))
    y = RNG.integers(0, 40, 500)
    target = ClassTarget("group", classes, y, np.eye(40)[RNG.permutation(y)])
    assert "30 of 40 classes are drawn, those most often confused" in words(confusion_matrix([target]))


@pytest.mark.parametrize(
    "names", [("stable", "unstable at room temperature", "so so"), ("a" * 20, "b" * 20), ("p", "n")]
)
def test_no_class_name_of_a_confusion_matrix_covers_its_neighbour(names: tuple[str, ...]) -> None:
    y = RNG.integers(0, len(names), 60)
    figure = confusion_matrix([ClassTarget("group", names, y, np.eye(len(names))[y])])
    figure.savefig(BytesIO(), format="png")
    boxes = [label.get_window_extent() for label in figure.axes[0].get_xticklabels()]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


def test_roc_and_precision_recall_show_areas_and_base_rate() -> None:
    said = words(roc_pr([CLASSED]))
    base = f"base rate {np.mean(Y > 0):.3f}"
    for word in ("AUROC 0.9", "AUPRC 0.8", "yes: AUROC 1.000, AUPRC 1.000", base):
        assert word in said


def test_targets_of_one_class_have_no_curve_and_that_is_said() -> None:
    flat = replace(CLASSED, name="flat", y=np.zeros(60, int))
    assert "1 of 3 targets have rows of one class only" in words(roc_pr([CLASSED, flat, replace(CLASSED, name="b")]))


def test_each_of_several_classes_is_ranked_against_the_rest() -> None:
    y = RNG.integers(0, 3, 60)
    said = words(roc_pr([ClassTarget("kind", ("a", "b", "c"), y, np.eye(3)[y] * 0.7 + 0.1, auroc="1.0")]))
    assert "each class against the rest" in said
    assert "mean AUROC 1.0" in said


def test_calibration_of_classes_shows_intervals_and_histogram() -> None:
    points = tuple(
        ReliabilityPoint(confidence=p, frequency=p, low=p / 2, high=(1 + p) / 2, n=20) for p in (0.1, 0.5, 0.9)
    )
    said = words(
        calibration(
            [Calibration(target="active", reliability=points)], {"active": RNG.random(60)}, {"active": "ECE 0.02"}
        )
    )
    for word in ("ECE 0.02", "n = 60", "observed, 95 % interval", "rows"):
        assert word in said


def test_calibration_of_numbers_shows_raw_and_conformal_coverage() -> None:
    points = tuple(CoveragePoint(nominal=p, observed=None if p > 0.8 else p) for p in (0.1, 0.5, 0.9))
    curves = [Calibration(target=name, raw=points, conformal=points) for name in "abcdefg"]
    said = words(calibration(curves, dict.fromkeys("abcdefg", Y)))
    assert "raw spread, as a Gaussian" in said
    assert "6 of 7 targets are drawn" in said


def test_the_learning_curve_marks_the_best_epoch_and_says_why_it_ended() -> None:
    said = words(learning_curve(LOG))
    for word in (
        "best epoch 7 of 8",
        "best epoch (7)",
        "stopped: no better for 3 epochs",
        "12,345 parameters",
        "learning\nrate",
    ):
        assert word in said


def test_a_learning_curve_of_one_epoch_without_validation_is_drawn() -> None:
    said = words(learning_curve({"epochs": [{"epoch": 1, "train_loss": 1.0, "val_loss": None, "learning_rate": 0.1}]}))
    assert "training" in said
    assert "validation" not in said


def test_the_best_run_is_at_the_top_and_one_without_a_value_says_why() -> None:
    entries = [
        Compared("worse", 2.0, 1.5, 2.5),
        Compared("best", 1.0, 0.5, 1.5),
        Compared("none", None, reason="one class only"),
    ]
    figure = comparison(entries, "RMSE", "eV", higher_is_better=False)
    said = words(figure)
    assert said.index("best") < said.index("worse")
    assert "– one class only" in said
    assert "RMSE (eV), lower is better" in said


def test_differences_stand_beside_the_line_of_none_and_name_the_best_run() -> None:
    figure = differences(
        [Compared("a", 0.2, 0.1, 0.3, emphasis=True), Compared("b", 0.0, -0.1, 0.1)], "RMSE", "eV", "c"
    )
    said = words(figure)
    assert "best: c" in said
    assert "improvement in RMSE (eV)" in said
    assert any(list(line.get_xdata()) == [0, 0] for line in figure.axes[0].lines)


def test_runs_without_any_value_are_compared_without_failing() -> None:
    words(comparison([Compared("a", None, reason="x"), Compared("b", None)], "AUROC"))


def test_distributions_of_numbers_and_classes_name_each_split() -> None:
    numbers = words(distribution({"train": np.append(Y, np.nan), "test": Y[:9]}, "log S", "mol/L"))
    assert "train (n = 60)" in numbers
    assert "test (n = 9)" in numbers
    classes = words(distribution({"train": RNG.integers(0, 40, 300)}, "kind", classes=[f"c{i}" for i in range(40)]))
    assert "30 of 40 classes are drawn" in classes


@pytest.mark.parametrize("name", ["$a_b$ 100 $", "毒性ありなし", "x" * 300, "a\nb\tc", "한국어 العربية 🙂", r"\alpha$"])
def test_any_name_can_be_drawn_without_a_warning(name: str) -> None:
    words(parity([replace(NUMERIC, name=name, unit=name)]))
    words(confusion_matrix([replace(CLASSED, name=name, classes=(name, name + "2"))]))
    words(roc_pr([replace(CLASSED, name=name, classes=(name, name + "2"))]))
    words(comparison([Compared(name, 1.0, 0.5, 1.5), Compared("b", 1.2)], name))
    words(differences([Compared(name, 1.0, 0.5, 1.5)], name, name, name))


def test_characters_without_a_font_are_marked_and_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_style, "_shown", str.isascii)
    assert legible("毒性 x") == f"{MISSING} x"
    assert legible_names(["毒性", "溶解度", "yes"], 10) == [f"{MISSING} 1", f"{MISSING} 2", "yes"]
    assert "no installed font has" in words(confusion_matrix([replace(CLASSED, name="毒性")]))


def test_matplotlib_is_left_as_it_was() -> None:
    before = dict(mpl.rcParams)
    words(parity([NUMERIC]))
    assert dict(mpl.rcParams) == before


def test_a_figure_is_saved_as_a_png_of_chat_size(tmp_path: Path) -> None:
    path = save(parity([NUMERIC]), tmp_path / "figures" / "parity.png")
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.width == 1050
    assert [p.name for p in path.parent.iterdir()] == ["parity.png"]


@pytest.mark.parametrize(
    "draw",
    [lambda: parity([NUMERIC]), lambda: residuals([NUMERIC]), lambda: roc_pr([CLASSED]), lambda: learning_curve(LOG)],
)
def test_no_text_of_a_single_panel_leaves_the_picture(draw: Callable[[], Figure]) -> None:
    figure = draw()
    figure.savefig(BytesIO(), format="png")
    width, height = figure.bbox.size
    fixed = [t for at in figure.axes for t in (at.title, at.xaxis.label, at.yaxis.label)]
    legends = [t for legend in figure.findobj(Legend) if isinstance(legend, Legend) for t in legend.get_texts()]
    for text in (*figure.texts, *fixed, *legends):
        if text.get_text():
            box = text.get_window_extent()
            assert box.x0 > -2
            assert box.x1 < width + 2
            assert box.y0 > -2
            assert box.y1 < height + 2
