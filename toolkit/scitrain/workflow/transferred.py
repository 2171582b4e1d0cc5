"""From a source of weights to a trained network: what finetune_model does between preparing and judging."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from pydantic import JsonValue

from scitrain.contracts.modality import Featuriser
from scitrain.data.prepared import Prepared
from scitrain.errors import DataError, ScitrainError, listed
from scitrain.figures.save import save
from scitrain.figures.transfer_gain import Strategy as Drawn
from scitrain.figures.transfer_gain import transfer_gain
from scitrain.inference.files import read_config
from scitrain.resources import choose_device
from scitrain.runs import Run
from scitrain.training.journal import LOG
from scitrain.training.learning import Fitted, Learning
from scitrain.transfer.arms import Study, Trained, train_arm
from scitrain.transfer.beginning import Beginning, Tuned, run_weights
from scitrain.transfer.blocks import blocks_of
from scitrain.transfer.comparing import Compared, Judge, compare_arms
from scitrain.transfer.features import Body, body_of, features_of
from scitrain.transfer.finished_arms import FinishedArms
from scitrain.transfer.options import FinetuneOptions, Strategy
from scitrain.transfer.origin import Origin
from scitrain.transfer.possible import refuse_unbuildable
from scitrain.transfer.recipe import Given, choose_strategy
from scitrain.transfer.self_training import refuse_untaught, taught_study
from scitrain.transfer.shift import domain_auc, gap_of, shift_words
from scitrain.transfer.writing import FIGURE, TransferFacts
from scitrain.workflow.again import prepared_again
from scitrain.workflow.further import further_rows
from scitrain.workflow.network import Network, choose_network, natural_features, represented
from scitrain.workflow.stages import stage

__all__ = ["Outcome", "as_kept", "kept_network", "refuse_unseen", "transfer", "transferred_network"]

SHIFT_ROWS = 500


@dataclass(frozen=True)
class Outcome:
    """What was trained, and what is told of it."""

    study: Study
    """What all of them were trained by."""
    kept: Trained
    others: list[Trained]
    compared: Compared | None
    facts: TransferFacts

    @property
    def warnings(self) -> list[str]:
        """Return what a user should hear: overfitting, shift."""
        told = [self.facts.overfitting] if self.facts.overfitting.startswith("It overfits") else []
        return told + ([self.facts.shift] if self.facts.shift and self.facts.shift.startswith("Domain") else [])

    @property
    def sentence(self) -> str:
        """Say whether the transfer helps."""
        if self.compared is not None:
            return self.compared.sentence
        return "Whether the transfer helps was not asked: compare=['scratch', …] trains the same network without it."


def refuse_unseen(prepared: Prepared) -> None:
    """Refuse classes that validation or test rows have and no training row shows.

    Raises:
        DataError: Names them.
    """
    if prepared.task != "multiclass":
        return
    names = prepared.targets[0].classes or ()
    seen = set(np.unique(prepared.y[prepared.split["train"]]).tolist())
    unseen = {part: sorted(set(np.unique(prepared.y[rows]).tolist()) - seen) for part, rows in prepared.split.items()}
    found = sorted({label for labels in unseen.values() for label in labels})
    if found:
        raise DataError(
            f"labels unseen in training: {listed(repr(names[int(label)]) for label in found)} of {prepared.targets[0].name!r} stand in "
            "validation or test rows alone; give training rows of them, take split='stratified', or leave these rows out"
        )


def transferred_network(prepared: Prepared, origin: Origin, run: Run, features: dict[str, JsonValue]) -> Network:
    """Return the network with what it reads: the features that the source run was trained on, or the network's own.

    Raises:
        ScitrainError: The run reads other columns.
    """
    if origin.run is None:
        return choose_network(prepared, origin.model, run, features)
    config = read_config(origin.run)
    featuriser = _renamed(config.featuriser_object(), config.input_columns, tuple(prepared.columns), origin.source)
    run.decide("features", str(config.featuriser["kind"]), f"those of run {origin.source}, whose weights expect them")
    x = represented(prepared, featuriser, run)
    return Network(origin.model, featuriser, x, natural_features(prepared, featuriser, x, run))


def _renamed(featuriser: Featuriser, old: Sequence[str], new: Sequence[str], source: str) -> Featuriser:
    """Let a featuriser read columns of other names, where it reads whole columns alike."""
    if tuple(old) == tuple(new):
        return featuriser
    content = featuriser.model_dump(mode="json")
    if len(old) != len(new) or ("column" not in content and content.get("columns") != list(old)):
        raise ScitrainError(
            f"run {source} reads the columns {listed(old)}, and these data have {listed(new)}; name or rename the columns with inputs=[…]"
        )
    names = dict(zip(old, new, strict=True))
    changed = {"column": names[content["column"]]} if "column" in content else {"columns": list(new)}
    return type(featuriser).model_validate(content | changed)


def transfer(
    prepared: Prepared, network: Network, learning: Learning, origin: Origin, asked: FinetuneOptions, run: Run
) -> Outcome:
    """Measure the shift, choose a strategy, train it, or those that are compared, and draw what they gain."""
    weights = None if origin.run is None else run_weights(origin.run)
    body = body_of(learning, Beginning(Tuned("feature"), weights))
    given = _given(learning, origin, body, run)
    study = Study(learning, asked, weights, given)
    refuse_unbuildable(study, body.inner)
    del body  # memory of a whole network
    more = None if asked.unlabelled is None else further_rows(asked.unlabelled, prepared, network.featuriser, run).x
    if asked.compare:
        trained, compared = compare_arms(study, prepared, asked.compare, run)
        kept, why = trained[compared.chosen], "best on validation of those that were compared"
        run.write_json(LOG, {"epochs": kept.fitted.history, **kept.fitted.facts})
        _draw(run, compared)
    else:
        strategy, why = choose_strategy(asked, given)
        strategy = "full" if origin.kind == "builtin" and asked.strategy == "auto" else strategy
        run.decide("strategy", strategy, why)
        kept, compared = train_arm(study, strategy, run) if more is None else _teacher(study, strategy, run), None
        trained = {strategy: kept}
    run.decide_all([*kept.decisions])
    if asked.compare:
        run.decide("strategy", kept.arm, why)
    run.decide("trainable", kept.trainable, f"of {kept.total:,} numbers, {kept.trainable / kept.total:.2%}")
    facts = _facts(origin, kept, why, given, compared)
    facts = replace(facts, overfitting=_gap(prepared, network, kept))
    found = Outcome(study, kept, [one for one in trained.values() if one is not kept], compared, facts)
    return found if more is None else _self_trained(found, prepared, network, more, run)


def _teacher(study: Study, strategy: Strategy, run: Run) -> Trained:
    """Train what teaches a second network, or take it from the run where that was interrupted in the second."""
    refuse_untaught(strategy, study.learning.task)
    finished = FinishedArms.of(study, run)
    known = finished.load(strategy, None) or finished.save(train_arm(study, strategy, run), None, None)
    assert known.trained is not None  # what was kept of all labels holds its network
    return known.trained


def _self_trained(found: Outcome, prepared: Prepared, network: Network, more: np.ndarray, run: Run) -> Outcome:
    """Train again with ``more`` (n, …), of which the first network says what they are; the better on validation rows is kept."""
    first = found.kept
    with stage(run, "self-training", f"training again with {len(more):,} rows without labels"):
        study = taught_study(found.study, first, more)
        second = train_arm(study, first.arm, run)
    judge = Judge(found.study, prepared)
    before, after = (judge.validation(one.fitted.predictor) for one in (first, second))
    better = before is None or after is None or judge.sign * (after - before) >= 0
    told = f"validation {judge.metric.title} {_short(before)} before, {_short(after)} after learning from what the first network says"
    run.decide("self_training", better, told if better else f"{told}: the first is kept")
    if not better:
        run.write_json(LOG, {"epochs": first.fitted.history, **first.fitted.facts})
        run.decide_all(first.decisions)
        return found
    run.decide_all(second.decisions)
    facts = replace(found.facts, overfitting=_gap(prepared, network, second))
    return replace(found, study=study, kept=second, facts=facts)


def _short(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3g}"


def _gap(prepared: Prepared, network: Network, kept: Trained) -> str:
    split = prepared.split
    what = prepared.slots if prepared.task == "mixed" else prepared.task
    return gap_of(what, kept.fitted.predictor, network.x, prepared.y, split["train"], split["val"]).words()


def _facts(origin: Origin, kept: Trained, why: str, given: Given, compared: Compared | None) -> TransferFacts:
    return TransferFacts(
        source=origin.source,
        kind=origin.kind,
        licence=origin.licence,
        strategy=kept.arm,
        why=why,
        trainable=kept.trainable,
        total=kept.total,
        overfitting="",
        shift=None if given.auc is None else shift_words(given.auc),
        domain_auc=given.auc,
        compared=None if compared is None else compared.model_dump(mode="json"),
    )


def _given(learning: Learning, origin: Origin, body: Body, run: Run) -> Given:
    """Look at the encoder that is begun from, and at how the source's rows differ where they are at hand."""
    auc = None
    if origin.run is not None:
        run.progress("shift", message="comparing the source's rows with these")
        rows = _some(learning.train, learning.seed)
        there = _source_rows(origin.run, run)
        if there is not None:
            device = choose_device(learning.options.device)[0]
            theirs = features_of(body, there, _some(np.arange(len(there)), learning.seed), device)
            auc = domain_auc(theirs, features_of(body, learning.x, rows, device), learning.seed)
    return Given(
        rows=len(learning.train),
        classes=learning.n_outputs if learning.task == "multiclass" else 1 if learning.task == "regression" else 2,
        family=str(type(learning.model).model_fields["family"].default),
        parameters=sum(weight.numel() for weight in body.encoder.parameters()),
        blocks=len(blocks_of(body.encoder)),
        auc=auc,
    )


