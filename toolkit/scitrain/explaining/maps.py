"""Maps over images: windows laid over them one by one, and the class activation maps of convolutions.

Occlusion doi:10.1007/978-3-319-10590-1_53; Grad-CAM doi:10.1109/ICCV.2017.74.
"""

from collections.abc import Iterator

import torch
from captum.attr import LayerAttribution, LayerGradCam
from torch import Tensor, nn

from scitrain.errors import ScitrainError
from scitrain.explaining.part import Part

__all__ = ["fine_map", "grad_cam", "windows"]

FINE = 7
"""Places along each side that a map must have to show where something is; deeper layers of small images have one or two."""
PIXELS = 1 << 20
"""Numbers in the images that are predicted at once."""


def windows(part: Part) -> Tensor:
    """Return f(x) − f(x with a window at the baseline), each pixel the mean over the windows that cover it.

    Windows are a fifth of a side, and move by half of that; those of one image are predicted together.
    """
    _, channels, height, width = part.x.shape
    boxes = [(y, x) for y in _spans(height) for x in _spans(width)]
    found = torch.zeros(len(part.x), height, width, device=part.x.device)
    covered = torch.zeros(height, width, device=part.x.device)
    for (top, bottom), (left, right) in boxes:
        covered[top:bottom, left:right] += 1
    some = max(1, PIXELS // max(part.x[0].numel(), 1))
    for at in range(len(part.x)):
        row, base, output = part.x[at].detach(), part.baseline[at], int(part.outputs[at])
        with torch.no_grad():
            said = part.explained(row[None])[0, output]
            for start in range(0, len(boxes), some):
                chosen = boxes[start : start + some]
                hidden = row.expand(len(chosen), -1, -1, -1).clone()
                for i, ((top, bottom), (left, right)) in enumerate(chosen):
                    hidden[i, :, top:bottom, left:right] = base[:, top:bottom, left:right]
                lost = said - part.explained(hidden)[:, output]
                for value, ((top, bottom), (left, right)) in zip(lost, chosen, strict=True):
                    found[at, top:bottom, left:right] += value
    shared: Tensor = (found / covered / channels)[:, None].expand_as(part.x)
    return shared


def _spans(side: int) -> Iterator[tuple[int, int]]:
    """Yield beginning and end of the windows along a side, the last one flush with its end."""
    size = max(1, side // 5)
    for start in range(0, max(side - size, 0) + 1, max(1, size // 2)):
        yield start, start + size
    if (side - size) % max(1, size // 2):
        yield side - size, side


def grad_cam(part: Part) -> Tensor:
    """Return the sum over the members of the map of their last layer that is fine enough."""
    layers = [fine_map(part, member) for member in part.explained.predictor.members]
    found = torch.zeros_like(part.x[:, :1])
    size = (part.x.shape[2], part.x.shape[3])
    for layer in layers:
        map_ = LayerGradCam(part.explained, layer).attribute(part.x, target=part.outputs, relu_attributions=True)
        found = found + LayerAttribution.interpolate(map_, size, interpolate_mode="bilinear")
    return (found / part.x.shape[1]).expand_as(part.x)


def fine_map(part: Part, member: nn.Module) -> nn.Module:
    """Return the last layer whose maps have `FINE` places along each side; of a small image, half as many as it has pixels.

    Raises:
        ScitrainError: There is no convolution.
    """
    if not any(isinstance(module, nn.Conv2d) for module in member.modules()):
        raise ScitrainError("grad_cam needs convolutions, and this network has none; method='occlusion' explains it")
    sides: dict[nn.Module, int] = {}

    def note(layer: nn.Module, _: object, out: object) -> None:
        if isinstance(out, Tensor) and out.dim() == 4:
            sides.pop(layer, None)  # in the order of the data, not of the declaration
            sides[layer] = min(out.shape[2:])

    hooks = [module.register_forward_hook(note) for module in member.modules()]
    try:
        part.says(part.x.detach())
    finally:
        for hook in hooks:
            hook.remove()
    enough = min(FINE, max(2, min(part.x.shape[2:]) // 2), max(sides.values()))
    return [layer for layer, side in sides.items() if side >= enough][-1]
