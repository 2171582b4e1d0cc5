"""Runs in between: each begins from the weights of the one before, the last is what is asked for."""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import JsonValue

from scitrain.data.prepared import Prepared
from scitrain.errors import CancelledError, RunNotFoundError, ScitrainError, listed
from scitrain.evaluation.problem import Problem
from scitrain.inference.files import read_config
from scitrain.runs import Run
from scitrain.spec import Spec
from scitrain.transfer.origin import pretrained_folder
from scitrain.workflow.child import reopened, worked
from scitrain.workflow.met import PRETRAINING, Met, met_before, withhold
from scitrain.workflow.pairing import pairs, tested_rows

__all__ = ["DIRECT", "LINEAGE", "Gain", "Lineage", "Step", "lineage", "past", "walked", "without"]

BEGUN = "checkpoints/chain.json"
"""Run of each link that was begun, by its number or name."""
LINEAGE = "results/lineage.json"
DIRECT = "direct"
METRICS, TRANSFER = "results/metrics.json", "results/transfer.json"
Request = Mapping[str, JsonValue]


class Step(Spec):
    """One station of the weights on their way here."""

    weights: str
    """Run, or name of a hub, a folder or a file."""
    data: str = ""
    """What it was trained on, where that is known."""
    targets: list[str] = []
    strategy: str = ""
    """Of a pretraining, by what objectives."""
    metric: str = ""
    value: float | None = None
    """On its own test rows."""
    unit: str | None = None


class Gain(Spec):
    """The same data from the first weights alone."""

    run: str
    metric: str
    direct: float | None
    chain: float | None
    gain: float | None
    """Improvement of the chain, paired on the test rows both met; positive where it is better."""
    low: float | None
    high: float | None
    outcome: Literal["helps", "does_not_help", "cannot_tell"]
    sentence: str


class Lineage(Spec):
    """Where weights come from, the oldest first; JSON of ``results/lineage.json``."""

    steps: list[Step]
    without: Gain | None = None
    """Null where it was not asked."""
    met: list[Met] = []
    """Stations that learned labels of rows this run is judged on."""


def walked(links: Sequence[Request], operation: str, prepared: Prepared, run: Run) -> list[str]:
    """Work on a run for each link whose source is the one before; those that are done are taken, and return their ids.

    What val and test rows of ``prepared`` hold is withheld from all of them.

    Raises:
        ScitrainError: A link failed; says which.
        CancelledError: Somebody asked it to stop.
    """
    ids: list[str] = []
    for number, link in enumerate(links):
        spec = dict(link) | ({"source": ids[-1]} if ids else {})
        run.progress("chain", number, len(links), f"intermediate run {number + 1} of {len(links)}")
        what = f"intermediate {number + 1} of {len(links)}"
        ids.append(_link(str(number), operation, spec, run, what, prepared))
    return ids


def _link(key: str, operation: str, spec: Request, run: Run, what: str, withheld: Prepared | None = None) -> str:
    """Work on one run, taken up where it was begun before."""
    begun = run.read_json(BEGUN) if (run.path / BEGUN).is_file() else {}
    child = reopened(begun[key], run) if key in begun else None
    if child is None:
        child = Run.create(operation, dict(spec), run.workspace, _run_of(str(spec["source"]), run))
        if withheld is not None:
            withhold(withheld, child)
        run.write_json(BEGUN, begun | {key: child.id})
    try:
        return worked(child, run, what).id
    except CancelledError:
        raise
    except ScitrainError as error:
        raise ScitrainError(f"{what}, run {child.id}: {error}") from error


def _run_of(source: str, run: Run) -> list[str]:
    """Return the id of a run, alone; nothing where weights are of another kind."""
    return [source] if (run.workspace.runs / source).is_dir() and "/" not in source else []


def past(source: str, run: Run) -> list[Step]:
    """Return the stations of weights named ``source``, the oldest first: each run tells what it began from."""
    steps: list[Step] = []
    seen: set[str] = set()
    while source not in seen:
        seen.add(source)
        try:
            station = Run.open(source, run.workspace)
        except RunNotFoundError:
            steps.append(Step(weights=source))
            break
        steps.append(_step(station))
        if not (station.path / TRANSFER).is_file():
            break
        source = str(station.read_json(TRANSFER)["source"])
    return steps[::-1]


def _step(station: Run) -> Step:
    if pretrained_folder(station) is not None:
        spec = station.record().spec
        targets, objectives = (station.read_json(PRETRAINING)[name] for name in ("targets", "objectives"))
        how = f"pretrained by {listed([name for name, weight in objectives.items() if weight])}"
        return Step(weights=station.id, data=str(spec["data"]), targets=targets, strategy=how)
    config = read_config(station)
    told = station.read_json(TRANSFER) if (station.path / TRANSFER).is_file() else {}
    problem = Problem(config.task, config.targets)
    rows = station.read_json(METRICS)["metrics"] if (station.path / METRICS).is_file() else []
    row: dict[str, JsonValue] = next(
        (one for one in rows if one["name"] == problem.primary.name and one["split"] == "test"), {}
    )
    return Step(
        weights=station.id,
        data=config.source,
        targets=[target.name for target in config.targets],
        strategy=str(told.get("strategy", "from random weights")),
        metric=str(row.get("title", problem.primary.title)),
        value=row.get("value"),
        unit=row.get("unit"),
    )


def lineage(source: str, prepared: Prepared, run: Run) -> Lineage:
    """Write ``results/lineage.json`` for a run that begins from ``source``."""
    steps = past(source, run)
    taught = [step.weights for step in steps if step.targets]
    found = Lineage(steps=steps, met=met_before(taught, prepared, run))
    run.write_json(LINEAGE, found.model_dump(mode="json"))
    return found


def without(spec: Request, known: Lineage, operation: str, run: Run) -> Lineage:
    """Train the same from the first weights alone, as a run of its own, and write down what the chain gains over it."""
    direct = Run.open(_link(DIRECT, operation, spec, run, "without the intermediate runs"), run.workspace)
    config = read_config(run)
    metric = Problem(config.task, config.targets).primary
    rows = {one.id: tested_rows(one, config.task, config.targets) for one in (run, direct)}
    [pair] = pairs(run.id, rows, metric.name, None)
    steps = [_step(one) for one in (run, direct)]
    ends = None if pair.low is None or pair.high is None else (pair.low, pair.high)
    outcome: Literal["helps", "does_not_help", "cannot_tell"] = (
        "cannot_tell" if ends is None or ends[0] <= 0 <= ends[1] else "helps" if ends[0] > 0 else "does_not_help"
    )
    word = {
        "helps": "The intermediate training helps",
        "does_not_help": "The intermediate training does harm",
        "cannot_tell": "The intermediate training cannot be shown to help: the interval of the gain includes zero",
    }[outcome]
    unit = f" {steps[0].unit}" if steps[0].unit else ""
    told = "" if ends is None else f" (95% interval {ends[0]:.3g} to {ends[1]:.3g}, paired)"
    sentence = (
        f"{word}; test {metric.title} {_short(steps[0].value)} against {_short(steps[1].value)}{unit} without it, gain "
        f"{_short(pair.improvement)}{told}."
    )
    gain = Gain(
        run=direct.id,
        metric=metric.name,
        direct=steps[1].value,
        chain=steps[0].value,
        gain=pair.improvement,
        low=pair.low,
        high=pair.high,
        outcome=outcome,
        sentence=sentence,
    )
    found = known.model_copy(update={"without": gain})
    run.write_json(LINEAGE, found.model_dump(mode="json"))
    return found


def _short(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
