import pytest

from scitrain.figures.compression import compression

LOSS = {"original": 0.9, "value": 0.89, "loss": 0.01, "low": 0.0, "high": 0.02, "reason": None}


def told(relative: bool, kept: str | None) -> dict:
    variants = [
        {
            "method": "int8_static",
            "bytes": 10,
            "size_ratio": 0.3,
            "latency_ratio": 1.2,
            "validation": LOSS,
            "kept": kept is not None,
        },
        {
            "method": "fp16",
            "bytes": 20,
            "size_ratio": 0.5,
            "latency_ratio": 0.9,
            "validation": LOSS | {"low": None, "high": None},
            "kept": False,
        },
        {"method": "prune", "kept": False, "reason": "cannot be made"},
    ]
    words = "share of the original's error" if relative else "difference of the scores"
    return {
        "variants": variants, "max_quality_loss": 0.005, "metric": {"title": "RMSE" if relative else "accuracy"},
        "loss_is": words, "rows": {"val": 180}, "kept": kept,
    }  # fmt: skip


@pytest.mark.parametrize("relative", [True, False])
def test_each_variant_that_was_made_stands_beside_the_original_in_both_panels(relative):
    figure = compression(told(relative, "int8_static"))
    for axes, ratios in zip(figure.axes, ([1, 0.3, 0.5], [1, 1.2, 0.9]), strict=True):
        points = [line for line in axes.lines if line.get_label() in ("original", "int8_static", "fp16")]
        assert [line.get_xdata()[0] for line in points] == ratios
        assert [line.get_ydata()[0] for line in points] == [0, 1, 1]
        assert axes.lines[0].get_ydata()[0] == pytest.approx(0.5), "the loss that is allowed"
    assert ("% of the original" in figure.axes[0].get_ylabel()) == relative


def test_what_is_refused_is_hollow_and_the_subtitle_says_what_is_kept():
    figure = compression(told(relative=False, kept=None))
    faces = {line.get_label(): line.get_markerfacecolor() for line in figure.axes[0].lines}
    assert faces["int8_static"] == faces["fp16"] == "white"
    assert any("kept: the original" in text.get_text() for text in figure.texts)
