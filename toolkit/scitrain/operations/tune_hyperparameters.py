"""Search hyperparameters on training and validation rows, then train the best as a normal run."""

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from pydantic import JsonValue, ValidationInfo, field_validator

from scitrain.contracts.operation import Job, Skill
from scitrain.data.options import DataOptions
from scitrain.errors import ScitrainError
from scitrain.overview import headlines, verdict
from scitrain.runs import Run
from scitrain.spec import Spec
from scitrain.training.options import TrainingOptions
from scitrain.tuning.options import SearchSpec, TuningOptions
from scitrain.workflow.headline import Headline
from scitrain.workflow.measured import Measured
from scitrain.workflow.training import SELDOM, TrainingRequest, learning_of
from scitrain.workspace import Workspace

if TYPE_CHECKING:
    from scitrain.data.prepared import Prepared
    from scitrain.tuning.crew import Crew
    from scitrain.tuning.job import SearchJob
    from scitrain.tuning.search import Found
    from scitrain.tuning.trials import TrialRecord
    from scitrain.workflow.network import Network

__all__ = ["TriedVariant", "TuneHyperparameters", "TuneResult"]

SEARCH_SHARE = 0.75
"""Part of ``max_minutes`` for the search; the rest is for training the best."""


class TriedVariant(Spec):
    """One trial."""

    number: int
    values: list[float]
    """One an objective, measured on validation rows."""
    parameters: dict[str, JsonValue]


class TuneResult(Measured):
    """What a search came to; its metrics and verdict are those of the best run."""

    best_run: str
    """Run of the best variant: a normal run of train_model; with folds this run, which keeps the best over all rows."""
    objectives: list[str]
    """What was minimised, with its unit."""
    best: TriedVariant
    """Lowest error on validation rows."""
    untuned: list[float] | None
    """The same of the network as it is without a search; null where that was not tried to its end."""
    front: list[TriedVariant]
    """With two objectives: variants that none beats in one without losing in the other."""
    importance: dict[str, float] | None
    """Share of the error's variance that each parameter explains."""
    tried: str
    """How many trials were completed, pruned, failed."""
    folds: list[str] = []
    """Of a nested cross-validation: each fold, their mean with its interval, what the searches chose."""

    def tables(self) -> dict[str, list[dict[str, JsonValue]]]:
        """Return what was chosen, the best variants and the test metrics."""
        front: list[dict[str, JsonValue]] = [
            {"trial": v.number, **dict(zip(self.objectives, v.values, strict=True)), **v.parameters} for v in self.front
        ]
        return super().tables() | {"Pareto front": front}

    def summary(self) -> str:
        """Return the best variant, what it is worth on the test rows, and where to look."""
        lines = [f"{self.run_id}: {self.tried}"]
        lines += [
            f"best {name}: {value:.4g}" + ("" if self.untuned is None else f" (untuned {self.untuned[i]:.4g})")
            for i, (name, value) in enumerate(zip(self.objectives, self.best.values, strict=True))
        ]
        lines.append(
            f"trial {self.best.number}: " + ", ".join(f"{n}={_short(v)}" for n, v in self.best.parameters.items())
        )
        if self.importance:
            told = [f"{name} {share:.0%}" for name, share in list(self.importance.items())[:4]]
            lines.append(f"what made the difference: {', '.join(told)}")
        if len(self.front) > 1:
            lines.append(f"Pareto front: {len(self.front)} variants, figures/optuna_pareto.png")
        lines.append(f"trained as {self.best_run}:")
        return self.told(lines, [*self.folds, self.verdict])


