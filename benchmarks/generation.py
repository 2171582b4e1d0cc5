"""Generators of molecules and compositions: validity, novelty, how conditions are met, and the speed of drawing.

    python -m benchmarks.generation --data FOLDER                     # trains three generators, then judges them
    python -m benchmarks.generation --data FOLDER --keep WORKSPACE    # in a folder where finished trainings are taken as they are
    python -m benchmarks.generation --data FOLDER --only matgpt --seed 1    # another training, kept beside the usual one
    python -m benchmarks.generation --only speed                      # no data, no training

Goals: SMILES validity ≥ 0.90, SELFIES 1.00, uniqueness of 10,000 ≥ 0.99, novelty ≥ 0.95 after at most 30 CPU-minutes on chembl_50k.csv;
asked for logP −1 … 5, mean miss ≤ 0.5 and R² ≥ 0.9; of 5,000 compositions ≥ 0.70 balanced (smact's test, alloys off), ≥ 0.95 unique,
≥ 0.90 novel; drawing ≥ 20 × as fast as one token at a time without a cache.

Sizes and rates were chosen before anything was judged, by the tokens a second of this processor. That molecules are spelled without
aromatic atoms was decided after an earlier network of this benchmark had been judged (validity .743). The ways to draw are all
reported; none was chosen by these figures.
"""

import argparse
import csv
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

import scitrain
from benchmarks import _machine
from scitrain.chem.calculated import calculate
from scitrain.chem.charge_balance import balance
from scitrain.chem.formulas import parse
from scitrain.generation.generator import Generator, load
from scitrain.generation.goals import Goal
from scitrain.generation.gpt import Heeded, build_gpt
from scitrain.generation.heeding import heeded
from scitrain.generation.languages import LANGUAGES
from scitrain.generation.options import Sampling
from scitrain.generation.probing import shares
from scitrain.generation.sampling import Drawing, draw
from scitrain.generation.tolerance import meets
from scitrain.runs import Run
from scitrain.workspace import Workspace

__all__ = ["compositions", "main", "molecules", "speed"]

MOLECULES, CONDITIONED, FORMULAS = 10_000, 100, 5_000
SEED = 42
ASKED = tuple(range(-1, 6))
"""logP."""
TRAININGS: dict[str, dict[str, Any]] = {
    "smiles_gpt": {"conditions": ["logp"], "layers": 3, "width": 192, "epochs": 11, "batch_size": 64},
    "selfies_gpt": {"layers": 3, "width": 128, "epochs": 2, "batch_size": 64},
    "matgpt": {
        "conditions": ["balanced"],
        "layers": 3,
        "width": 128,
        "epochs": 6,
        "batch_size": 256,
        "learning_rate": 2e-3,
    },
}


def trained(
    family: str, data: Path, given: argparse.Namespace, workspace: Workspace
) -> tuple[Generator, dict[str, Any]]:
    """Return the generator of a family, from a finished run of the workspace or a new one, and what its training took."""
    runs = [Run(path.parent, workspace) for path in sorted(workspace.runs.glob("train_generator-*/run.json"))]
    done = [run for run in runs if run.record().status == "completed" and run.record().spec["seed"] == given.seed]
    ours = [run for run in done if run.read_json("results/generator.json")["family"] == family]
    if not ours:
        limits = {"max_minutes": given.minutes, "seed": given.seed}
        asked = scitrain.TrainGenerator(data=str(data), family=family, **limits, **TRAININGS[family])
        ours = [Run.open(asked.run(workspace=workspace).run_id, workspace)]
    log, facts = ours[-1].read_json("results/dl_training_log.json"), ours[-1].read_json("results/generator.json")
    return load(ours[-1]), {
        "rows": facts["data"]["strings"],
        "epochs": len(log["epochs"]),
        "stopped": log["stopped"],
        "minutes": round(log["seconds"] / 60, 1),
        "cpu_minutes": round(log["cpu_seconds"] / 60, 1),
        "parameters": log["parameters"],
        "val_loss": round(log["epochs"][-1]["val_loss"], 4),
    }


