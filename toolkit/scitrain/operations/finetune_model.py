"""Train a network of a data set from weights that were learned elsewhere."""

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import JsonValue, model_validator

from scitrain.contracts.model import ModelSpec
from scitrain.contracts.operation import Job, Skill
from scitrain.data.options import DataOptions
from scitrain.errors import ScitrainError
from scitrain.runs import Run
from scitrain.transfer.options import FinetuneOptions
from scitrain.workflow.measured import MeasuredNetwork
from scitrain.workflow.training import SELDOM, SeveralTargets, TrainingRequest, learning_of
from scitrain.workspace import Workspace

if TYPE_CHECKING:
    from scitrain.data.prepared import Prepared
    from scitrain.transfer.arms import Trained
    from scitrain.transfer.origin import Origin
    from scitrain.workflow.chain import Lineage
    from scitrain.workflow.judge import Judged
    from scitrain.workflow.network import Network
    from scitrain.workflow.transferred import Outcome

__all__ = ["FinetuneModel", "FinetuneResult"]

SETTLED = ("source", "intermediate", "compare")
"""What a run in between cannot say for itself."""


class FinetuneResult(MeasuredNetwork):
    """What a fine-tuning came to."""

    strategy: str
    """What was trained, and how much that is."""
    transfer: str
    """Whether the transfer helps, with the interval of the gain over training from scratch."""
    together: str = ""
    """What learning several targets together gains over a network for each, with the interval."""

    def summary(self) -> str:
        """Return the numbers, whether transfer helps, the verdict and where to look."""
        return self.told([self.head, f"trained: {self.strategy}"], [self.transfer, self.verdict, self.together])


