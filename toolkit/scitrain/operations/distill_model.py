"""Teach a small network what a trained one knows, and say what was kept."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from scitrain.contracts.operation import Job, Skill
from scitrain.errors import ScitrainError
from scitrain.runs import Run
from scitrain.spec import OfRun
from scitrain.training.options import TrainingOptions
from scitrain.workflow.measured import Measured
from scitrain.workflow.training import SELDOM, AskedModel, Formats
from scitrain.workspace import Workspace

if TYPE_CHECKING:
    from scitrain.training.learning import Learning
    from scitrain.workflow.distil import Kept
    from scitrain.workflow.judge import Judged
    from scitrain.workflow.network import Network
    from scitrain.workflow.teaching import Lesson, Teacher

__all__ = ["DistillModel", "DistillResult"]


class DistillResult(Measured):
    """What a student kept of its teacher."""

    teacher: str
    """Run that taught."""
    model: str
    """Family of the student."""
    kept: float | None
    """Share of the teacher's quality, 1 is all of it."""
    sentences: list[str]
    """Quality kept, size and time won, and what the teacher was good for, each with its paired interval."""

    def summary(self) -> str:
        """Return what was kept, the numbers and where to look."""
        return self.told([f"{self.run_id}: {self.model}, taught by {self.teacher}", *self.sentences], [self.verdict])


