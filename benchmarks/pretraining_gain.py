"""What further formulas gain where labels are few: 200 experimental band gaps alone, after three ways to pretrain, with auxiliary rows.

    python -m benchmarks.pretraining_gain --data FOLDER                      # three draws of 200 labels, three objectives, auxiliary rows
    python -m benchmarks.pretraining_gain --data FOLDER --only masked        # one of them

Goal: masked pretraining lowers the mean absolute error by at least a tenth, the interval without zero, or the figures say for which
objective it does. `masked` and `masked_contrastive` learn from formulas_100k, `computed` from the gaps of mp_gap; no formula of the
whole experimental table is among what they learn from. Both arms are those of `finetune_model` with its defaults, judged in pairs on
the 921 rows of the official fold 0. `auxiliary` is no pretraining: the gaps of mp_gap are rows that train along (`auxiliary` of
`train_model`), beside `train_model` without them, two networks each (one of tokens, one of statistics).
"""

import argparse
import csv
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks import _machine
from scitrain.inference.files import read_config
from scitrain.operations.finetune_model import FinetuneModel
from scitrain.operations.pretrain_transformer import PretrainTransformer
from scitrain.operations.train_model import TrainModel
from scitrain.runs import Run
from scitrain.workflow.pairing import pairs, tested_rows
from scitrain.workspace import Workspace

__all__ = ["main"]

LABELS, VALIDATION = 200, 50
SEEDS = (0, 1, 2)
GOAL = 0.10
ARMS = ("scratch", "full")
TABLE = "matbench_expt_gap.csv"
OBJECTIVES: dict[str, dict[str, Any]] = {
    "masked": {"data": "formulas_100k.csv", "objectives": {"masked": 1.0}},
    "masked_contrastive": {"data": "formulas_100k.csv", "objectives": {"masked": 1.0, "contrastive": 0.3}},
    "computed": {"data": "mp_gap.csv", "objectives": {"properties": 1.0}, "targets": ["gap_pbe_eV"]},
}
AUXILIARY = "auxiliary"
TOGETHER = {"model": {"family": "matbert", "dropout": 0.05}, "ensemble": 2, "inputs": "formula"}
LONGER = {"epochs": 12, "patience": 12, "batch_size": 256, "learning_rate": 1.5e-3, "weight_decay": 0.02}
WAYS = (*OBJECTIVES, AUXILIARY)
HOW = {"column": "formula", "epochs": 4, "batch_size": 256, "learning_rate": 1.5e-3, "held_out": 0.03}


def pretrained(name: str, data: Path, workspace: Workspace) -> str:
    """Pretrain by one objective and return the run."""
    asked = {**OBJECTIVES[name], **HOW, "exclude": str((data / TABLE).resolve())}
    asked["data"] = str((data / asked["data"]).resolve())
    return PretrainTransformer.model_validate(asked).run(workspace).run_id


def few_labels(data: Path, seed: int, workspace: Workspace) -> str:
    """Write a table of `LABELS` training and `VALIDATION` validation rows, and of fold 0 for the test."""
    with (data / TABLE).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    others = [row for row in rows if row["fold"] != "0"]
    drawn = random.Random(seed).sample(others, LABELS + VALIDATION)
    parts = [(row, "train" if at < LABELS else "valid") for at, row in enumerate(drawn)]
    parts += [(row, "test") for row in rows if row["fold"] == "0"]
    path = workspace.root / f"few_{seed}.csv"
    lines = [f"{row['formula']},{row['gap_expt']},{part}" for row, part in parts]
    path.write_text("\n".join(["formula,gap_expt,split", *lines]) + "\n", encoding="utf-8")
    return path.name


def compared(source: str, table: str, seed: int, workspace: Workspace) -> dict[str, Any]:
    """Train from scratch and from ``source`` on the same rows, and pair their absolute errors on the test rows."""
    asked = {"data": table, "target": "gap_expt", "unit": "eV", "source": source, "export": [], "seed": seed}
    asked["split"] = {"kind": "column", "column": "split"}
    scratch, full = (FinetuneModel.model_validate({**asked, "compare": [arm]}).run(workspace) for arm in ARMS)
    return _paired(scratch.run_id, full.run_id, workspace)


def helped(data: Path, table: str, seed: int, workspace: Workspace) -> dict[str, Any]:
    """Train with and without the computed gaps as auxiliary rows, and pair the absolute errors on the test rows."""
    asked = {**TOGETHER, "data": table, "target": "gap_expt", "unit": "eV", "export": [], "seed": seed}
    asked["split"] = {"kind": "column", "column": "split"}
    more = {**LONGER, "target": ["gap_expt", "gap_pbe_eV"], AUXILIARY: str((data / "mp_gap.csv").resolve())}
    alone, both = (TrainModel.model_validate({**asked, **change}).run(workspace) for change in ({}, more))
    return _paired(alone.run_id, both.run_id, workspace)


def _paired(scratch: str, full: str, workspace: Workspace) -> dict[str, Any]:
    """Return both errors and the gain with its interval, all of the measured gaps."""
    rows, errors = {}, []
    for run_id in (scratch, full):
        run = Run.open(run_id, workspace)
        config = read_config(run)
        target = config.targets[0]
        rows[run_id] = tested_rows(run, config.task, [target])
        metrics = run.read_json("results/metrics.json")["metrics"]
        found = [row for row in metrics if (row["name"], row["split"], row["target"]) == ("mae", "test", target.name)]
        errors.append(float(found[0]["value"]))
    [pair] = pairs(full, rows, "mae", None)
    return {**dict(zip(ARMS, errors, strict=True)), "gain": pair.improvement, "low": pair.low, "high": pair.high}


def gain_of(name: str, data: Path, workspace: Workspace) -> dict[str, Any]:
    """Measure one objective on each draw of labels."""
    tables = [few_labels(data, seed, workspace) for seed in SEEDS]
    if name == AUXILIARY:
        draws = [helped(data, table, seed, workspace) for table, seed in zip(tables, SEEDS, strict=True)]
    else:
        source = pretrained(name, data, workspace)
        draws = [compared(source, table, seed, workspace) for table, seed in zip(tables, SEEDS, strict=True)]
    shares = [one["gain"] / one["scratch"] for one in draws]
    print(f"{name}: {draws}", flush=True)
    return {
        "scratch": round(mean(one["scratch"] for one in draws), 4),
        "pretrained": round(mean(one["full"] for one in draws), 4),
        "share_gained": round(mean(shares), 4),
        "intervals_without_zero": sum(one["low"] > 0 for one in draws),
        "draws": draws,
        "reached": mean(shares) >= GOAL and all(one["low"] > 0 for one in draws),
    }


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, keep ``results/pretraining_gain.json`` and return what it holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    _machine.add_data_option(parser)
    parser.add_argument("--only", nargs="*", choices=WAYS, default=list(WAYS))
    given = parser.parse_args(argv)
    data, machine = _machine.data_folder(given.data), _machine.describe()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder), (data.resolve(),))
        found = _machine.kept_before("pretraining_gain").get("objectives", {})
        found |= {name: gain_of(name, data, workspace) for name in given.only}
    figures = {"labels": LABELS, "goal": f"share_gained of masked ≥ {GOAL}, no interval with zero", "objectives": found}
    words = " ".join(["--only", *given.only])
    return _machine.keep(
        "pretraining_gain", f"python -m benchmarks.pretraining_gain --data FOLDER {words}", machine, figures
    )


if __name__ == "__main__":
    main()
