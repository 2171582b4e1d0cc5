"""How well the probabilities rank: receiver operating characteristic and precision against recall."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_curve

from scitrain.figures._style import CYCLE, GREY, LINES, PANELS, finish, first_panels, legible_names, new_figure, styled
from scitrain.figures.panels import ClassTarget
from scitrain.figures.words import count, fixed, joined

__all__ = ["roc_pr"]


@dataclass(frozen=True)
class Curve:
    """One class against the rest."""

    name: str
    positive: np.ndarray
    """bool (n,)"""
    score: np.ndarray
    """(n,) probability of the class."""

    @property
    def base(self) -> float:
        """Return the share of positives."""
        return float(self.positive.mean())


@styled
def roc_pr(targets: Sequence[ClassTarget], split: str = "test") -> Figure:
    """Draw ROC and precision–recall curves side by side; at most `PANELS` targets, or classes of one target.

    Args:
        targets: Two classes each: the positive one is drawn. A single target of more classes: each against the rest.
        split: Name of the rows' split.
    """
    curves, cut = _of_targets(targets) if len(targets) > 1 else _of_target(targets[0])
    figure = new_figure(7.6, 4.75 + 0.2 * len(curves))
    left, right = figure.subplots(1, 2)
    left.plot([0, 1], [0, 1], color=GREY, lw=1, ls=":")
    names = legible_names([curve.name for curve in curves], 36)
    for name, curve, colour, line in zip(names, curves, CYCLE, LINES, strict=False):
        _draw(left, right, curve, {"color": colour, "ls": line, "label": name})
    left.set(xlabel="false positive rate", ylabel="true positive rate", title="ROC (dotted: chance)")
    right.set(xlabel="recall", ylabel="precision", title="precision–recall (bars: base rate)")
    for axes in (left, right):
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), box_aspect=1)
    figure.legend(loc="lower left")
    title = f"Ranking of {targets[0].name}" if len(targets) == 1 else f"Ranking of {len(targets)} targets"
    return finish(figure, title, _told(targets, split), cut)


def _told(targets: Sequence[ClassTarget], split: str) -> str:
    if len(targets) > 1:
        return f"the positive class of each, {split} rows"
    target = targets[0]
    several = len(target.classes) > 2
    scores = [
        f"{'mean ' * several}{name} {said}" for name, said in (("AUROC", target.auroc), ("AUPRC", target.auprc)) if said
    ]
    return joined("each class against the rest" if several else "", *scores, f"n = {count(len(target.y))} {split} rows")


def _of_targets(targets: Sequence[ClassTarget]) -> tuple[list[Curve], str]:
    """Return the curves of the positive classes, and what is not drawn."""
    usable = [t for t in targets if 0 < (t.y == 1).sum() < len(t.y)]
    chosen, cut = first_panels([t.name for t in usable], [len(t.y) for t in usable])
    lacking = len(targets) - len(usable)
    one_class = f"{lacking} of {len(targets)} targets have rows of one class only: no curve." if lacking else ""
    drawn = [Curve(usable[i].name, usable[i].y == 1, usable[i].probabilities[:, 1]) for i in chosen]
    return drawn, " ".join(filter(None, [cut, one_class]))


def _of_target(target: ClassTarget) -> tuple[list[Curve], str]:
    """Return the curve of the positive class, or those of the most frequent classes, and what is not drawn."""
    rows = np.bincount(target.y.astype(int), minlength=len(target.classes))
    usable = [int(k) for k in np.argsort(-rows, kind="stable") if 0 < rows[k] < len(target.y)]
    drawn = [1] if len(target.classes) == 2 else sorted(usable[:PANELS])
    cut = f"{len(drawn)} of {len(rows)} classes are drawn, the most frequent." if 2 < len(rows) != len(drawn) else ""
    return [Curve(target.classes[k], target.y == k, target.probabilities[:, k]) for k in drawn], cut


def _draw(left: Axes, right: Axes, curve: Curve, look: dict[str, Any]) -> None:
    false_rate, true_rate, _ = roc_curve(curve.positive, curve.score)
    precision, recall, _ = precision_recall_curve(curve.positive, curve.score)
    areas = f"AUROC {fixed(float(auc(false_rate, true_rate)), 3)}"
    average = f"AUPRC {fixed(float(average_precision_score(curve.positive, curve.score)), 3)}"
    label = f"{look.pop('label')}: {areas}, {average}, base rate {fixed(curve.base, 3)}"
    left.plot(false_rate, true_rate, label=label, **look)
    right.step(recall, precision, where="post", **look)
    right.plot([0.93, 1.02], [curve.base, curve.base], color=look["color"], lw=2.5, solid_capstyle="butt")
