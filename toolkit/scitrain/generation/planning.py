"""Sizes and speeds of a generator, each with its reason."""

from dataclasses import dataclass

from scitrain.errors import ScitrainError
from scitrain.generation.options import FAMILIES, Family, GeneratorOptions
from scitrain.resources import choose_device
from scitrain.runs import Decision
from scitrain.training.loop import Pacing
from scitrain.training.precision import choose_averaged

__all__ = ["Size", "choose_family", "choose_pacing", "choose_size"]

FEW, MANY = 5_000, 200_000
STRINGS_SEEN = {"smiles": 1_000_000, "formula": 2_000_000, "vector": 4_000_000}
"""Strings, or vectors of them, that all epochs together show, where the request names no number of epochs."""
HEAD_WIDTH = 32


@dataclass(frozen=True)
class Size:
    """Of a network."""

    layers: int
    width: int
    heads: int


def choose_family(options: GeneratorOptions, kind: str) -> tuple[Family, Decision]:
    """Return the family, and why.

    Raises:
        ScitrainError: It writes another kind of strings than the data hold.
    """
    for name in ("augment", "aromatic"):
        if getattr(options, name) and kind != "smiles":
            raise ScitrainError(f"{name}=True is about SMILES, and the data hold {kind} strings; leave it out")
    if options.aromatic and (options.family or "smiles_gpt") != "smiles_gpt":
        raise ScitrainError(
            f"aromatic=True is a spelling of smiles_gpt, and family={options.family!r} has another; leave it out"
        )
    if options.family is None:
        family: Family = "smiles_gpt" if kind == "smiles" else "matgpt"
        why = f"a language model learns {kind} strings fastest and says how likely each is"
        return family, Decision(what="family", value=family, why=why)
    if FAMILIES[options.family] != kind:
        fitting = [name for name, writes in FAMILIES.items() if writes == kind]
        raise ScitrainError(
            f"family={options.family!r} writes {FAMILIES[options.family]} strings, and the data hold {kind} strings; take one of "
            f"{', '.join(fitting)}"
        )
    return options.family, Decision(what="family", value=options.family, why="asked for")


def choose_size(options: GeneratorOptions, rows: int, device: str) -> tuple[Size, Decision]:
    """Return layers, width and heads by the number of strings.

    Raises:
        ScitrainError: The width is no multiple of the heads.
    """
    layers, width = (3, 128) if rows < FEW else (4, 256) if rows < MANY or device == "cpu" else (8, 512)
    asked = options.layers is not None or options.width is not None
    layers, width = options.layers or layers, options.width or width
    heads = options.heads or max(1, width // HEAD_WIDTH)
    if width % heads:
        raise ScitrainError(
            f"width={width} is no multiple of heads={heads}; take heads={max(1, width // HEAD_WIDTH)}, or another width"
        )
    why = "asked for" if asked else f"{rows:,} strings on {device}"
    return Size(layers, width, heads), Decision(
        what="network", value=f"{layers} layers × {width}, {heads} heads", why=why
    )


def choose_pacing(
    options: GeneratorOptions, kind: str, rows: int, rate: float, average: float
) -> tuple[Pacing, list[Decision]]:
    """Return how long and how fast, and why."""
    device, why_device = choose_device(options.device)
    precision, why_precision = choose_averaged(device, options.precision)
    epochs = options.epochs or int(min(300, max(5, STRINGS_SEEN[kind] // max(rows, 1))))
    chosen = options.learning_rate or rate
    pacing = Pacing(
        epochs=epochs,
        learning_rate=chosen,
        patience=options.patience,
        max_minutes=options.max_minutes,
        average=average,
        seed=options.seed,
        device=device,
        precision=precision,
        checkpoint_seconds=options.checkpoint_seconds,
    )
    why = "asked for" if options.epochs else f"about {STRINGS_SEEN[kind]:,} strings in all"
    return pacing, [
        Decision(what="device", value=device, why=why_device),
        Decision(what="precision", value=precision, why=why_precision),
        Decision(what="epochs", value=epochs, why=why),
        Decision(
            what="learning_rate", value=chosen, why="asked for" if options.learning_rate else "usual of such networks"
        ),
    ]