class TuneHyperparameters(Job, TuningOptions, TrainingRequest):
    """Search hyperparameters by validation rows, then train the best variant as a normal train_model run.

    Takes the arguments of train_model. What declares a range is searched, unless the request sets it: options of the network,
    learning rate, weight decay, batch size. Test rows are met once; with folds each has a search of its own (nested).
    """

    skill: ClassVar[Skill] = "deep-learning"
    title: ClassVar[str] = "Tune hyperparameters"
    unnamed: ClassVar[frozenset[str]] = SELDOM
    explained_elsewhere: ClassVar[frozenset[str]] = frozenset(TrainingRequest.model_fields) | {"storage", "study"}

    @field_validator("search")
    @classmethod
    def _known_parameters(cls, search: SearchSpec | None, info: ValidationInfo) -> SearchSpec | None:
        """Refuse unknown names, and values that a field of the named family would refuse."""
        from scitrain.tuning.space import check_search, infer

        model = info.data.get("model")
        try:
            check_search(search, model)
            if search is not None and model is not None:
                infer(search, model, model, TrainingOptions())
        except ScitrainError as error:
            raise ValueError(str(error).removeprefix("search: ")) from None
        return search

    def check(self, workspace: Workspace) -> None:
        """Refuse data and columns that are not there, and a database that does not answer."""
        from scitrain.tuning.storage import check_storage
        from scitrain.workflow.sources import check_data

        check_data(self.part(DataOptions), workspace)
        if self.storage is not None:
            check_storage(self.storage)

    def execute(self, run: Run) -> TuneResult:
        """Prepare once, try variants, train the best, write."""
        from scitrain.data.prepare import prepare
        from scitrain.tuning.crew import crew
        from scitrain.workflow.stages import stage

        began = time.time()
        with crew(self.workers, run) as hands:
            with stage(run, "prepare", "reading and cleaning the data"):
                prepared = prepare(self.part(DataOptions), run.workspace, run)
            run.decide_all(prepared.decisions)
            searched = None if prepared.folds else self._search(prepared, began, run, hands)
        if searched is None:
            return self._by_folds(prepared, run)
        with stage(run, "best", "training the best variant"):
            best = self._train_best(searched, began, run)
        record = best.record()
        told = (record.result or {}).get("warnings")
        warnings = [str(warning) for warning in (told if isinstance(told, list) else [])]
        return self._result(searched, best, (headlines(best, record), verdict(best, record), warnings), run)

    def _by_folds(self, prepared: "Prepared", run: Run) -> TuneResult:
        """Search in each fold by itself, then over all rows, whose best is kept; its quality is told by the folds."""
        from scitrain.render import limits
        from scitrain.workflow.folds import minutes_left, spec_of_fold, train_folds
        from scitrain.workflow.kept import keep
        from scitrain.workflow.nested import agreement_lines, write_nested
        from scitrain.workflow.pool import fold_lines
        from scitrain.workflow.results import headlines as numbers

        runs = train_folds(prepared.folds, self.name(), spec_of_fold(self, {"study": None}), self.max_minutes, run)
        last, began = self.model_copy(update={"max_minutes": minutes_left(self.max_minutes, runs, 1)}), time.time()
        searched = last._search(prepared, began, run)
        nested = write_nested(run, runs, searched.job, searched.found.best)
        request = last._winner(searched, began)
        pooled = keep(
            request, prepared, replace(searched.network, model=request.model or searched.network.model), runs, run
        )
        found = pooled.judged.evaluation
        sentence = "" if found.verdict is None else found.verdict.sentence
        told = self._result(searched, run, (numbers(prepared.task, found), sentence, limits(run)), run)
        return told.model_copy(update={"folds": [*fold_lines(pooled), *agreement_lines(nested)]})

    def _search(self, prepared: "Prepared", began: float, run: Run, hands: "Crew | None" = None) -> "Searched":
        """Search on the training and validation rows, and write down the trials."""
        from scitrain.figures.draw_search import draw_search
        from scitrain.tuning.planning import plan_search
        from scitrain.tuning.report import write_trials
        from scitrain.tuning.search import search
        from scitrain.workflow.network import choose_network
        from scitrain.workflow.stages import stage

        network = choose_network(prepared, self.model, run, self.features)
        learning = learning_of(prepared, network, self, run)
        until = None if self.max_minutes is None else began + SEARCH_SHARE * 60 * self.max_minutes
        job, decisions = plan_search(self, learning, self.model, prepared.targets, until, run.id)
        run.decide_all(decisions)
        with stage(run, "tune", "beginning the search"):
            found = search(job, learning, run, hands)
        draw_search(run, write_trials(run, job, found))
        return Searched(job, found, network)

    def _winner(self, searched: "Searched", began: float) -> TrainingRequest:
        """Return the request to train the best variant with, in the time that is left."""
        job, options = searched.job, self.part(TrainingOptions)
        model, options = job.space.apply(searched.found.best.parameters, searched.network.model, options)
        left = None
        if self.max_minutes is not None:
            left = max(self.max_minutes - (time.time() - began) / 60, self.max_minutes / 10)
        settled = options.model_copy(update={"epochs": job.epochs, "patience": job.patience, "max_minutes": left})
        fields = {name: getattr(self, name) for name in TrainingRequest.model_fields}
        return TrainingRequest.model_validate(fields | dict(settled) | {"model": model.model_dump()})

    def _train_best(self, searched: "Searched", began: float, run: Run) -> Run:
        """Train the best variant in a run of its own, or take the one that an interrupted search has begun."""
        from scitrain.workflow.best import Best, train_best

        trial, goal = searched.found.best, searched.job.goals[0]
        why = f"lowest {goal.title} of {searched.found.words()} in {run.id}"
        return train_best(Best(self._winner(searched, began), trial.number, trial.parameters, why), run)

    def _result(
        self, searched: "Searched", best: Run, numbers: tuple[list[Headline], str, list[str]], run: Run
    ) -> TuneResult:
        """Put together what the search came to, and the test metrics, verdict and warnings of the best."""
        job, found = searched.job, searched.found
        untuned = found.untuned(job)
        metrics, sentence, warnings = numbers
        return TuneResult(
            run_id=run.id,
            next_step=f"evaluate_model(run='{best.id}'), predict(run='{best.id}', inputs=[…]) or export_model(run='{best.id}')",
            best_run=best.id,
            objectives=[goal.words() for goal in job.goals],
            best=_variant(found.best),
            untuned=None if untuned is None else untuned.values,
            front=[_variant(one) for one in found.front] if len(job.goals) > 1 else [],
            importance=found.importance,
            tried=found.words(),
            metrics=metrics,
            verdict=sentence,
            warnings=[*found.warnings(job), *warnings],
            decisions=run.record().decisions,
            files=run.artifacts(),
        )


@dataclass(frozen=True)
class Searched:
    """A search that is done."""

    job: "SearchJob"
    found: "Found"
    network: "Network"
    """The untuned one."""


def _variant(record: "TrialRecord") -> TriedVariant:
    return TriedVariant(number=record.number, values=record.values or [], parameters=record.parameters)


def _short(value: JsonValue) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
