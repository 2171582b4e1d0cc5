"""Candidates from a request to files: drawn in batches, written as they come, kept when the run is interrupted."""

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from scitrain.cancellation import stop_if_asked
from scitrain.chem.calculated import CALCULATED, UNITS, calculate, calculate_for
from scitrain.chem.formulas import parse
from scitrain.errors import RunStateError
from scitrain.figures.candidate_distributions import candidate_distributions
from scitrain.figures.element_shares import element_shares
from scitrain.figures.molecule_grid import molecule_grid
from scitrain.figures.save import save
from scitrain.generation.conditions import asked_values
from scitrain.generation.config import GENERATOR, REFERENCE, GeneratorConfig, key_hash
from scitrain.generation.gathering import Gathered, Wanted, gather
from scitrain.generation.generator import Candidate, load, read_generator_config
from scitrain.generation.options import Sampling
from scitrain.generation.tolerance import meets
from scitrain.runs import Json, Run
from scitrain.workflow.stages import stage

__all__ = ["CANDIDATES", "Asked", "generate", "generator_config"]

CANDIDATES = "results/candidates.csv"
GENERATION = "results/generation.json"
JOURNAL = "checkpoints/candidates.jsonl"
SHOWN = 12
SAMPLE = 5000
"""Candidates that properties are calculated of for the figures and sentences."""
SEEN = 0.01
"""Half of the width, as a part of the trained range, in which a condition without tolerance is drawn."""
DRAWN = ("logp", "mol_weight", "qed", "tpsa", "rings")


@dataclass(frozen=True)
class Asked:
    """What the request says."""

    generator: str
    """Id of the run."""
    count: int
    conditions: dict[str, float]
    sampling: Sampling
    seed: int
    novel: bool
    seconds: float | None
    tolerance: dict[str, float]
    """How far a candidate may be from its condition."""


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


def generate(asked: Asked, run: Run) -> tuple[dict[str, Json], list[str], list[str]]:
    """Draw and write; return the content of ``results/generation.json``, warnings, and the first candidates."""
    source = Run.open(asked.generator, run.workspace)
    config = generator_config(source)
    values, warnings = asked_values(config.conditions, asked.conditions)
    with stage(run, "prepare", "loading the generator"):
        generator = load(source)
    _decide(asked, config, run)
    journal = _Journal(run, asked, config)
    with stage(run, "generate", f"drawing {asked.count:,}"):
        near = meets(config.kind, asked.conditions, asked.tolerance)
        wanted = Wanted(asked.count, values, asked.sampling, asked.seed, asked.novel, asked.seconds, near)
        state = gather(generator, wanted, journal.take, journal.state(), stop_if_asked)
    with stage(run, "report", "writing"):
        rows = journal.write()
        sample = journal.sample()
        heeded = _heeded(asked, config, sample)
        facts = _facts(state, rows, heeded, asked, config)
        run.write_json(GENERATION, facts)
        _draw(run, source, sample, asked, config)
    if state.found < asked.count:
        warnings = [*warnings, f"{state.found:,} of {asked.count:,} were found: {state.stopped}"]
    return facts, warnings, [one["candidate"] for one in sample[:SHOWN]]


def _decide(asked: Asked, config: GeneratorConfig, run: Run) -> None:
    sampling = asked.sampling
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
        rows = [{"candidate": one.key, "drawn": one.text, "log_likelihood": one.log_likelihood} for one in kept]
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
                ["candidate", "drawn", "log_likelihood", *(f"asked_{name}" for name in self.asked.conditions)]
            )
            for row in self._rows():
                told = "" if row["log_likelihood"] is None else f"{row['log_likelihood']:.4f}"
                writer.writerow([row["candidate"], row["drawn"], told, *self.asked.conditions.values()])
                count += 1
        temporary.replace(target)
        return count

    def sample(self) -> list[dict[str, str]]:
        """Return the first candidates."""
        found = []
        for row in self._rows():
            found.append(row)
            if len(found) == SAMPLE:
                break
        return found

    def _rows(self) -> Iterator[dict[str, str]]:
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


def _fingerprint(asked: Asked) -> str:
    """Return what tells draws of this request from those of another; the time they may take does not."""
    told = asdict(asked) | {"sampling": asked.sampling.model_dump(mode="json"), "seconds": None}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def _heeded(asked: Asked, config: GeneratorConfig, sample: Sequence[dict[str, str]]) -> list[dict[str, Json]]:
    """Return, for each condition that can be calculated, how far the candidates are from what was asked."""
    found: list[dict[str, Json]] = []
    for condition in config.conditions:
        if condition.name not in asked.conditions or not condition.calculated or not sample:
            continue
        got = calculate_for(config.kind, [row["candidate"] for row in sample], [condition.name])[:, 0]
        value = asked.conditions[condition.name]
        miss, centre = float(np.abs(got - value).mean()), float(np.median(got))
        unit = f" {condition.unit}" if condition.unit else ""
        sentence = f"asked for {condition.words(value)}: median {centre:.3g}{unit}, mean miss {miss:.3g}{unit} (n = {len(got):,})"
        found.append(
            {"name": condition.name, "asked": value, "median": centre, "mae": miss, "n": len(got), "sentence": sentence}
        )
    return found


def _facts(
    state: Gathered, rows: int, heeded: list[dict[str, Json]], asked: Asked, config: GeneratorConfig
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
        "conditions": dict(asked.conditions),
        "tolerance": dict(asked.tolerance),
        "heeded": heeded,
    }


def _draw(run: Run, source: Run, sample: Sequence[dict[str, str]], asked: Asked, config: GeneratorConfig) -> None:
    """Write the figures: drawings and distributions of molecules, elements of compositions."""
    if not sample:
        return
    keys = [row["candidate"] for row in sample]
    reference: list[str] = source.read_json(REFERENCE)
    subtitle = f"{len(keys):,} candidates of {config.family}, {len(reference):,} training strings"
    if config.kind == "formula":
        shares, known = _element_shares(keys), _element_shares(reference)
        save(element_shares(shares, known, subtitle), run.file("figures/elements.png"))
        return
    names = list(dict.fromkeys([*(name for name in asked.conditions if name in CALCULATED), *DRAWN]))
    own, other = calculate(keys, names), calculate(reference, names)
    values, beside = dict(zip(names, own.T, strict=True)), dict(zip(names, other.T, strict=True))
    width = {one.name: SEEN * (one.high - one.low) for one in config.conditions} | asked.tolerance
    wanted = {
        name: (value - width[name], value + width[name]) for name, value in asked.conditions.items() if name in names
    }
    save(
        candidate_distributions(values, beside, UNITS, wanted, subtitle),
        run.file("figures/candidate_distributions.png"),
    )
    captions = [[f"{name.replace('_', ' ')} {row[i]:.3g}" for i, name in enumerate(names[:2])] for row in own[:SHOWN]]
    save(molecule_grid(keys, captions, "New molecules", subtitle), run.file("figures/molecules.png"))


def _element_shares(formulas: Sequence[str]) -> dict[str, float]:
    """Return the share of formulas with each element."""
    count = Counter(symbol for formula in formulas for symbol in parse(formula))
    return {symbol: n / len(formulas) for symbol, n in count.items()}
