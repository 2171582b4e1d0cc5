"""What to keep in mind before trusting a model, derived from its facts alone."""

from collections.abc import Callable, Iterator

from scitrain.evaluation.metrics import METRICS
from scitrain.figures.words import count, number, percent, with_unit
from scitrain.render.adaptation import adaptation_words
from scitrain.render.compression import compression_words
from scitrain.render.facts import Facts, read_facts
from scitrain.runs import Run

__all__ = ["limits", "limits_of"]

FEW_TEST_ROWS = 100
FEW_VALIDATION_ROWS = 50
FEW_TRAINING_ROWS = 500
MANY_OUTSIDE = 0.1
FEW_OUTSIDE = 10
"""Fewer rows outside the domain are too few to compare with those inside."""
MANY_REJECTED = 0.05
MOST_WARNINGS = 6
OPTIMISTIC = {
    "smiles": ("scaffold", "ring systems"),
    "formula": ("chemical_system", "chemical systems"),
    "sequence": ("cluster", "families"),
}
"""By modality, the split that asks for something new, and what a random one lets both sides share."""


def limits(run: Run) -> list[str]:
    """Return the limits of a run that has ``metrics.json``, each one sentence or two."""
    return limits_of(read_facts(run))


def limits_of(facts: Facts) -> list[str]:
    """Return the limits that the facts imply, the gravest first."""
    if facts.few_shot is not None:
        return [sentence for check in (_few_shot, _missing) for sentence in check(facts)]
    if facts.zero_shot is not None:
        return [sentence for check in (_zero_shot, _missing) for sentence in check(facts)]
    checks: tuple[Callable[[Facts], Iterator[str]], ...] = (
        _met,
        _verdict,
        adaptation_words,
        _folds,
        compression_words,
        _coverage,
        _domain,
        _data,
        _sizes,
        _split,
        _rows,
        _missing,
    )
    return [sentence for check in checks for sentence in check(facts)]


def _met(facts: Facts) -> Iterator[str]:
    """Say which judged rows the weights had learned from before."""
    for one in (facts.lineage or {}).get("met", []):
        where = [
            f"{count(one[part])} {word} rows" for part, word in (("test", "test"), ("val", "validation")) if one[part]
        ]
        yield (
            f"{' and '.join(where)} (of {count(one['tested'])} that test) were learned from before, with labels of "
            f"{', '.join(one['targets'])}, in run {one['weights']}: what is told of them holds for rows like these alone, and is too "
            "good for new ones; leave them out of what that run learns from, or give that file as auxiliary"
        )


def _verdict(facts: Facts) -> Iterator[str]:
    verdict = facts.evaluation.verdict
    if verdict is None:
        yield "There is no comparison with simple models: whether a network is needed at all is not known."
    elif verdict.outcome != "beats":
        word = "is worse than" if verdict.outcome == "does_not_beat" else "could not be shown to be better than"
        yield f"The network {word} a simple model ({verdict.baseline}) on the test split: consider that one."


def _folds(facts: Facts) -> Iterator[str]:
    folds = (facts.data.get("split") or {}).get("folds")
    if folds:
        yield (
            f"The numbers are those of {len(folds)} networks, each on the fold it had not seen; the model that is kept learned "
            "from all rows, and none are left to test it on."
        )


def _few_shot(facts: Facts) -> Iterator[str]:
    """Say what numbers over episodes, or over the support itself, do not tell."""
    found, verdict = facts.few_shot or {}, facts.evaluation.verdict
    if verdict is not None and verdict.outcome != "beats":
        word = "are worse than" if verdict.outcome == "does_not_beat" else "could not be shown to be better than"
        yield f"Prototypes {word} the {verdict.baseline}: consider that one."
    if found.get("mode") == "episodes":
        yield (
            f"The intervals are over episodes drawn from these {len(found['classes'])} classes: other classes may be harder."
        )
        if found.get("licence"):
            yield f"What {found['encoder']} was pretrained on is not known here: classes told apart may have been among it."
        return
    outside, rows = found.get("outside_domain"), found.get("rows")
    if outside and rows and outside / rows > MANY_OUTSIDE:
        yield f"{percent(outside / rows)} of the new rows lie farther from every prototype than the support rows do."
    if outside is None:
        yield "The support has too few rows to tell which new rows belong to none of its classes."


def _zero_shot(facts: Facts) -> Iterator[str]:
    """Say what descriptions do not tell."""
    found, verdict = facts.zero_shot or {}, facts.evaluation.verdict
    if verdict is not None and verdict.outcome != "beats":
        word = "is worse than" if verdict.outcome == "does_not_beat" else "could not be shown to be better than"
        yield f"Zero-shot {word} saying the {verdict.baseline} always: describe the classes otherwise, or label a few rows."
    if found.get("uncalibrated"):
        yield f"Confidences are not calibrated: {found['uncalibrated']}."
    if found.get("cut"):
        yield f"{count(found['cut'])} rows are longer than what the model reads: what follows was not seen."
    yield "What the model was pretrained on is not known here: rows like these may have been among it."