def _some(rows: np.ndarray, seed: int) -> np.ndarray:
    return np.sort(np.random.default_rng(seed).permutation(rows)[:SHIFT_ROWS])


def _source_rows(source: Run, run: Run) -> np.ndarray | None:
    """Return the features of the source's own rows, or None where its data are gone."""
    try:
        prepared = prepared_again(source, run)
        return represented(prepared, read_config(source).featuriser_object(), run)
    except ScitrainError as error:
        run.decide("domain_shift", None, f"not measured: the data of run {source.id} cannot be read again ({error})")
        return None


def _draw(run: Run, compared: Compared) -> None:
    drawn = []
    for row in compared.rows:
        points = sorted((point for point in compared.curve if point.arm == row.arm), key=lambda point: point.labels)
        labels, values = tuple(p.labels for p in points), tuple(p.validation for p in points)
        drawn.append(Drawn(row.arm, labels, values, row.test, row.low, row.high))
    told = f"{compared.n_val:,} validation and {compared.n_test:,} test rows"
    save(transfer_gain(drawn, compared.title, compared.unit, told, compared.chosen), run.file(FIGURE))


def as_kept(found: Outcome) -> Callable[[Learning, Run], Fitted]:
    """Return what trains other labels as the kept network was trained."""

    def train(learning: Learning, run: Run) -> Fitted:
        own = replace(learning, model=found.study.learning.model)
        return train_arm(replace(found.study, learning=own), found.kept.arm, run).fitted

    return train


def kept_network(network: Network, kept: Trained) -> Network:
    """Return the network with the spec by which the kept predictor is rebuilt."""
    return replace(network, model=kept.model)
