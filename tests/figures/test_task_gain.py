from scitrain.evaluation.gain import GainRow, GainTold
from scitrain.figures.task_gain import task_gain

ROWS = [("NR-AR", 0.81, 0.78), ("SR-p53", 0.80, 0.83), ("SR-HSE", None, None)]


def row(target: str | None, together: float | None, alone: float | None) -> GainRow:
    gain = None if together is None or alone is None else together - alone
    ends = (None, None) if gain is None else (gain - 0.02, gain + 0.02)
    why = "all 40 labelled rows have the same class" if gain is None else None
    return GainRow(
        target=target,
        task="binary",
        n=40,
        together=together,
        alone=alone,
        gain=gain,
        low=ends[0],
        high=ends[1],
        reason=why,
    )


def test_the_mean_stands_first_and_the_largest_gain_before_the_smaller_ones() -> None:
    told = GainTold(
        metric="auroc", title="AUROC", unit="", mean=row(None, 0.805, 0.805), targets=tuple(row(*one) for one in ROWS),
        outcome="cannot_tell", sentence="",
    )  # fmt: skip
    figure = task_gain(told)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["mean over the targets", "NR-AR", "SR-p53", "SR-HSE"]
    words = [text.get_text() for text in figure.axes[0].texts]
    assert any("same class" in word for word in words)
