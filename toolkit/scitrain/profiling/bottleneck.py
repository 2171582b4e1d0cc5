"""What takes the most time, and the change that would help; words from measured numbers alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scitrain.profiling.timing import Timing
from scitrain.spec import Spec

__all__ = ["Bottleneck", "Setting", "of_prediction", "of_training", "prediction_shares", "training_shares"]

Shares = dict[str, float]


class Bottleneck(Spec):
    """The part that takes the most time in one situation."""

    situation: str
    """`one row`, `many rows` or `training step`."""
    part: str
    """`data` (features, reading, varying), `copy`, `compute`, `overhead` (what a call or step costs whatever its size),
    `optimiser` or `judging` (intervals, domain)."""
    share: float
    """Of the time."""
    advice: str
    """The change that would help."""

    def words(self) -> str:
        """Return one line."""
        return f"{self.situation}: {self.part} takes {self.share:.0%}; {self.advice}"


@dataclass(frozen=True)
class Setting:
    """What the model was trained with, as far as it decides what helps."""

    device: str
    members: int
    precision: str
    compiled: bool
    resident: bool
    """The training rows lie on the device."""
    augment: Sequence[str]


def prediction_shares(timing: Timing, largest: Timing) -> Shares:
    """Return the milliseconds by part of predictions of ``timing.rows`` rows.

    The work of a row is what it takes in the largest batch; what a pass takes beyond its rows' work is overhead.
    """
    parts = timing.parts_ms
    network = parts["network"]
    compute = min(network, largest.parts_ms["network"] / largest.rows * timing.rows)
    return {
        "data": parts["features"],
        "copy": parts.get("copy", 0.0),
        "compute": compute,
        "overhead": network - compute + parts.get("other", 0.0),
        "judging": parts["judging"],
    }


def training_shares(whole: Timing, few: Timing) -> Shares:
    """Return the milliseconds by part of a training step; what two rows take in passes is overhead."""
    parts = whole.parts_ms
    passes = parts["forward"] + parts["backward"]
    overhead = min(passes, few.parts_ms["forward"] + few.parts_ms["backward"])
    return {
        "data": parts["data"],
        "copy": parts.get("copy", 0.0),
        "compute": passes - overhead,
        "overhead": overhead + parts.get("other", 0.0),
        "optimiser": parts["optimiser"],
    }


def of_prediction(
    situation: str, timing: Timing, runs: Mapping[str, Sequence[Timing]], backend: str, setting: Setting
) -> Bottleneck:
    """Name the bottleneck of predictions of ``timing.rows`` rows through a backend.

    Args:
        situation: What it is called.
        timing: One of ``runs[backend]``.
        runs: Timings of each backend by growing batch.
        backend: The one that a prediction takes.
        setting: Of the model.
    """
    largest = runs[backend][-1]
    shares = prediction_shares(timing, largest)
    part, share = _largest(shares)
    others = {name: next(t for t in found if t.rows == timing.rows) for name, found in runs.items() if name != backend}
    advice = {
        "data": _about_features(timing, largest, 1 - share),
        "copy": "send more rows in one call, or predict on the CPU",
        "compute": _about_compute(timing, others, setting),
        "overhead": _about_calls(timing, largest, others, backend),
        "judging": f"send rows together: {largest.rows} in one call take {largest.p50_ms / largest.rows:.3g} ms each",
    }[part]
    return Bottleneck(situation=situation, part=part, share=share, advice=advice)


def _about_features(timing: Timing, largest: Timing, rest: float) -> str:
    one, many = timing.parts_ms["features"] / timing.rows, largest.parts_ms["features"] / largest.rows
    together = ""
    if timing.rows < largest.rows and many < 0.8 * one:
        together = f"send rows together ({many:.3g} ms a row where {largest.rows} come in one call); "
    return (
        f"turning raw rows into numbers takes {one:.3g} ms a row: {together}more CPU cores help with thousands of rows, "
        f"and a faster network would save {rest:.0%} at most"
    )


def _about_compute(timing: Timing, others: Mapping[str, Timing], setting: Setting) -> str:
    better = [
        f"{name} takes {t.parts_ms['network'] / timing.parts_ms['network']:.2f} × the time"
        for name, t in others.items()
        if t.parts_ms["network"] < 0.9 * timing.parts_ms["network"]
    ]
    ensemble = [f"ensemble=1 has a {setting.members}th of the work"] if setting.members > 1 else []
    gpu = ["a GPU"] if setting.device == "cpu" else []
    return ", ".join([*better, *ensemble, *gpu, "a smaller network"])


def _about_calls(timing: Timing, largest: Timing, others: Mapping[str, Timing], backend: str) -> str:
    one, many = timing.p50_ms / timing.rows, largest.p50_ms / largest.rows
    together = f"send rows together: {largest.rows} in one call take {many:.3g} ms each, one by one {one:.3g} ms"
    faster = [name for name, t in others.items() if t.p50_ms < 0.9 * timing.p50_ms]
    if backend == "torch" and not others:
        return f"{together}; export_model(formats=['onnx']): onnxruntime has less to do for each call"
    return together + (f"; backend {faster[0]!r} takes {others[faster[0]].p50_ms:.3g} ms" if faster else "")


def of_training(whole: Timing, few: Timing, setting: Setting) -> Bottleneck:
    """Name the bottleneck of a training step."""
    part, share = _largest(training_shares(whole, few))
    advice = {
        "data": _about_data(setting),
        "copy": "the rows do not fit the GPU and are copied in each step: smaller rows, fewer rows (max_rows), or a GPU with more memory",
        "compute": _about_training_compute(setting),
        "overhead": _about_steps(whole, few, setting),
        "optimiser": f"a larger batch_size (now {whole.rows}): each step updates all weights, whatever its rows",
    }[part]
    return Bottleneck(situation="training step", part=part, share=share, advice=advice)


def _about_data(setting: Setting) -> str:
    if not setting.resident:
        return "the rows do not fit the memory and are read from disk in each epoch: more memory, smaller rows, or max_rows"
    if setting.augment:
        return f"varying the rows ({', '.join(setting.augment)}) takes it: fewer ways, or augment=false"
    return "a larger batch_size: the rows lie in memory, and each step takes its part of them"


def _about_training_compute(setting: Setting) -> str:
    if setting.device == "cpu":
        return "a GPU, a smaller network or a smaller ensemble; compile=true may pay in a long training"
    faster = [] if setting.precision in {"bf16", "fp16"} else ["precision='bf16'"]
    return ", ".join([*faster, *([] if setting.compiled else ["compile=true"]), "a smaller network"])


def _about_steps(whole: Timing, few: Timing, setting: Setting) -> str:
    compiling = "" if setting.compiled else ", or compile=true in a long training"
    return (
        f"a larger batch_size: a step of {few.rows} rows takes {few.p50_ms:.3g} ms, one of {whole.rows} rows "
        f"{whole.p50_ms:.3g} ms{compiling}"
    )


def _largest(shares: Shares) -> tuple[str, float]:
    part = max(shares, key=lambda name: shares[name])
    return part, shares[part] / max(sum(shares.values()), 1e-12)
