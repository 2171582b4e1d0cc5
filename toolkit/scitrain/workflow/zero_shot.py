"""Classification by descriptions from a request to its numbers: choose a way, score, calibrate, measure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scitrain.data.prepared import Target
from scitrain.errors import ScitrainError, listed
from scitrain.evaluation.calibration import Temperature, fit_temperature, reliability
from scitrain.evaluation.metrics import METRICS
from scitrain.evaluation.problem import Predicted, Problem
from scitrain.evaluation.report import Evaluation
from scitrain.evaluation.rows import MODEL, metric_rows, score_all
from scitrain.evaluation.scoring import columns
from scitrain.evaluation.trust import Calibration
from scitrain.evaluation.verdict import Outcome, Verdict, judge
from scitrain.fewshot.networks import encode
from scitrain.modalities._pretrained_tokens import lengths
from scitrain.runs import Run
from scitrain.transfer.origin import BUILTIN, Origin, names_run, resolve
from scitrain.weights import ZERO_SHOT
from scitrain.weights.reading import SUFFIXES
from scitrain.workflow.encoders import pretrained_encoder
from scitrain.workflow.stages import stage, ticker
from scitrain.workflow.zero_shot_rows import Described
from scitrain.workspace import Workspace
from scitrain.zeroshot.choosing import Method, choose_method, configuration
from scitrain.zeroshot.scored import Scored, refuse_long

__all__ = ["MAJORITY", "Chosen", "Classified", "check_model", "choose", "classify", "measured"]

MAJORITY = "commonest class"
COSINE = 0.05
"""Temperature of cosines: sentence encoders are trained with a scale of 20 (Henderson et al. 2017, arXiv:1705.00652)."""
TEMPLATES: dict[Method, str] = {"entailment": "This text is about {}.", "embedding": "{}", "clip": "a photo of {}."}
WORDS: dict[Outcome, str] = {
    "beats": "beats",
    "does_not_beat": "is worse than",
    "cannot_tell": "cannot be told from",
}
FEWEST = 10
"""Labelled validation rows from which confidences are calibrated."""


@dataclass(frozen=True)
class Chosen:
    """What classifies."""

    method: Method
    origin: Origin
    name: str
    """Of the hub, or a folder."""
    config: object
    template: str

    def claims(self, descriptions: Sequence[str]) -> list[str]:
        """Return what is compared with a row, one a label."""
        return [self.template.replace("{}", one) for one in descriptions]


@dataclass(frozen=True)
class Classified:
    """Rows with the probability of each label."""

    rows: Described
    p: np.ndarray
    """(good rows, labels), calibrated where that could be done."""
    scored: Scored
    temperature: Temperature | None
    """Fitted to validation rows, behind the stated one."""
    uncalibrated: str
    """Why confidences are not calibrated; empty where they are."""


def check_model(name: str | None, workspace: Workspace) -> None:
    """Refuse within milliseconds what is no model of a hub and no whole folder.

    Raises:
        ScitrainError: What it is, and what to give.
    """
    if name is None:
        return
    if name == BUILTIN or name.endswith(SUFFIXES) or names_run(name, workspace):
        raise ScitrainError(
            f"model={name!r} classifies nothing by descriptions: give a model of Hugging Face by name, or a folder with config.json, "
            "weights and tokenizer; a trained run classifies with predict"
        )
    resolve(name, "text", None, workspace)


def choose(asked: Method | None, model: str | None, template: str | None, modality: str, run: Run) -> Chosen:
    """Find the model and the way it classifies.

    Raises:
        ScitrainError: The model cannot be had, or does not fit the data or the method.
    """
    usual: Method = asked or ("clip" if modality == "image" else "embedding")
    given = model or ZERO_SHOT[usual][0]
    with stage(run, "weights", f"looking for {given}"):
        origin = resolve(given, "text", None, run.workspace)  # a folder or a name, read alike for images
        name = str(getattr(origin.model, "name", given))
        config = configuration(name)
    method, why = choose_method(asked, modality, name, config)
    chosen = Chosen(method, origin, name, config, template or TEMPLATES[method])
    run.decide("model", given, f"{'asked for' if model else f'the usual one for {usual}'}; licence: {origin.licence}")
    run.decide("method", method, why)
    if template is None:
        run.decide("template", chosen.template, f"the usual one for {method}")
    return chosen


def classify(chosen: Chosen, rows: Described, descriptions: Sequence[str], part: str, run: Run) -> Classified:
    """Score every label for every row that can be read, and calibrate by labelled validation rows where there are any."""
    with stage(run, "predict", f"{chosen.method} of {len(rows.rows):,} rows and {len(descriptions)} labels"):
        rows, scored = _scored(chosen, rows, chosen.claims(descriptions), run)
    if scored.cut:
        run.decide("long texts", scored.cut, "rows longer than what the model reads are cut: what follows is not seen")
    run.decide("temperature", round(scored.temperature, 6), scored.why)
    good = rows.good
    known = (rows.part[good] == "val") & (rows.y[good] >= 0)
    temperature, why = None, _uncalibrated(part, int(known.sum()))
    if not why:
        temperature = fit_temperature("multiclass", rows.y[good][known], scored.logits[known])
        run.decide(
            "calibration",
            temperature.values[0],
            f"fitted to {int(known.sum()):,} labelled validation rows, behind the stated temperature",
        )
    p = scored.probabilities() if temperature is None else temperature.probabilities(scored.logits)
    return Classified(rows, np.asarray(p), scored, temperature, why)


def _uncalibrated(part: str, known: int) -> str:
    if part == "val":
        return "validation rows are measured, and cannot settle confidences too"
    return "" if known >= FEWEST else f"{known} labelled validation rows, at least {FEWEST} are needed"


def _scored(chosen: Chosen, rows: Described, claims: list[str], run: Run) -> tuple[Described, Scored]:
    column, *more = rows.columns
    tick = ticker(run, "predict", "scored")
    if chosen.method == "clip":
        from scitrain.zeroshot.towers import Towers

        towers = Towers(chosen.name)
        pixels, bad = towers.featuriser(column).transform(rows.columns)
        rows = rows.without(bad)
        return rows, towers.scored(pixels[rows.good], claims, tick)
    texts = [" ".join(rows.columns[name][int(i)] for name in (column, *more)) for i in rows.good]
    if chosen.method == "entailment":
        from scitrain.zeroshot.entailment import entailed

        return rows, entailed(chosen.name, chosen.config, texts, claims, tick)
    return rows, _near(chosen, texts, claims, run)


def _near(chosen: Chosen, texts: list[str], claims: list[str], run: Run) -> Scored:
    """Return cosines of texts and descriptions, pooled and scaled to length 1 (Reimers & Gurevych 2019, doi:10.18653/v1/D19-1410)."""
    columns = {"text": [*claims, *texts]}
    encoder = pretrained_encoder(chosen.origin.source, "text", columns, run.workspace)
    options = encoder.featuriser.options()
    counts = lengths(columns, options)
    most = int(str(options["length"]))
    refuse_long(claims, counts[: len(claims)].tolist(), most)
    x, bad = encoder.featuriser.transform(columns)
    if bad:
        raise ScitrainError(f"a description cannot be read: {listed(bad.values(), 3)}; write it in words")
    points = encode(encoder.network, x)
    points /= np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    cosines = points[len(claims) :] @ points[: len(claims)].T
    why = "the scale of 20 that sentence encoders are trained with"
    return Scored(cosines / COSINE, COSINE, why, cut=int((counts > most).sum()))


def measured(found: Classified, target: str, labels: tuple[str, ...], part: str, seed: int) -> Evaluation:
    """Return accuracy, macro-F1 and others with intervals, beside saying the commonest class of validation rows (else of these) always."""
    rows = found.rows
    y, parts = rows.y[rows.good], rows.part[rows.good]
    own = (y >= 0) & ((parts == part) | (parts == ""))
    counts = np.bincount(
        y[(y >= 0) & (parts == "val")] if (parts == "val").any() and part == "test" else y[own], minlength=len(labels)
    )
    shares = (counts + 1) / (counts + 1).sum()
    told = Predicted(y[own], found.p[own], baselines={MAJORITY: np.tile(shares, (int(own.sum()), 1))})
    problem = Problem("multiclass", (Target(name=target, classes=labels),), metric="accuracy", seed=seed)
    scores = score_all(problem, told)
    verdict = judge(METRICS["accuracy"], MAJORITY, scores[MODEL], scores[MAJORITY], "")
    [column] = columns("multiclass", told.y, told.prediction)
    return Evaluation(
        metrics=tuple(metric_rows(problem, scores, part)),
        primary="accuracy",
        verdict=verdict.model_copy(
            update={
                "sentence": _sentence(
                    verdict, labels[int(counts.argmax())], part if (parts == part).any() else "labelled"
                )
            }
        ),
        calibration=(Calibration(target=target, reliability=reliability(column)),),
        conformal=None,
        domain=None,
    )


def _sentence(found: Verdict, commonest: str, rows: str) -> str:
    numbers = f"accuracy {found.model:.3g} against {found.best:.3g} on {found.n:,} {rows} rows"
    apart = (
        "no interval"
        if found.low is None or found.high is None
        else f"difference {found.improvement:+.2g} (95 % interval {found.low:+.2g} to {found.high:+.2g})"
    )
    return f"Zero-shot {WORDS[found.outcome]} saying {commonest!r} always: {numbers}, {apart}."
