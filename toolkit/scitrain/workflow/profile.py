"""Profile a trained model: predictions from raw rows, and the steps of its training."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from pydantic import JsonValue

from scitrain.contracts.modality import Columns
from scitrain.data.columns import take
from scitrain.data.prepared import Prepared
from scitrain.errors import ScitrainError
from scitrain.figures.latency import Latency, latency
from scitrain.figures.save import save
from scitrain.figures.time_shares import time_shares
from scitrain.figures.words import joined
from scitrain.inference import TrainedConfig, load_predictor, read_config
from scitrain.profiling.bottleneck import (
    Bottleneck,
    Setting,
    of_prediction,
    of_training,
    prediction_shares,
    training_shares,
)
from scitrain.profiling.predicting import Contestant, batches, contestants, measured
from scitrain.profiling.stopwatch import Stopwatch, span
from scitrain.profiling.timing import Timing
from scitrain.profiling.tracing import Operator, traced
from scitrain.profiling.training import Trained, measured_training, watched
from scitrain.provenance import processor
from scitrain.resources import available_memory, choose_device, cpu_count, torch_threads
from scitrain.runs import Run
from scitrain.training.architecture import Architecture, ensemble_architecture
from scitrain.training.auto import Settings, choose
from scitrain.training.fit import Session
from scitrain.training.journal import LOG, Journal
from scitrain.training.learning import Learning
from scitrain.training.module import TrainingModule
from scitrain.training.options import TrainingOptions
from scitrain.training.processes import Processes
from scitrain.training.quiet import quiet
from scitrain.training.unrecorded import Unrecorded
from scitrain.workflow.again import prepared_again
from scitrain.workflow.network import represented
from scitrain.workflow.stages import stage

__all__ = ["PROFILE", "Profile", "profile"]

PROFILE = "results/profile.json"
TRACED_PASSES = 3
TRACED_ROWS = 64
MANY = 256
"""Rows that count as many where more were not asked for."""
RELIEF = ("batch_size", "accumulate", "gradient_checkpointing")


@dataclass(frozen=True)
class Profile:
    """What was measured."""

    predictions: Mapping[str, list[Timing]]
    """By backend, by growing batch."""
    training: Trained
    setting: Setting
    layers: Architecture
    bottlenecks: list[Bottleneck]
    operators: list[Operator]
    backend: str
    """The one that a prediction takes by itself."""
    machine: dict[str, JsonValue]
    """Where it was measured."""


def profile(source: Run, run: Run, largest: int, seconds: float, device: str) -> Profile:
    """Measure, name the bottlenecks, write the files and draw the figures.

    Raises:
        ScitrainError: The device is not there, or the data cannot be read again.
    """
    chosen, why = choose_device(device)
    run.decide("device", chosen, why)
    load = _load()
    config = read_config(source)
    prepared = prepared_again(source, run)
    columns = take(prepared.columns, prepared.split["test"])
    with torch_threads(), quiet():
        with stage(run, "predict", "timing predictions"):
            models = contestants(source, chosen)
            predictions = _predictions(models, columns, largest, seconds, run)
        with stage(run, "train", "timing training steps"):
            make = _trainer(source, config, prepared, chosen, run)
            module, settings = make()
            setting = _setting(module, settings)
            trained = measured_training(module, 2 * seconds)
        with stage(run, "trace", "tracing"):
            operators = traced(run, _work(models[0], columns, make), chosen)
        machine = _machine(chosen) | {"load_before": load}
    backend = "onnx" if "onnx" in predictions else "torch"
    layers = ensemble_architecture(load_predictor(source))
    named = _named(predictions, backend, trained, setting)
    found = Profile(predictions, trained, setting, layers, named, operators, backend, machine)
    _write(found, source, config, run)
    with stage(run, "report", "drawing figures"):
        _draw(found, config, run)
    return found


def _predictions(
    models: list[Contestant], columns: Columns, largest: int, seconds: float, run: Run
) -> dict[str, list[Timing]]:
    sizes = batches(largest)
    found: dict[str, list[Timing]] = {}
    for one in models:
        found[one.backend] = []
        for size in sizes:
            done = sum(map(len, found.values()))
            run.progress("predict", done, len(models) * len(sizes), f"{one.backend}, {size:,} rows at once")
            found[one.backend].append(measured(one, columns, size, seconds))
    return found


def _trainer(
    source: Run, config: TrainedConfig, prepared: Prepared, device: str, run: Run
) -> Callable[[], tuple[TrainingModule, Settings]]:
    """Return what makes the module that would train this model again, with the options of its own training."""
    spec = source.record().spec
    asked = {name: spec[name] for name in TrainingOptions.model_fields if name in spec}
    own: dict[str, object] = {
        "device": device,
        "devices": 1,
        "ensemble": config.members,
        "compile": False,
        "loggers": [],
    }
    options = TrainingOptions.model_validate(asked | own)
    featuriser = config.featuriser_object()
    learning = Learning(
        task=prepared.task,
        x=represented(prepared, featuriser, run),
        y=prepared.y,
        train=prepared.split["train"],
        val=prepared.split["val"],
        n_outputs=prepared.n_outputs,
        model=config.model_object(),
        shape=featuriser.shape(),
        options=options,
        seed=config.seed,
    )
    if len(learning.train) < 4:
        raise ScitrainError(f"{len(learning.train)} training rows make no steps to be timed: at least 4 are needed")
    settings, _ = choose(options, learning.model, learning.shape, len(learning.train))
    log = source.read_json(LOG) if (source.path / LOG).is_file() else {}
    settings = replace(settings, **{name: log[name] for name in RELIEF if name in log})

    def make() -> tuple[TrainingModule, Settings]:
        session = Session(
            learning, settings, Journal(None, 0, device), Unrecorded(run.path, run.workspace), Processes()
        )
        return session.module(session.groups[0]), settings

    return make


def _setting(module: TrainingModule, settings: Settings) -> Setting:
    return Setting(
        device=settings.device,
        members=settings.members,
        precision=settings.precision,
        compiled=module.team.compiled,
        resident=module.feed.resident,
        augment=settings.augment,
    )


def _work(one: Contestant, columns: Columns, make: Callable[[], tuple[TrainingModule, Settings]]) -> Callable[[], None]:
    """Return the passes that are traced: predictions of some rows, then steps of training."""
    n = len(next(iter(columns.values())))
    some = take(columns, np.arange(TRACED_ROWS) % n)
    module, settings = make()
    watched(module, Stopwatch(settings.device))
    module.start_epoch()
    block = next(iter(module.feed))
    one.predict(some)  # allocates

    def work() -> None:
        for _ in range(TRACED_PASSES):
            with span("prediction"):
                one.predict(some)
        start = 0
        for chosen in block.steps[:TRACED_PASSES]:
            rows = None if block.rows is None else block.rows[start : start + chosen.numel()]
            start += chosen.numel()
            with span("training step"):
                module.training_step(replace(block, steps=[chosen], rows=rows))

    return work


def _many(timings: list[Timing]) -> Timing:
    """Return the largest batch up to `MANY`, or the largest."""
    return next((t for t in reversed(timings) if t.rows <= MANY), timings[-1])


def _named(
    predictions: Mapping[str, list[Timing]], backend: str, trained: Trained, setting: Setting
) -> list[Bottleneck]:
    own = predictions[backend]
    found = [of_prediction("one row", own[0], predictions, backend, setting)]
    if len(own) > 1:
        found.append(of_prediction("many rows", _many(own), predictions, backend, setting))
    return [*found, of_training(trained.whole, trained.few, setting)]


def _shares(found: Profile) -> dict[str, dict[str, float]]:
    own = found.predictions[found.backend]
    shares = {}
    for timing in dict.fromkeys([own[0].rows, _many(own).rows]):
        of = next(t for t in own if t.rows == timing)
        shares[f"predict {timing:,} row{'s' if timing > 1 else ''}"] = prediction_shares(of, own[-1])
    whole = found.training.whole
    return shares | {f"training step of {whole.rows:,} rows": training_shares(whole, found.training.few)}


def _write(found: Profile, source: Run, config: TrainedConfig, run: Run) -> None:
    flops = found.layers.whole("flops")
    content: dict[str, JsonValue] = {
        "source_run": source.id,
        "modality": config.modality,
        "model": config.model.get("family"),
        "members": config.members,
        "parameters": found.layers.whole("parameters"),
        "flops_a_row": flops,
        "machine": found.machine,
        "backend": found.backend,
        "bottlenecks": [one.model_dump(mode="json") for one in found.bottlenecks],
        "shares_ms": {name: dict(parts) for name, parts in _shares(found).items()},
        "predictions": {
            name: [t.model_dump(mode="json") | _speed(flops, t) for t in timings]
            for name, timings in found.predictions.items()
        },
        "training": {
            "step": found.training.whole.model_dump(mode="json"),
            "step_of_two_rows": found.training.few.model_dump(mode="json"),
            "precision": found.setting.precision,
            "resident": found.setting.resident,
            "augment": list(found.setting.augment),
        },
        "operators": [one.model_dump(mode="json") for one in found.operators],
        "stages_of_source_s": dict(source.record().timings),
    }
    run.write_json(PROFILE, content)


def _speed(flops: int, timing: Timing) -> dict[str, JsonValue]:
    """Return the work of the network a second, in units of 10⁹."""
    seconds = timing.parts_ms["network"] / 1000
    return {"gflop_per_s": float(f"{flops * timing.rows / seconds / 1e9:.4g}") if seconds > 0 else None}


def _load() -> float | None:
    """Return how many processes have lately wanted a CPU, where the system counts them."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _machine(device: str) -> dict[str, JsonValue]:
    import torch

    return {
        "processor": processor(),
        "cpus": cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "free_memory_gb": round(available_memory() / 1e9, 1),
        "device": device,
        "gpu": torch.cuda.get_device_name(0) if device == "cuda" else None,
    }


def _draw(found: Profile, config: TrainedConfig, run: Run) -> None:
    what = joined(
        f"{config.model.get('family')} × {config.members}" if config.members > 1 else str(config.model.get("family")),
        config.modality,
        "a GPU"
        if found.setting.device == "cuda"
        else f"{cpu_count()} CPUs"
        if found.setting.device == "cpu"
        else found.setting.device,
    )
    known = Latency.__dataclass_fields__
    points = {
        name: [Latency(**{key: getattr(timing, key) for key in known}) for timing in timings]
        for name, timings in found.predictions.items()
    }
    save(latency(points, what), run.file("figures/latency.png"))
    save(
        time_shares(_shares(found), joined(what, f"predictions by {found.backend}")),
        run.file("figures/time_shares.png"),
    )
