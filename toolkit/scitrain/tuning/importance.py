"""Which parameters made the difference."""

from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.study import Study
from optuna.trial import TrialState

from scitrain.tuning.job import SearchJob

__all__ = ["FEWEST", "importance_of"]

FEWEST = 8
"""Complete trials below which a forest of them says nothing."""


def importance_of(study: Study, job: SearchJob) -> tuple[dict[str, float] | None, str | None]:
    """Return the share of the error's variance over the space that each parameter explains, the largest first, or why not.

    By fANOVA (Hutter et al. 2014, proceedings.mlr.press/v32/hutter14) on the complete trials: those given up early say little
    of where they would have ended.
    """
    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    varied = [p.name for p in job.space.parameters if len({str(trial.params.get(p.name)) for trial in done}) > 1]
    if len(done) < FEWEST:
        return None, f"{len(done)} trials came to their end; at least {FEWEST} are needed"
    if not varied or len({trial.values[0] for trial in done}) < 2:
        return None, "nothing varied, or nothing made a difference"
    evaluator = FanovaImportanceEvaluator(seed=job.seed)
    found = get_param_importances(study, evaluator=evaluator, params=varied, target=lambda trial: trial.values[0])
    return dict(sorted(found.items(), key=lambda item: -item[1])), None
