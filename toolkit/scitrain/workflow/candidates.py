"""Candidates from a request to files: drawn in batches, written as they come, kept when the run is interrupted."""

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scitrain.cancellation import stop_if_asked
from scitrain.chem.calculated import calculate_for
from scitrain.errors import RunStateError, ScitrainError
from scitrain.generation.conditions import Told, asked_goals
from scitrain.generation.config import GENERATOR, REFERENCE, GeneratorConfig, key_hash
from scitrain.generation.gathering import MISSED, Gathered, Wanted, gather
from scitrain.generation.generator import Candidate, load, read_generator_config
from scitrain.generation.goals import Goal
from scitrain.generation.heeding import heeded, varies
from scitrain.generation.options import Sampling
from scitrain.generation.tolerance import meets, tolerances_of
from scitrain.render import render_generated
from scitrain.runs import Json, Run
from scitrain.workflow.candidate_figures import Drawing, draw_candidates
from scitrain.workflow.candidate_rows import ASKED, CANDIDATES
from scitrain.workflow.stages import stage

__all__ = ["CANDIDATES", "Asked", "generate", "generator_config", "told_of"]

GENERATION = "results/generation.json"
JOURNAL = "checkpoints/candidates.jsonl"
SHOWN = 12
SAMPLE = 5000
"""Candidates that properties are calculated of for the figures and sentences."""


@dataclass(frozen=True)
class Asked:
    """What the request says."""

    generator: str
    """Id of the run."""
    count: int
    conditions: Mapping[str, Goal]
    sampling: Sampling
    seed: int
    novel: bool
    seconds: float | None


def generator_config(run: Run) -> GeneratorConfig:
    """Return the generator of a run.

    Raises:
        RunStateError: The run is no finished train_generator.
    """
    record = run.record()
    if record.operation != "train_generator" or not (run.path / GENERATOR).is_file():
        raise RunStateError(
            f"run {run.id!r} ({record.operation}, {record.status}) holds no generator; give the id of a completed train_generator run"
        )
    return read_generator_config(run)


def told_of(asked: Asked, config: GeneratorConfig) -> tuple[Told, list[str]]:
    """Return what draws are told, and warnings of values outside the trained range.

    Raises:
        ScitrainError: A generator cannot be told so.
    """
    told, warnings = asked_goals(config.conditions, asked.conditions)
    tolerances_of(config.conditions, asked.conditions)  # refuses what nobody can keep to
    if asked.sampling.beams > 1 and not told.same:
        raise ScitrainError(
            "a beam search finds the likeliest of one value; give numbers as conditions, or leave beams out"
        )
    return told, warnings


def generate(asked: Asked, run: Run) -> tuple[dict[str, Json], list[str], list[str]]:
    """Draw and write; return the content of ``results/generation.json``, warnings, and the first candidates."""
    source = Run.open(asked.generator, run.workspace)
    config = generator_config(source)
    told, warnings = told_of(asked, config)
    with stage(run, "prepare", "loading the generator"):
        generator = load(source)
    _decide(asked, config, run)
    journal = _Journal(run, asked, config)
    with stage(run, "generate", f"drawing {asked.count:,}"):
        near = meets(config.kind, config.conditions, asked.conditions)
        wanted = Wanted(asked.count, told, asked.sampling, asked.seed, asked.novel, asked.seconds, near)
        state = gather(generator, wanted, journal.take, journal.state(), stop_if_asked)
    with stage(run, "report", "writing"):
        rows = journal.write()
        sample = journal.sample()
        if state.found < asked.count:
            warnings = [*warnings, f"{state.found:,} of {asked.count:,} were found: {state.stopped}{_too_far(state)}"]
        facts = _facts(state, rows, _heeded(asked, config, sample), asked, config) | {"warnings": [*warnings]}
        run.write_json(GENERATION, facts)
        _draw(run, source, sample, asked, config)
        render_generated(run)
    return facts, warnings, [one["candidate"] for one in sample[:SHOWN]]


def _too_far(state: Gathered) -> str:
    """Return what helps where most draws missed what was asked."""
    missed = state.rejected[MISSED]
    if missed <= state.drawn / 2:
        return ""
    return (
        f"; {missed:,} of {state.drawn:,} draws missed what was asked: ask for what the training data have, raise guidance (1.5 to 3), "
        "or name a larger tolerance"
    )


