"""``report.html``: one page that holds everything, figures included; it needs no network, no script, no other file."""

from pathlib import Path

from scitrain.render.facts import read_facts
from scitrain.render.markup import environment
from scitrain.render.pictures import pictures
from scitrain.render.view import view
from scitrain.runs import Run, atomic_write

__all__ = ["render_report"]

REPORT = "report.html"


TITLES = {
    "baselines": (
        "Network and baselines",
        "Dot plot of the deciding metric of the network and each baseline, with intervals.",
    ),
    "folds": (
        "Folds",
        "Dot plot of the deciding metric of each fold, of the pooled rows and of the folds' mean, with intervals.",
    ),
    "nested": (
        "What each search chose",
        "Grid of the values that the search of each fold, and that of all rows, chose for each parameter.",
    ),
    "parity": (
        "Predicted and measured",
        "Scatter plot of predicted against measured values of the test rows with prediction intervals.",
    ),
    "residuals": (
        "Residuals",
        "Scatter plot of predicted minus measured against the prediction, with running median and middle 68 per cent.",
    ),
    "confusion_matrix": (
        "Confusion matrix",
        "Counts of true against predicted classes, coloured by the share of the true class.",
    ),
    "roc_pr": (
        "ROC and precision–recall",
        "Receiver operating characteristic and precision–recall curves of the test rows, with areas and base rates.",
    ),
    "calibration": (
        "Calibration",
        "Predicted probability against observed frequency, or nominal against observed coverage, of the test rows.",
    ),
    "calibration_of_intervals": (
        "Calibration of intervals",
        "Nominal against observed coverage of the intervals of the targets that are numbers, on the test rows.",
    ),
    "dl_learning_curve": (
        "Learning curve",
        "Training and validation loss by epoch with the best epoch marked, and the learning rate below.",
    ),
    "compression": (
        "Size, speed and quality",
        "Loss of quality of each smaller variant against its bytes and its latency, with intervals and the loss that was allowed.",
    ),
    "augmentations": (
        "Varied training rows",
        "A few training rows as they are, and as the network saw them while training.",
    ),
    "embedding": (
        "Rows and prototypes",
        "Scatter plot of rows in a plane, coloured by class, with each class's prototype marked.",
    ),
    "distillation": (
        "Student and teacher",
        "Dot plot of teacher, student, and the same student without a teacher, with intervals.",
    ),
    "task_gain": (
        "What learning together gains",
        "Dot plot of the gain of each target over a network of its own, with paired intervals, and of their mean.",
    ),
    "adaptation": (
        "What adapting gains",
        "Dot plot on the target's test rows of all that was trained, with intervals and improvements over source-only.",
    ),
    "domains": (
        "Features of both domains",
        "Scatter plots of rows of source and target as the network sees them, without adapting and adapted.",
    ),
    "comparison": ("Comparison", "Dot plot of a metric of several runs with intervals."),
}
"""By file name, heading and alternative text, in the order of the page."""


def render_report(run: Run) -> Path:
    """Write the report from the files and figures of the run.

    Raises:
        RunStateError: The run has no ``metrics.json``.
    """
    facts = read_facts(run)
    names = view(facts) | {"pictures": pictures(run, TITLES)}
    return atomic_write(run.path / REPORT, environment().get_template("report.html.j2").render(names))
