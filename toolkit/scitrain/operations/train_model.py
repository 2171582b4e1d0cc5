"""Train a model of a data set, judge it, and write everything down."""

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from scitrain.contracts.operation import Job, Skill
from scitrain.data.options import DataOptions
from scitrain.runs import Run
from scitrain.workflow.measured import MeasuredNetwork
from scitrain.workflow.training import SELDOM, SeveralTargets, TrainingRequest
from scitrain.workspace import Workspace

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from scitrain.data.prepared import Prepared
    from scitrain.training.learning import Fitted
    from scitrain.workflow.judge import Judged
    from scitrain.workflow.network import Network
    from scitrain.workflow.simple import Simple

__all__ = ["TrainModel", "TrainResult"]


class TrainResult(MeasuredNetwork):
    """What a training came to."""

    together: str = ""
    """What learning several targets together gains over a network for each, with the interval."""
    folds: list[str] = []
    """Of a cross-validation: each fold's number and run, and their mean with its interval."""

    def summary(self) -> str:
        """Return the numbers, the verdict and where to look."""
        return self.told([self.head], [*self.folds, self.verdict, self.together])


class TrainModel(Job, SeveralTargets, TrainingRequest):
    """Train a deep-learning model of tables, molecules, formulas, images, series, sequences or texts, and say how far to trust it.

    Reads and cleans the data, splits it (by scaffold for molecules, by chemical system for formulas), trains with early
    stopping, compares with simple models on the same split, calibrates intervals, and writes metrics, figures, model card,
    report and ONNX file into a run directory. Answers at once with a run id; follow it with get_run. Call inspect_dataset
    first: it gives these arguments ready to send. list_models(tool="train_model") explains those that are only named.
    """

    skill: ClassVar[Skill] = "deep-learning"
    title: ClassVar[str] = "Train a model"
    explained_elsewhere: ClassVar[frozenset[str]] = SELDOM

    def check(self, workspace: Workspace) -> None:
        """Refuse data that are not there, and columns that they do not have."""
        from scitrain.workflow.sources import check_data

        check_data(self.part(DataOptions), workspace)

    def execute(self, run: Run) -> TrainResult:
        """Prepare, train, judge, export, draw, write."""
        from scitrain.workflow.ahead import import_ahead

        import_ahead("scitrain.training.fit", "scitrain.workflow.finish")
        from scitrain.data.prepare import prepare
        from scitrain.workflow.network import choose_network
        from scitrain.workflow.several import refuse_single
        from scitrain.workflow.stages import stage

        with stage(run, "prepare", "reading and cleaning the data"):
            prepared = prepare(self.part(DataOptions), run.workspace, run)
        run.decide_all(prepared.decisions)
        if self.single_tasks:
            refuse_single(prepared)
        network = choose_network(prepared, self.model, run, self.features)
        if prepared.folds:
            return self._by_folds(prepared, network, run)
        from scitrain.workflow.judge import Judging, judge  # brings torch, which is being imported all the while
        from scitrain.workflow.kept import fit_network

        with self._simple_models(prepared, network) as simple:
            fitted, calibrator = fit_network(self, prepared, network, run)
            how = Judging(self.coverage, self.seed, calibrator=calibrator)
            with stage(run, "evaluate", "comparing with the simple models"):
                judged = judge(prepared, network.x, fitted.predictor, how, simple)
        together = self._together(prepared, network, judged, run)
        self._finish(prepared, network, fitted, judged, run)
        return self._result(prepared, network, judged, run).model_copy(update={"together": together})

    def _together(self, prepared: "Prepared", network: "Network", judged: "Judged", run: Run) -> str:
        from scitrain.workflow.single_tasks import compare_single

        if not self.single_tasks:
            return ""
        return compare_single(self, prepared, network, judged.said.prediction, run).sentence

    def _by_folds(self, prepared: "Prepared", network: "Network", run: Run) -> TrainResult:
        """Train a run for each fold, keep a network of all rows, and judge it by the folds."""
        from scitrain.workflow.folds import minutes_left, spec_of_fold, train_folds
        from scitrain.workflow.kept import keep
        from scitrain.workflow.pool import fold_lines

        chosen = {"model": network.model.model_dump(mode="json")}
        runs = train_folds(prepared.folds, self.name(), spec_of_fold(self, chosen), self.max_minutes, run)
        last = self.model_copy(update={"max_minutes": minutes_left(self.max_minutes, runs, 1)})
        pooled = keep(last, prepared, network, runs, run)
        return self._result(prepared, network, pooled.judged, run).model_copy(update={"folds": fold_lines(pooled)})

    def _simple_models(self, prepared: "Prepared", network: "Network") -> "AbstractContextManager[Simple]":
        """Fit the simple models on half of the CPUs while the network trains."""
        from scitrain.resources import cpu_count
        from scitrain.workflow.simple import Asked, simple_models

        threads = max(1, cpu_count() // 2)
        asked = Asked(self.seed, threads, self.refit)
        if self.max_minutes is not None:
            asked = replace(asked, seconds=self.max_minutes * 60 / 5)
        return simple_models(prepared, network.natural, asked)

    def _finish(self, prepared: "Prepared", network: "Network", fitted: "Fitted", judged: "Judged", run: Run) -> None:
        from scitrain.workflow.finish import Finish, finish
        from scitrain.workflow.fold_rows import write_fold

        write_fold(run, prepared, judged)
        how = Finish(source=self.data, coverage=self.coverage, seed=self.seed, export=tuple(self.export))
        finish(run, prepared, network, fitted.predictor, judged, how)

    def _result(self, prepared: "Prepared", network: "Network", judged: "Judged", run: Run) -> TrainResult:
        from scitrain.render import limits
        from scitrain.workflow.results import headlines

        verdict = judged.evaluation.verdict
        return TrainResult(
            run_id=run.id,
            next_step=f"evaluate_model(run='{run.id}'), predict(run='{run.id}', inputs=[…]) or export_model(run='{run.id}')",
            task=prepared.task,
            modality=prepared.modality,
            targets=[target.name for target in prepared.targets],
            model=type(network.model).model_fields["family"].default,
            metrics=headlines(prepared.task, judged.evaluation),
            verdict="" if verdict is None else verdict.sentence,
            warnings=limits(run),
            decisions=run.record().decisions,
            files=run.artifacts(),
        )