def _coverage(facts: Facts) -> Iterator[str]:
    said = facts.evaluation.conformal
    if said is None:
        yield "There were no validation rows to calibrate intervals on: predictions have none."
        return
    kind = {"regression": "intervals", "mixed": "intervals and sets"}.get(facts.task, "sets")
    lacking = [i for i, reason in enumerate(said.reasons) if reason]
    if lacking:
        more = f" (and {len(lacking) - 1} more targets)" if len(lacking) > 1 else ""
        names = facts.task != "mixed" and len(facts.targets) > 1  # reasons of mixed targets begin with the name
        of = f" of {facts.targets[lacking[0]].name}" if names else ""
        yield f"Prediction {kind}{of} are limited: {said.reasons[lacking[0]]}{more}."
    missed = [r for r in facts.rows("coverage") if r.high is not None and r.high < facts.coverage]
    for row in missed[:3]:
        of = f" of {row.target}" if row.target and len(facts.targets) > 1 else ""
        held = percent(row.value)
        yield (
            f"The {kind}{of} asked to hold the truth in {percent(facts.coverage)} of cases held it in {held} of test "
            f"rows ({percent(row.level)} interval {percent(row.low)} to {percent(row.high)}): they are too small here."
        )


def _domain(facts: Facts) -> Iterator[str]:
    found = facts.evaluation.domain
    if found is None:
        yield "No training domain was learned: nothing tells when an input is unlike the training data."
        return
    n = found.n_inside + found.n_outside
    if n and found.n_outside / n > MANY_OUTSIDE:
        yield f"{percent(found.n_outside / n)} of the test rows lie outside the training domain."
    if found.inside is None or found.outside is None or found.n_outside < FEW_OUTSIDE:
        return
    metric = METRICS[found.metric]
    worse = found.outside < found.inside if metric.higher_is_better else found.outside > found.inside
    if worse:
        outside, inside = with_unit(number(found.outside), found.unit), with_unit(number(found.inside), found.unit)
        yield (
            f"Outside the training domain the {metric.title} is {outside} (n = {count(found.n_outside)}) "
            f"against {inside} inside (n = {count(found.n_inside)}): heed the in-domain flag of each prediction."
        )


def _data(facts: Facts) -> Iterator[str]:
    """Pass on what was noticed while the data was prepared: leaks, near-copies across the split, absent classes."""
    found = [str(warning).rstrip(".") for warning in facts.data.get("warnings") or []]
    for warning in found[:MOST_WARNINGS]:
        yield f"Data: {warning}."
    if len(found) > MOST_WARNINGS:
        yield f"Data: {len(found) - MOST_WARNINGS} more warnings are in results/data.json."


def _sizes(facts: Facts) -> Iterator[str]:
    sizes = facts.split_sizes
    if facts.primary.n < FEW_TEST_ROWS:
        yield f"The test split has {count(facts.primary.n)} labelled rows: heed the intervals of every test number."
    if 0 < sizes.get("val", 0) < FEW_VALIDATION_ROWS:
        yield f"The validation split has {count(sizes['val'])} rows: early stopping and calibration rest on few rows."
    if 0 < sizes.get("train", 0) < FEW_TRAINING_ROWS:
        yield f"{count(sizes['train'])} training rows are few for a network: more data is likely to change it."


def _split(facts: Facts) -> Iterator[str]:
    kind = str((facts.data.get("split") or {}).get("kind") or facts.decided("split"))
    wanted = OPTIMISTIC.get(facts.modality)
    if wanted and kind in {"random", "stratified"}:
        yield (
            f"The split is {kind}: test and training rows share {wanted[1]}, so errors on new ones are likely larger. "
            f"A {wanted[0]} split measures that."
        )


def _rows(facts: Facts) -> Iterator[str]:
    read, kept = facts.data.get("rows_read"), facts.data.get("rows_kept")
    if isinstance(read, int) and isinstance(kept, int) and read and 1 - kept / read > MANY_REJECTED:
        yield f"{count(read - kept)} of {count(read)} rows of the source ({percent(1 - kept / read)}) are not used."
    unnamed = [target.name for target in facts.targets if target.classes is None and target.unit is None]
    if unnamed:
        names = ", ".join(unnamed[:3]) + (" …" if len(unnamed) > 3 else "")
        yield f"The unit of {names} was not stated: numbers are in whatever unit the data is in."


def _missing(facts: Facts) -> Iterator[str]:
    reason = (facts.primary.reason or "not given").removeprefix("no interval: ")
    if facts.primary.low is None:
        yield f"The deciding metric has no interval: {reason}."
    if facts.temperature is not None:
        for reason in [r for r in facts.temperature.reasons if r][:1]:
            yield f"Probabilities were not calibrated: {reason}."
