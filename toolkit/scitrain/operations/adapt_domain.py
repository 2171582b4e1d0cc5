"""Train a network on labelled rows of one domain such that it serves another, which has none."""

from typing import TYPE_CHECKING, ClassVar

from scitrain.contracts.operation import Job, Skill
from scitrain.data.options import DataOptions, DomainOptions
from scitrain.errors import ScitrainError
from scitrain.runs import Run
from scitrain.transfer.options import AdaptOptions
from scitrain.workflow.measured import MeasuredNetwork
from scitrain.workflow.training import SELDOM, TrainingRequest, learning_of
from scitrain.workspace import Workspace

if TYPE_CHECKING:
    from scitrain.workflow.adaptation import Told
    from scitrain.workflow.adapted import Adapted
    from scitrain.workflow.domains import Domains
    from scitrain.workflow.judge import Judged
    from scitrain.workflow.network import Network

__all__ = ["AdaptDomain", "AdaptResult"]


class AdaptResult(MeasuredNetwork):
    """What an adaptation came to; its metrics are those on the target where it has labels, else on the source."""

    method: str
    """Kept, and how it was chosen."""
    sentences: list[str]
    """Whether it beats source-only, how far the domains lie apart, what an oracle reaches."""

    def summary(self) -> str:
        """Return whether adapting helped, the numbers and where to look."""
        return self.told([self.head, f"method: {self.method}", *self.sentences], [self.verdict])


class AdaptDomain(Job, AdaptOptions, DomainOptions, TrainingRequest):
    """Learn from labelled rows of one domain for another without labels, and say whether that beats source-only.

    Takes the arguments of train_model. Follow it with get_run.
    """

    skill: ClassVar[Skill] = "transfer-learning"
    title: ClassVar[str] = "Adapt to a domain"
    unnamed: ClassVar[frozenset[str]] = SELDOM
    explained_elsewhere: ClassVar[frozenset[str]] = frozenset(TrainingRequest.model_fields) | {"weight"}

    def check(self, workspace: Workspace) -> None:
        """Refuse data that are not there, a target that is the source, and what trains otherwise."""
        from scitrain.workflow.domains import check_domains
        from scitrain.workflow.sources import check_data, check_source

        check_data(self.part(DataOptions), workspace)
        if self.target_data is not None:
            check_source(self.target_data, workspace)
        check_domains(self.part(DataOptions), self.part(DomainOptions), workspace)
        if self.devices not in ("auto", 1):
            raise ScitrainError(f"devices={self.devices}: adapting works in one process; leave devices out")
        if self.refit:
            raise ScitrainError("refit=true trains on validation rows too, by which adapt_domain chooses; leave it out")

    def execute(self, run: Run) -> AdaptResult:
        """Prepare both domains, train, choose, judge, write."""
        from scitrain.workflow.ahead import import_ahead

        import_ahead("scitrain.training.fit", "scitrain.workflow.finish")
        from scitrain.workflow.domains import prepare_domains
        from scitrain.workflow.network import choose_network
        from scitrain.workflow.stages import stage

        with stage(run, "prepare", "reading and cleaning both domains"):
            domains = prepare_domains(self.part(DataOptions), self.part(DomainOptions), run.workspace, run)
        prepared = domains.prepared
        run.decide_all(prepared.decisions)
        network = choose_network(prepared, self.model, run, self.features)
        judged, found = self._learn(domains, network, run)
        return self._result(domains, network, judged, found, run)

    def _learn(self, domains: "Domains", network: "Network", run: Run) -> "tuple[Judged, Told]":
        from scitrain.resources import cpu_count
        from scitrain.workflow.adaptation import told, write_told
        from scitrain.workflow.adapted import adapt
        from scitrain.workflow.judge import Judging, judge
        from scitrain.workflow.simple import Asked, simple_models
        from scitrain.workflow.stages import stage

        prepared = domains.prepared
        asked, learning = self.part(AdaptOptions), learning_of(prepared, network, self, run)
        with simple_models(prepared, network.natural, Asked(self.seed, max(1, cpu_count() // 2))) as simple:
            adapted = adapt(domains, learning, asked, run)
            with stage(run, "evaluate", "measuring on the target, and comparing with the simple models"):
                found = told(domains, network.x, adapted, asked.weights())
                predictor = adapted.kept.fitted.predictor
                judged = judge(prepared, network.x, predictor, Judging(self.coverage, self.seed), simple)
        write_told(run, found, adapted, self.seed)
        self._finish(domains, network, adapted, judged, run)
        return judged, found

    def _finish(self, domains: "Domains", network: "Network", adapted: "Adapted", judged: "Judged", run: Run) -> None:
        from scitrain.workflow.finish import Finish, finish

        how = Finish(domains.prepared.report["source"], self.coverage, self.seed, tuple(self.export))  # type: ignore[arg-type]
        finish(run, domains.prepared, network, adapted.kept.fitted.predictor, judged, how)

    def _result(self, domains: "Domains", network: "Network", judged: "Judged", found: "Told", run: Run) -> AdaptResult:
        from scitrain.render import limits
        from scitrain.workflow.results import headlines

        prepared, verdict = domains.prepared, judged.evaluation.verdict
        return AdaptResult(
            run_id=run.id,
            next_step=f"predict(run='{run.id}', inputs=[…]), evaluate_model(run='{run.id}') or export_model(run='{run.id}')",
            task=prepared.task,
            modality=prepared.modality,
            targets=[target.name for target in prepared.targets],
            model=type(network.model).model_fields["family"].default,
            method=f"{found.kept}: {found.why}",
            sentences=found.sentences,
            metrics=headlines(prepared.task, judged.evaluation),
            verdict="" if verdict is None else verdict.sentence,
            warnings=limits(run),
            decisions=run.record().decisions,
            files=run.artifacts(),
        )
