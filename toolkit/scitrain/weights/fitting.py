"""Do weights belong to a network? By the names and shapes of both."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn

from scitrain.errors import ScitrainError, listed

__all__ = ["misfit", "refuse_misfits"]

Shapes = Mapping[str, tuple[int, ...]]


def refuse_misfits(what: str, wanted: Shapes, found: Shapes, spare: Iterable[str] = ()) -> None:
    """Refuse weights that lack a tensor of the network, or have one of another shape.

    Args:
        what: Weights and network, as the user knows them.
        wanted: Shape by name of what the network holds.
        found: The same of the weights.
        spare: Beginnings of names that weights may have too much of, such as a head that is replaced.

    Raises:
        ScitrainError: Missing, unexpected and differently shaped tensors.
    """
    ends = tuple(spare)
    missing = sorted(wanted.keys() - found.keys())
    extra = sorted(name for name in found.keys() - wanted.keys() if not (ends and name.startswith(ends)))
    apart = [f"{n} is {found[n]}, expected {wanted[n]}" for n in wanted if n in found and found[n] != wanted[n]]
    if missing or apart:
        misfit(what, missing, extra, apart)


def misfit(what: str, missing: Sequence[str], extra: Sequence[str], apart: Sequence[str]) -> NoReturn:
    """Tell which tensors do not belong together.

    Raises:
        ScitrainError: Always.
    """
    said = [f"missing {listed(missing, 6)}"] if missing else []
    said += [f"unexpected {listed(extra, 6)}"] if extra else []
    said += [f"of another shape: {listed(apart, 4)}"] if apart else []
    raise ScitrainError(
        f"{what} are of another architecture: {'; '.join(said)}; name the network that they were made with"
    )