class DistillModel(OfRun, Job, TrainingOptions):
    """Train a small student on what a trained run, the teacher, says of its rows (and of `unlabelled` ones).

    Says what quality is kept, what size and time are won, and what the same student reaches without a teacher.
    """

    skill: ClassVar[Skill] = "transfer-learning"
    title: ClassVar[str] = "Distil a model"
    unnamed: ClassVar[frozenset[str]] = SELDOM
    explained_elsewhere: ClassVar[frozenset[str]] = frozenset(
        {*TrainingOptions.model_fields, "model", "seed", "coverage", "export"}
    )

    model: AskedModel = None
    """Student; null: one network of the teacher's own kind."""
    temperature: float = Field(2.0, ge=0.1, le=100)
    """Softens probabilities."""
    alpha: float = Field(0.7, ge=0, le=1)
    """Share of the teacher in the loss; the labels have the rest."""
    unlabelled: str | None = None
    """File of further inputs; its labels, if any, are not read."""
    ensemble: Annotated[int, Field(ge=1, le=20)] | Literal["auto"] = 1
    """Networks of the student."""
    seed: int | None = Field(None, ge=0, lt=2**32)
    """Seed of the student; null: the teacher's."""
    coverage: float = Field(0.9, ge=0.5, le=0.99)
    """Share of predictions whose interval or set shall hold the truth."""
    export: Formats = ["onnx"]
    """Formats written and verified."""

    def check(self, workspace: Workspace) -> None:
        """Refuse a teacher that is not finished, a student that does not read its data, and a file that is not there."""
        from scitrain.inference import read_config
        from scitrain.workflow.network import input_kind
        from scitrain.workflow.several import refuse_mixed
        from scitrain.workflow.sources import check_source
        from scitrain.workflow.teaching import check_teacher

        source = Run.open(self.of, workspace)
        check_teacher(source)
        refuse_mixed(
            read_config(source).task, "distill_model", "distil a model of one of them, or of targets of one kind"
        )
        if self.task_weights == "uncertainty":
            raise ScitrainError(
                "task_weights='uncertainty' learns from labels what a teacher has no say in; give weights by name, or leave it out"
            )
        if self.loss in ("gaussian", "quantile"):
            raise ScitrainError(
                f"loss={self.loss!r} learns two or three numbers of each target, and a teacher says one; take 'mse' or 'huber', and "
                "an ensemble tells how sure the student is"
            )
        if self.model is not None:
            input_kind(read_config(source).modality, self.model)
        if self.unlabelled is not None:
            check_source(self.unlabelled, workspace)

    def execute(self, run: Run) -> DistillResult:
        """Ask the teacher, train the student with and without it, judge, write."""
        from scitrain.workflow.ahead import import_ahead

        import_ahead("scitrain.training.fit", "scitrain.workflow.finish")
        from scitrain.workflow.network import choose_network
        from scitrain.workflow.teaching import lesson_of, read_unlabelled, teacher_of

        teacher = teacher_of(Run.open(self.of, run.workspace), run)
        network = choose_network(teacher.prepared, self.model or teacher.config.model_object(), run)
        further = None if self.unlabelled is None else read_unlabelled(self.unlabelled, teacher, run)
        lesson = lesson_of(teacher, network, further, self.augment, self._seed(teacher), run)
        judged, kept = self._learn(teacher, network, lesson, run)
        return self._result(teacher, network, judged, kept, run)

    def _seed(self, teacher: "Teacher") -> int:
        return teacher.config.seed if self.seed is None else self.seed

    def _learning(self, teacher: "Teacher", network: "Network") -> "Learning":
        from scitrain.training.learning import Learning

        prepared = teacher.prepared
        return Learning(
            task=prepared.task,
            x=network.x,
            y=prepared.y,
            train=prepared.split["train"],
            val=prepared.split["val"],
            n_outputs=prepared.n_outputs,
            model=network.model,
            shape=network.featuriser.shape(),
            options=TrainingOptions(**{name: getattr(self, name) for name in TrainingOptions.model_fields}),
            seed=self._seed(teacher),
        )

    def _learn(self, teacher: "Teacher", network: "Network", lesson: "Lesson", run: Run) -> "tuple[Judged, Kept]":
        from scitrain.resources import cpu_count
        from scitrain.training.fit import fit
        from scitrain.workflow.distil import compared, fit_alone, taught, write_kept
        from scitrain.workflow.finish import Finish, finish
        from scitrain.workflow.judge import Judging, judge
        from scitrain.workflow.simple import Asked, simple_models
        from scitrain.workflow.stages import stage

        learning, seed = self._learning(teacher, network), self._seed(teacher)
        with simple_models(teacher.prepared, network.natural, Asked(seed, max(1, cpu_count() // 2))) as simple:
            with stage(run, "train", "training the student"):
                fitted = fit(taught(learning, lesson, self.temperature, self.alpha), run)
            alone = fit_alone(learning, lesson, run)
            with stage(run, "evaluate", "comparing with the simple models"):
                judged = judge(teacher.prepared, network.x, fitted.predictor, Judging(self.coverage, seed), simple)
        how = Finish(teacher.config.source, self.coverage, seed, tuple(self.export))
        finish(run, teacher.prepared, network, fitted.predictor, judged, how)
        student = fitted.predictor, judged.said.prediction
        with stage(run, "compare", "comparing with the teacher"):
            kept = compared(teacher, student, alone.predictor, network.x, run)
            write_kept(
                run, kept, teacher, {"temperature": self.temperature, "alpha": self.alpha, "rows": len(lesson.train)}
            )
        return judged, kept

    def _result(
        self, teacher: "Teacher", network: "Network", judged: "Judged", kept: "Kept", run: Run
    ) -> DistillResult:
        from scitrain.render import limits, render_card, render_report
        from scitrain.workflow.results import headlines

        render_card(run)  # again: it tells of the teacher
        render_report(run)
        verdict = judged.evaluation.verdict
        return DistillResult(
            next_step=f"predict(run='{run.id}', inputs=[…]) or export_model(run='{run.id}')",
            teacher=self.of,
            model=type(network.model).model_fields["family"].default,
            kept=kept.kept.value,
            sentences=kept.sentences(),
            metrics=headlines(teacher.prepared.task, judged.evaluation),
            verdict="" if verdict is None else verdict.sentence,
            warnings=limits(run),
            decisions=run.record().decisions,
            files=run.artifacts(),
        )