def _decide(asked: Asked, config: GeneratorConfig, run: Run) -> None:
    sampling = asked.sampling
    for name, reach in tolerances_of(config.conditions, asked.conditions).items():
        why = (
            "asked for"
            if asked.conditions[name].tolerance
            else "half the spread of the training rows; {value, tolerance} says another"
        )
        run.decide(
            f"tolerance of {name}", float(f"{reach:.3g}"), f"{why}; what is farther from what was asked is left out"
        )
    if config.family.endswith("_diffusion"):
        return
    how = (
        f"beam search, {sampling.beams} beams"
        if sampling.beams > 1
        else f"draws at temperature {sampling.temperature:g}"
    )
    run.decide("decoding", how, "asked for" if sampling != Sampling() else "as the network learned it")
    grammar = "only tokens that the notation allows" if sampling.constrained else "any token"
    run.decide("grammar", sampling.constrained, f"{grammar}, of those the training strings have")


class _Journal:
    """Lines of a file: what each batch gave, then where the search stood; so a run that was interrupted goes on after the last batch."""

    def __init__(self, run: Run, asked: Asked, config: GeneratorConfig) -> None:
        self.run, self.asked, self.config = run, asked, config
        self.path = run.file(JOURNAL)

    def take(self, kept: Sequence[Candidate], state: Gathered) -> None:
        """Write a batch."""
        rows = [self._row(one) for one in kept]
        stand = {
            "found": state.found,
            "drawn": state.drawn,
            "chunks": state.chunks,
            "spent": state.spent,
            "rejected": dict(state.rejected),
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(
                json.dumps({"rows": rows, "state": stand, "asked": _fingerprint(self.asked)}, ensure_ascii=False) + "\n"
            )
        self.run.progress("generate", state.found, self.asked.count, f"{state.found:,} found, {state.drawn:,} drawn")

    def _row(self, one: Candidate) -> dict[str, Json]:
        row: dict[str, Json] = {"candidate": one.key, "drawn": one.text, "log_likelihood": one.log_likelihood}
        asked = {
            condition.name: float(f"{condition.mean + condition.scale * value:.6g}")
            for condition, value in zip(self.config.conditions, one.told, strict=bool(one.told))
            if condition.name in self.asked.conditions
        }
        return row | ({"asked": asked} if asked else {})

    def state(self) -> Gathered | None:
        """Return where the search stood; a torn last line, as a kill leaves it, is cut off."""
        found, good = None, 0
        for line, end in self._lines():
            found, good = line, end
        if found is None:
            self.path.unlink(missing_ok=True)
            return None
        with self.path.open("r+b") as file:
            file.truncate(good)
        stand = found["state"]
        keys = {key_hash(row["candidate"]) for line, _ in self._lines() for row in line["rows"]}
        return Gathered(
            stand["found"], stand["drawn"], stand["chunks"], stand["spent"], Counter(stand["rejected"]), keys
        )

    def write(self) -> int:
        """Write ``results/candidates.csv`` line by line, and return the number of rows."""
        target = self.run.file(CANDIDATES)
        temporary = target.with_name(f".{target.name}")
        count = 0
        with temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(
                ["candidate", "drawn", "log_likelihood", *(f"{ASKED}{name}" for name in self.asked.conditions)]
            )
            for row in self._rows():
                told = "" if row["log_likelihood"] is None else f"{row['log_likelihood']:.4f}"
                writer.writerow([row["candidate"], row["drawn"], told, *asked_of(row, self.asked).values()])
                count += 1
        temporary.replace(target)
        return count

    def sample(self) -> list[dict[str, Json]]:
        """Return the first candidates."""
        found = []
        for row in self._rows():
            found.append(row)
            if len(found) == SAMPLE:
                break
        return found

    def _rows(self) -> Iterator[dict[str, Json]]:
        for line, _ in self._lines():
            yield from line["rows"]

    def _lines(self) -> Iterator[tuple[dict[str, Json], int]]:
        """Yield whole lines of this very request, and where each ends."""
        if not self.path.is_file():
            return
        mine, end = _fingerprint(self.asked), 0
        with self.path.open("rb") as file:
            for raw in file:
                if not raw.endswith(b"\n"):
                    return
                line = json.loads(raw)
                if line["asked"] != mine:
                    return
                end += len(raw)
                yield line, end


def asked_of(row: Mapping[str, Json], asked: Asked) -> dict[str, float]:
    """Return what a candidate was asked for, by property in its own unit."""
    own = row.get("asked", {})
    return {
        name: own.get(name, goal.min if goal.value is None else goal.value) for name, goal in asked.conditions.items()
    }


def _wishes(asked: Asked, config: GeneratorConfig) -> dict[str, str]:
    """Return what draws are told, in words, and within what they are kept."""
    reach, units = tolerances_of(config.conditions, asked.conditions), {one.name: one.unit for one in config.conditions}
    found = {}
    for name, goal in asked.conditions.items():
        told = f"{goal.min:g} … {goal.max:g}" if goal.value is None else f"{goal.value:g}"
        near = f"{', each' if goal.value is None else ''} ± {reach[name]:.3g}" if name in reach else ""
        found[name] = f"{told}{near}{f' {units[name]}' if units[name] else ''}"
    return found


def _fingerprint(asked: Asked) -> str:
    """Return what tells draws of this request from those of another; the time they may take does not."""
    goals = {name: goal.model_dump(mode="json") for name, goal in asked.conditions.items()}
    told = vars(asked) | {"sampling": asked.sampling.model_dump(mode="json"), "conditions": goals, "seconds": None}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def _heeded(asked: Asked, config: GeneratorConfig, sample: Sequence[dict[str, Json]]) -> list[dict[str, Json]]:
    """Return, for each condition that can be calculated, how far the candidates are from what was asked."""
    found: list[dict[str, Json]] = []
    wishes = _wishes(asked, config)
    for condition in config.conditions:
        if condition.name not in asked.conditions or not condition.calculated or not sample:
            continue
        got = calculate_for(config.kind, [row["candidate"] for row in sample], [condition.name])[:, 0]
        wanted = np.array([asked_of(row, asked)[condition.name] for row in sample])
        told = heeded(wanted, got)
        words = f"{condition.name} {wishes[condition.name]}"
        miss = f"{told['mae']:.3g}{f' {condition.unit}' if condition.unit else ''}"
        r2 = f", R² {told['r2']:.2f}" if varies(wanted) and told["r2"] is not None else ""
        sentence = f"asked for {words}: median {np.median(got):.3g}, mean miss {miss}, bias {told['bias']:+.3g}{r2} (n = {len(got):,})"
        found.append(
            {
                "name": condition.name,
                "unit": condition.unit,
                "median": float(np.median(got)),
                **told,
                "sentence": sentence,
            }
        )
    return found


def _facts(
    state: Gathered, rows: int, met: list[dict[str, Json]], asked: Asked, config: GeneratorConfig
) -> dict[str, Json]:
    return {
        "generator": asked.generator,
        "family": config.family,
        "kind": config.kind,
        "wanted": asked.count,
        "found": rows,
        "drawn": state.drawn,
        "valid_share": state.valid / max(state.drawn, 1),
        "rejected": dict(state.rejected.most_common()),
        "stopped": state.stopped,
        "seconds": round(state.spent, 3),
        "per_second": round(rows / max(state.spent, 1e-9), 2),
        "conditions": _wishes(asked, config),
        "heeded": met,
    }


def _draw(run: Run, source: Run, sample: Sequence[dict[str, Json]], asked: Asked, config: GeneratorConfig) -> None:
    """Write the figures of the first candidates."""
    if not sample:
        return
    keys = [row["candidate"] for row in sample]
    told = [asked_of(row, asked) for row in sample]
    wanted = {name: np.array([one[name] for one in told]) for name in asked.conditions}
    reference: list[str] = source.read_json(REFERENCE)
    subtitle = f"{len(keys):,} candidates of {config.family}, {len(reference):,} training strings"
    near = tolerances_of(config.conditions, asked.conditions)
    draw_candidates(run, Drawing(keys, reference, wanted, subtitle, tolerances=near), config)
