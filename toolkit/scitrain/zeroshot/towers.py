"""Pictures and texts in one space: networks like CLIP, with a tower for each."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import transformers
from scipy.special import expit
from torch import Tensor

from scitrain.errors import ScitrainError
from scitrain.modalities.image import ImageTensor
from scitrain.models._hugging import come_from, taken
from scitrain.zeroshot.choosing import DOES_WITHOUT
from scitrain.zeroshot.loading import loaded
from scitrain.zeroshot.scored import Scored, refuse_long

__all__ = ["Towers"]

HF: Any = transformers
BATCH = 32
Tick = Callable[[int, int], None]


class Towers:
    """s = cosine of a picture and a description, both as the network sees them; T is the network's own.

    CLIP: Radford et al. 2021, arXiv:2103.00020; SigLIP, which has a probability of each label by itself: Zhai et al. 2023,
    doi:10.1109/ICCV51070.2023.01100. Pictures are stretched to the network's square, upright and on white, as everywhere here.
    """

    def __init__(self, name: str) -> None:
        self.network, self.tokenizer = loaded("AutoModel", name)
        with come_from(name, DOES_WITHOUT) as where, taken(name):
            reads = HF.AutoImageProcessor.from_pretrained(name, **where)
        if not hasattr(self.network, "get_image_features") or not hasattr(self.network, "logit_scale"):
            raise ScitrainError(
                f"{name!r} ({self.network.config.model_type}) has no tower of texts beside one of images; take CLIP or SigLIP"
            )
        self.mean, self.std = (torch.tensor(list(part)).view(3, 1, 1) for part in (reads.image_mean, reads.image_std))

    def featuriser(self, column: str) -> ImageTensor:
        """Return what turns the files of a column into the pixels the network reads."""
        return ImageTensor(column=column, size=int(self.network.config.vision_config.image_size), channels=3)

    def scored(self, pixels: np.ndarray, texts: Sequence[str], tick: Tick) -> Scored:
        """Return how well each description fits each picture.

        Args:
            pixels: float32 (n, 3, size, size) in 0…1.
            texts: One description a label.
            tick: Told (pictures done, pictures in all).
        """
        with torch.inference_mode():
            words = self._texts(texts)
            parts = []
            for start in range(0, len(pixels), BATCH):
                rows = (torch.from_numpy(np.ascontiguousarray(pixels[start : start + BATCH])) - self.mean) / self.std
                parts.append(_direction(self.network.get_image_features(pixel_values=rows)) @ words.T)
                tick(min(start + BATCH, len(pixels)), len(pixels))
            scale = float(self.network.logit_scale.detach().exp())
            logits = scale * torch.cat(parts).double().numpy()
        bias = getattr(self.network, "logit_bias", None)
        alone = None if bias is None else np.asarray(expit(logits + float(bias.detach())))
        return Scored(logits, 1 / scale, "learned by the network in its pretraining", alone)

    def _texts(self, texts: Sequence[str]) -> Tensor:
        most = int(self.network.config.text_config.max_position_embeddings)
        refuse_long(texts, [len(ids) for ids in self.tokenizer(list(texts))["input_ids"]], most)
        fixed = self.network.config.model_type.startswith("siglip")  # it has learned texts with their padding
        ready = self.tokenizer(
            list(texts), padding="max_length" if fixed else True, truncation=True, max_length=most, return_tensors="pt"
        )
        known = {name: value for name, value in ready.items() if name in ("input_ids", "attention_mask")}
        if fixed:
            known.pop("attention_mask", None)
        return _direction(self.network.get_text_features(**known))


def _direction(found: Any) -> Tensor:  # noqa: ANN401 - a tensor, or what later versions wrap it in
    points: Tensor = found if isinstance(found, Tensor) else found.pooler_output
    scaled: Tensor = points / points.norm(dim=-1, keepdim=True)
    return scaled
