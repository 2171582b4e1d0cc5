"""Which methods explain which kind of input, and which one is taken; imports nothing heavy."""

from typing import Literal

from scitrain.contracts.model import InputKind
from scitrain.errors import ScitrainError, listed

__all__ = ["METHODS", "Asked", "Method", "choose_method"]

Method = Literal["integrated_gradients", "shap", "deep_lift_shap", "occlusion", "grad_cam", "permutation"]
Asked = Literal["auto", "integrated_gradients", "shap", "deep_lift_shap", "occlusion", "grad_cam", "permutation"]
METHODS: dict[InputKind, tuple[Method, ...]] = {
    "vector": ("integrated_gradients", "shap", "deep_lift_shap", "occlusion", "permutation"),
    "series": ("integrated_gradients", "shap", "deep_lift_shap", "occlusion", "permutation"),
    "image": ("integrated_gradients", "shap", "deep_lift_shap", "occlusion", "grad_cam"),
    "tokens": ("integrated_gradients", "occlusion"),
}
PAIRS: tuple[Method, ...] = ("shap", "occlusion")
"""Of a network that reads pairs of element and amount."""
LARGE = 64
"""Side in pixels from which single pixels are noise, and regions are asked for."""
WHY: dict[tuple[str, str], str] = {
    ("tokens", "shap"): "a token has no mean to start from",
    ("tokens", "deep_lift_shap"): "a token has no mean to start from",
    ("tokens", "permutation"): "tokens at one place of two rows do not mean the same",
    ("image", "permutation"): "pixels at one place of two images do not mean the same",
}


def choose_method(asked: Asked, kind: InputKind, shape: tuple[int, ...], pairs: bool = False) -> tuple[Method, str]:
    """Return the method and why it is taken.

    Args:
        asked: What the request says.
        kind: Kind of array the model reads.
        shape: Shape of one row of it.
        pairs: Tokens come with amounts.

    Raises:
        ScitrainError: The asked method does not explain such rows; says which do.
    """
    fitting = PAIRS if pairs else METHODS[kind]
    if asked == "auto":
        if pairs:
            return (
                "shap",
                "an element is taken away, and the others share the whole: Shapley values, exact up to eight elements",
            )
        if kind == "image" and shape[-1] >= LARGE:
            return "occlusion", f"images of {shape[-1]} pixels: regions tell more than single pixels"
        return (
            "integrated_gradients",
            f"exact up to a measured error for {kind} inputs, and a tenth of the cost of occlusion",
        )
    if asked in fitting:
        return asked, "asked for"
    if pairs:
        raise ScitrainError(
            f"method={asked!r} does not explain a model that reads pairs of element and amount: no path leads from one element to another; "
            f"methods that do: {listed(fitting)}"
        )
    why = WHY.get((kind, asked), "it needs the convolutions of an image network" if asked == "grad_cam" else "")
    reason = f": {why}" if why else ""
    raise ScitrainError(
        f"method={asked!r} does not explain a model that reads {kind} inputs{reason}; methods that do: {listed(fitting)}"
    )
