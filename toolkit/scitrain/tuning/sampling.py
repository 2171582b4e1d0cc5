"""Optuna's samplers and pruners, as a search asks for them."""

from optuna import pruners, samplers
from optuna.study import Study

from scitrain.training.feeding import mix
from scitrain.tuning.job import SearchJob

__all__ = ["make_pruner", "make_sampler", "queue_first"]

STREAM = 11
"""Keeps the seeds of a search apart from those of initial weights and orders."""
STARTUP = 10
"""Trials drawn at random before TPE and the median learn from them."""
WARMUP_SHARE = 3
"""A trial is not judged by the median before a third of its epochs: a high learning rate starts slowly and ends well."""


def make_sampler(job: SearchJob, worker: int, number: int) -> samplers.BaseSampler:
    """Return the sampler of one trial.

    It is seeded by the number of the trial, so that a search which was killed goes on as it would have gone on.
    """
    seed = mix(job.seed, STREAM, worker, number) % 2**32
    if job.sampler == "tpe":
        return samplers.TPESampler(
            seed=seed, multivariate=True, n_startup_trials=STARTUP, constant_liar=job.workers > 1
        )
    if job.sampler == "cmaes":
        return samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
    return samplers.RandomSampler(seed=seed)


def make_pruner(job: SearchJob) -> pruners.BasePruner:
    """Return the pruner of a search."""
    if job.pruner == "hyperband":
        return pruners.HyperbandPruner(min_resource=1, max_resource=job.epochs)
    if job.pruner == "median":
        return pruners.MedianPruner(n_startup_trials=STARTUP // 2, n_warmup_steps=max(1, job.epochs // WARMUP_SHARE))
    return pruners.NopPruner()


def queue_first(job: SearchJob, study: Study) -> None:
    """Queue what is tried before the sampler is asked: the points of a grid, or the untuned network."""
    if job.sampler == "grid":
        for point in job.space.grid(job.n_trials, job.seed)[0]:
            study.enqueue_trial(point)
        return
    start = job.space.encode(job.start)
    if len(start) == len(job.space.parameters):
        study.enqueue_trial(start)