class FinetuneModel(Job, FinetuneOptions, SeveralTargets, TrainingRequest):
    """Fine-tune pretrained weights on a few labels: images, texts, molecules, proteins, or the encoder of any run.

    Takes the arguments of train_model. `compare` tries several strategies, from scratch among them, and says whether the
    transfer helps.
    """

    skill: ClassVar[Skill] = "transfer-learning"
    title: ClassVar[str] = "Fine-tune a model"
    unnamed: ClassVar[frozenset[str]] = SELDOM
    explained_elsewhere: ClassVar[frozenset[str]] = frozenset(TrainingRequest.model_fields) | frozenset(SeveralTargets.model_fields) | {
        "blocks", "layer_decay", "head_rate", "rank", "modules", "units"
    }  # fmt: skip

    @model_validator(mode="after")
    def _links(self) -> Self:
        if self.unlabelled is not None and (self.compare or self.single_tasks or self.strategy == "feature"):
            raise ValueError(
                "unlabelled trains a network a second time: leave out compare, single_tasks and strategy='feature' (a head alone says the "
                "same again); compare first, then name the best strategy with unlabelled"
            )
        for link in self.intermediate:
            if not link.keys().isdisjoint(SETTLED):
                raise ValueError(
                    f"a run of intermediate begins where the one before ends: leave {', '.join(SETTLED)} out of it, and name data, target "
                    "and what else differs from the defaults"
                )
            FinetuneModel.model_validate({**link, "source": self.source})
        return self

    def links(self) -> list[dict[str, JsonValue]]:
        """Return the requests of the runs in between, the first from this one's source."""
        shared: dict[str, JsonValue] = {"seed": self.seed, "device": self.device, "export": []}
        found = [FinetuneModel.model_validate({**shared, **link, "source": self.source}) for link in self.intermediate]
        return [link.model_dump(mode="json") for link in found]

    def check(self, workspace: Workspace) -> None:
        """Refuse data and weights that are not there, and several processes."""
        from scitrain.transfer.origin import check_source_of_weights
        from scitrain.workflow.sources import check_source

        more = [name for name in (self.unlabelled, self.auxiliary) if name is not None]
        for data in (self.data, *more, *(str(link["data"]) for link in self.links())):
            check_source(data, workspace)
        known = check_source_of_weights(self.source, workspace)
        if known is not None:
            self._refuse_impossible(known)
        if self.devices not in ("auto", 1):
            raise ScitrainError(f"devices={self.devices}: fine-tuning works in one process; leave devices out")

    def parents(self) -> list[str]:
        """Return the run whose encoder is taken."""
        from scitrain.transfer.origin import RUN_ID

        return [self.source] if RUN_ID.fullmatch(self.source) else []

    def execute(self, run: Run) -> FinetuneResult:
        """Prepare, find the weights, train, judge, export, draw, write."""
        from scitrain.transfer.arms import train_again
        from scitrain.transfer.finished_arms import forget_arms
        from scitrain.transfer.origin import resolve
        from scitrain.workflow.ahead import import_ahead
        from scitrain.workflow.chain import lineage
        from scitrain.workflow.stages import stage
        from scitrain.workflow.transferred import kept_network, transfer, transferred_network

        import_ahead("scitrain.workflow.finish")
        prepared = self._prepared(run)
        source = self._walked(prepared, run)
        with stage(run, "weights", f"looking for the weights of {source}"):
            origin = resolve(source, prepared.modality, self.model, run.workspace)
        known = lineage(source, prepared, run)
        network = transferred_network(prepared, origin, run, self.features)
        learning = learning_of(prepared, network, self, run)
        with stage(run, "train", "training"):
            found = transfer(prepared, network, learning, origin, self.part(FinetuneOptions), run)
        first, network = found.kept, kept_network(network, found.kept)
        if self.refit:
            with stage(run, "refit", "training on the validation rows too"):
                found = replace(found, kept=train_again(found.study, first, run))
        judged = self._judge(prepared, network, found, first if self.refit else None, run)
        together = self._together(prepared, network, found, judged, run)
        self._finish(prepared, network, found, judged, run)
        forget_arms(run)
        result = self._result(prepared, origin, found, judged, run).model_copy(update={"together": together})
        if self.intermediate and self.compare:
            told = self._without(found, known, run)
            result = result.model_copy(update={"transfer": f"{told} {result.transfer}", "files": run.artifacts()})
        return result

    def _prepared(self, run: Run) -> "Prepared":
        from scitrain.data.prepare import prepare
        from scitrain.workflow.met import spared
        from scitrain.workflow.several import refuse_single
        from scitrain.workflow.stages import stage
        from scitrain.workflow.transferred import refuse_unseen

        with stage(run, "prepare", "reading and cleaning the data"):
            prepared = prepare(self.part(DataOptions), run.workspace, run)
        run.decide_all(prepared.decisions)
        prepared, withheld = spared(prepared, run)
        if withheld:
            run.decide("withheld", withheld, "training rows that the run this one leads to is judged on")
        refuse_unseen(prepared)
        if self.single_tasks:
            refuse_single(prepared)
        return prepared

    def _refuse_impossible(self, model: ModelSpec) -> None:
        """Refuse strategies, of this run and of those in between, that cannot be put into the network of the weights."""
        from scitrain.transfer.possible import refuse_impossible

        for request in (*map(FinetuneModel.model_validate, self.links()), self):
            refuse_impossible(request.arms(), model)

    def _walked(self, prepared: "Prepared", run: Run) -> str:
        """Work on the runs in between, where all strategies are possible, and return where the weights are now."""
        from scitrain.transfer.origin import resolve
        from scitrain.workflow.chain import walked

        first = FinetuneModel.model_validate(self.links()[0]) if self.intermediate else self
        self._refuse_impossible(resolve(self.source, prepared.modality, first.model, run.workspace).model)
        if not self.intermediate:
            return self.source
        ids = walked(self.links(), self.name(), prepared, run)
        run.decide(
            "weights",
            ids[-1],
            f"{self.source}, trained further on {len(ids)} data set{'s' * (len(ids) > 1)} in between",
        )
        run.update(parents=list(dict.fromkeys([*run.record().parents, ids[-1]])))
        return ids[-1]

    def _without(self, found: "Outcome", known: "Lineage", run: Run) -> str:
        """Train the same without the runs in between, and say what these gain."""
        from scitrain.render import render_card, render_report
        from scitrain.workflow.chain import without

        arm = found.kept.arm
        changes: dict[str, JsonValue] = {
            "intermediate": [],
            "compare": [],
            "export": [],
            "strategy": "auto" if arm == "scratch" else arm,
        }
        told = without(self.model_copy(update=changes).model_dump(mode="json"), known, self.name(), run)
        render_card(run)  # again: it tells of the comparison
        render_report(run)
        return "" if told.without is None else told.without.sentence

    def _together(self, prepared: "Prepared", network: "Network", found: "Outcome", judged: "Judged", run: Run) -> str:
        from scitrain.workflow.single_tasks import compare_single
        from scitrain.workflow.transferred import as_kept

        if not self.single_tasks:
            return ""
        return compare_single(self, prepared, network, judged.said.prediction, run, as_kept(found)).sentence

    def _judge(
        self, prepared: "Prepared", network: "Network", found: "Outcome", first: "Trained | None", run: Run
    ) -> "Judged":
        """Judge on the test rows; ``first`` calibrates where what is kept was trained on the validation rows too."""
        from scitrain.resources import cpu_count
        from scitrain.workflow.judge import Judging, judge
        from scitrain.workflow.simple import Asked, simple_models
        from scitrain.workflow.stages import stage

        with (
            stage(run, "evaluate", "comparing with the simple models"),
            simple_models(prepared, network.natural, Asked(self.seed, cpu_count(), self.refit)) as simple,
        ):
            how = Judging(self.coverage, self.seed, calibrator=None if first is None else first.fitted.predictor)
            return judge(prepared, network.x, found.kept.fitted.predictor, how, simple)

    def _finish(self, prepared: "Prepared", network: "Network", found: "Outcome", judged: "Judged", run: Run) -> None:
        from scitrain.transfer.writing import write_history, write_model
        from scitrain.workflow.finish import Finish, finish

        found.facts.write(run)
        write_history(run, [found.kept, *found.others])
        how = Finish(source=self.data, coverage=self.coverage, seed=self.seed, export=tuple(self.export))
        finish(run, prepared, network, found.kept.fitted.predictor, judged, how)
        write_model(run, found.kept.fitted.predictor)

    def _result(
        self, prepared: "Prepared", origin: "Origin", found: "Outcome", judged: "Judged", run: Run
    ) -> FinetuneResult:
        from scitrain.render import limits
        from scitrain.workflow.results import headlines

        verdict = judged.evaluation.verdict
        kept = found.kept
        return FinetuneResult(
            run_id=run.id,
            next_step=f"evaluate_model(run='{run.id}'), predict(run='{run.id}', inputs=[…]) or export_model(run='{run.id}')",
            task=prepared.task,
            modality=prepared.modality,
            targets=[target.name for target in prepared.targets],
            model=f"{type(kept.model).model_fields['family'].default} from {origin.words}",
            strategy=f"{kept.arm}, {kept.trainable:,} of {kept.total:,} numbers ({kept.trainable / kept.total:.2%})",
            metrics=headlines(prepared.task, judged.evaluation),
            transfer=found.sentence,
            verdict="" if verdict is None else verdict.sentence,
            warnings=[*found.warnings, *limits(run)],
            decisions=run.record().decisions,
            files=run.artifacts(),
        )