def molecules(generator: Generator, count: int) -> dict[str, Any]:
    """Judge draws at two temperatures and without grammar, and how logP is heeded where it was taught."""
    ways = {
        "by default": (count, Sampling()),
        "temperature 0.8": (count, Sampling(temperature=0.8)),
        "without grammar": (count // 10, Sampling(constrained=False)),
    }
    found: dict[str, Any] = {}
    for name, (draws, sampling) in ways.items():
        begin = time.process_time()
        drawn = generator.candidates(draws, sampling=sampling, seed=1)
        told = shares([one.key for one in drawn], [one.novel for one in drawn])
        found[name] = {share: round(value, 4) for share, value in told.items()}
        found[name] |= {"draws": draws, "per_cpu_second": round(draws / (time.process_time() - begin), 1)}
        print(generator.config.family, name, found[name], flush=True)
    if generator.config.conditions:
        found["logp"] = {
            "as trained": conditioned(generator, Sampling()),
            "temperature 0.8": conditioned(generator, Sampling(temperature=0.8)),
            "guidance 1.5": conditioned(generator, Sampling(guidance=1.5)),
            "guidance 2": conditioned(generator, Sampling(guidance=2.0)),
            "guidance 1.5, temperature 0.8": conditioned(generator, Sampling(guidance=1.5, temperature=0.8)),
            "guidance 2, temperature 0.8": conditioned(generator, Sampling(guidance=2.0, temperature=0.8)),
            "as generate_candidates keeps them": conditioned(generator, Sampling(), kept=True),
        }
    return found


def conditioned(generator: Generator, sampling: Sampling, kept: bool = False) -> dict[str, Any]:
    """Ask for each logP, and return mean miss and R² over all draws that are molecules, or those that generate_candidates keeps of them."""
    asked, got, each = [], [], {}
    for number, value in enumerate(ASKED):
        drawn = generator.candidates(CONDITIONED, {"logp": float(value)}, sampling, seed=100 + number)
        near = meets("smiles", generator.config.conditions, {"logp": Goal(value=float(value))})
        keys = [one.key for one in drawn if one.key and (near(one) or not kept)]
        values = calculate(keys, ["logp"])[:, 0]
        each[str(value)] = round(float(np.abs(values - value).mean()), 3) if len(values) else None
        got += values.tolist()
        asked += [float(value)] * len(values)
    told = heeded(np.array(asked), np.array(got))
    share = len(got) / (CONDITIONED * len(ASKED))
    print("logP", sampling.guidance, sampling.temperature, share, told, flush=True)
    worth = {
        "mae": round(told["mae"], 4),
        "r2": round(told["r2"], 4),
        "n": told["n"],
        "share_of_draws": round(share, 4),
    }
    return {**worth, "miss_by_value": each}


def compositions(generator: Generator, count: int, data: Path) -> dict[str, Any]:
    """Judge draws by charge balance beside real and random formulas."""
    found: dict[str, Any] = {"draws": count}
    for name, asked in (("nothing asked", {}), ("asked to be balanced", {"balanced": 1.0})):
        drawn = generator.candidates(count, asked, seed=1)
        keys = [one.key for one in drawn]
        told = shares(keys, [one.novel for one in drawn])
        told["balanced"] = _balanced(keys)
        found[name] = {k: round(v, 4) for k, v in told.items()}
        print("compositions", name, told, flush=True)
    real = [row["formula"] for row in csv.DictReader(data.open(encoding="utf-8"))]
    chosen = np.random.default_rng(0).permutation(len(real))[:count]
    found["balanced_of_real"] = round(_balanced([real[i] for i in chosen]), 4)
    found["balanced_of_random"] = round(_balanced(_random([real[i] for i in chosen])), 4)
    return found


def _balanced(formulas: Sequence[str]) -> float:
    """Return the share of all draws that are balanced; what is no formula is not."""
    return float(np.mean([bool(formula) and balance(parse(formula)).balanced for formula in formulas]))


def _random(like: Sequence[str]) -> list[str]:
    """Return formulas with as many elements as real ones, elements and amounts (1 … 8) at random."""
    generator = np.random.default_rng(1)
    elements = sorted({symbol for formula in like for symbol in parse(formula)})
    made = []
    for formula in like:
        chosen = generator.choice(elements, len(parse(formula)), replace=False)
        made.append("".join(f"{symbol}{generator.integers(1, 9)}" for symbol in chosen))
    return made


def speed(count: int = 256) -> dict[str, Any]:
    """Time drawing with cache and batch beside one string and one token at a time without a cache, of the same network."""
    language = LANGUAGES["smiles"]()
    ours = language.tokenizer
    torch.manual_seed(0)
    model = build_gpt(
        len(ours), (ours.bos_token_id, ours.eos_token_id, ours.pad_token_id), 60, (4, 256, 8), Heeded(0), 0.0
    ).eval()
    words = language.words(range(len(ours)))
    drawing = Drawing(model, words, None, Sampling(), 48)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        draw(drawing, np.zeros(0, dtype=np.float32), 8, 0)
        begin = time.process_time()
        tokens = sum(len(one.ids) + 1 for one in draw(drawing, np.zeros(0, dtype=np.float32), count, 1))
        batched = tokens / (time.process_time() - begin)
        begin = time.process_time()
        plain = _token_by_token(model, words.bos, words.eos, 3) / (time.process_time() - begin)
    finally:
        torch.set_num_threads(threads)
    return {
        "network": "4 layers x 256, random weights, strings of up to 47 tokens, 1 thread",
        "batch": count,
        "tokens_per_s": {"cache and batch": round(batched), "neither": round(plain)},
        "ratio": round(batched / plain, 1),
        "goal": 20,
        "reached": batched >= 20 * plain,
    }


def _token_by_token(model: torch.nn.Module, bos: int, eos: int, strings: int) -> int:
    """Draw strings one after the other, each token through the whole network; return the number of tokens."""
    count, generator = 0, torch.Generator().manual_seed(1)
    with torch.no_grad():
        for _ in range(strings):
            row = torch.tensor([[bos]])
            while row.shape[1] < 48 and int(row[0, -1]) != eos:
                p = model(row)[0, -1].softmax(-1)
                row = torch.cat([row, torch.multinomial(p, 1, generator=generator)[None]], dim=1)
                count += 1
    return count


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, keep ``results/generation.json`` and return what it holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    _machine.add_data_option(parser)
    parser.add_argument(
        "--keep", type=Path, help="workspace whose finished trainings are taken, and new ones are left in"
    )
    parser.add_argument("--only", choices=["speed", *TRAININGS], action="append")
    parser.add_argument("--minutes", type=float, default=30, help="of each training, at most")
    parser.add_argument("--draws", type=int, default=MOLECULES)
    parser.add_argument(
        "--seed", type=int, default=SEED, help="of the trainings; each other one is kept beside the usual"
    )
    given = parser.parse_args(argv)
    parts = given.only or ["speed", *TRAININGS]
    machine, figures = _machine.describe(), _machine.kept_before("generation")
    if "speed" in parts:
        figures["speed"] = speed()
        print(figures["speed"], flush=True)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(given.keep or Path(folder))
        for family in [part for part in parts if part != "speed"]:
            name = family if given.seed == SEED else f"{family}, seed {given.seed}"
            figures[name] = _family(family, _machine.data_folder(given.data), given, workspace)
    return _machine.keep("generation", "python -m benchmarks.generation --data FOLDER", machine, figures)


def _family(family: str, data: Path, given: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    if family != "matgpt":
        generator, took = trained(family, data / "chembl_50k.csv", given, workspace)
        return {"training": took, **molecules(generator, given.draws)}
    workspace.root.mkdir(parents=True, exist_ok=True)
    table = workspace.root / "materials_project.csv"
    rows = csv.DictReader((data / "formulas_100k.csv").open(encoding="utf-8"))
    table.write_text("\n".join(["formula", *(row["formula"] for row in rows if row["in_mp"] == "1")]), encoding="utf-8")
    generator, took = trained(family, table, given, workspace)
    return {"training": took, **compositions(generator, FORMULAS, table)}


if __name__ == "__main__":
    main()
