"""Generators that grow out of noise."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import load_file, save_file

from scitrain.errors import ScitrainError
from scitrain.generation.conditions import standardised
from scitrain.generation.config import GeneratorConfig, Known
from scitrain.generation.diffusion.composition import CompositionSpace
from scitrain.generation.diffusion.denoiser import Denoiser, Noise, ddim, training_schedule
from scitrain.generation.diffusion.latent import LatentSpace
from scitrain.generation.diffusion.lesson import NoiseLesson
from scitrain.generation.generator import Drawn, Generator, Tuning
from scitrain.generation.gpt import load_gpt
from scitrain.generation.gpt_generator import GptGenerator
from scitrain.generation.languages import LANGUAGES, Settled, settle_formula, settle_smiles
from scitrain.generation.options import Sampling
from scitrain.generation.sampling import draw
from scitrain.runs import Json
from scitrain.training.adamw import AdamW
from scitrain.training.feeding import mix

__all__ = ["DiffusionGenerator", "load_diffusion"]

DENOISER = "denoiser.safetensors"
LATENT = "latent.safetensors"


class DiffusionGenerator(Generator):
    """A denoiser over vectors, and what makes of each vector a formula or a molecule."""

    def __init__(
        self,
        config: GeneratorConfig,
        known: Known,
        network: Denoiser,
        space: CompositionSpace | LatentSpace,
        decoder: GptGenerator | None = None,
    ) -> None:
        self.config, self.known, self.network, self.space, self.decoder = config, known, network, space, decoder
        details: Json = config.details
        steps, schedule, predicts = details["noise_steps"], details["schedule"], details["predicts"]
        self.schedule: Noise = training_schedule(steps, schedule, predicts, details["reach"])

    def draw(
        self, count: int, values: np.ndarray, sampling: Sampling, seed: int, stop: Callable[[], None] = lambda: None
    ) -> list[Drawn]:
        """Draw ``count`` vectors, and decode each."""
        if sampling.beams > 1 or sampling.prefix:
            raise ScitrainError(
                "beams and prefix are for language models: a diffusion model has no first token; leave them out"
            )
        stop()
        vectors = self.vectors(count, values, sampling, seed)
        if isinstance(self.space, CompositionSpace):
            return [Drawn(formula) for formula in self.space.formulas(vectors)]
        decoder = self._decoder()
        drawing = decoder.drawing(sampling.model_copy(update={"guidance": 1.0}))
        found = draw(drawing, vectors, count, mix(seed, 1), stop)
        return [decoder.written(one) for one in found]

    def vectors(self, count: int, values: np.ndarray, sampling: Sampling, seed: int) -> np.ndarray:
        """Return float32 (count, dimensions) that grew out of noise."""
        self.network.eval()
        device = next(self.network.parameters()).device
        # drawn on the CPU, so that all devices begin with the same noise
        noise = torch.randn(count, self.network.inner.in_features, generator=torch.Generator().manual_seed(seed)).to(
            device
        )
        told = torch.from_numpy(np.broadcast_to(values, (count, len(self.config.conditions))).copy()).to(device)
        return ddim(self.network, noise, told, self.schedule, sampling.steps, sampling.guidance).cpu().numpy()

    def settle(self, text: str) -> Settled:
        """Return what a draw is."""
        return settle_smiles(text) if self.config.kind == "smiles" else settle_formula(text)

    def tune(self, texts: Sequence[str], properties: Mapping[str, Sequence[float]] | None, tuning: Tuning) -> float:
        """Teach the denoiser more vectors, and the decoder their strings."""
        good = [i for i, text in enumerate(texts) if self._writable(text)]
        if not good:
            raise ScitrainError(
                f"none of the {len(texts)} strings is {self.config.kind} that this generator knows the elements of"
            )
        kept = [texts[i] for i in good]
        given = properties or {}
        columns = [given.get(condition.name, [np.nan] * len(texts)) for condition in self.config.conditions]
        values = np.array(columns, dtype=np.float64).reshape(len(columns), len(texts)).T[good]
        x = self.space.vectors(kept)
        if self.decoder is not None:
            named = {condition.name: x[:, i].tolist() for i, condition in enumerate(self.decoder.config.conditions)}
            self.decoder.tune(kept, named, tuning)
        rows = np.arange(len(x))
        lesson = NoiseLesson(
            self.network,
            self.schedule,
            x,
            standardised(self.config.conditions, values),
            rows,
            rows,
            tuning.batch_size,
            0.1,
            tuning.seed,
        )
        return _more(lesson, tuning)

    def save_weights(self, folder: Path) -> None:
        """Write denoiser, space and decoder."""
        save_file({name: t.contiguous() for name, t in self.network.state_dict().items()}, folder / DENOISER)
        self.schedule.save_config(folder)
        if isinstance(self.space, LatentSpace):
            save_arrays(
                {name: np.ascontiguousarray(getattr(self.space, name)) for name in ("centre", "axes", "mean", "scale")},
                folder / LATENT,
            )
            self._decoder().save_weights(folder)

    def _decoder(self) -> GptGenerator:
        if self.decoder is None:
            raise ScitrainError("this generator has no decoder; its run was not finished: train it anew")
        return self.decoder

    def _writable(self, text: str) -> bool:
        settled = self.settle(text)
        if isinstance(self.space, LatentSpace):
            return bool(settled.key)
        from scitrain.chem.formulas import parse

        return bool(settled.key) and set(parse(settled.key)) <= set(self.space.elements)


def _more(lesson: NoiseLesson, tuning: Tuning) -> float:
    """Go on by plain AdamW at a constant rate; return the mean loss of the last epoch."""
    optimizer = AdamW(lesson.network.parameters(), lr=tuning.learning_rate, weight_decay=0.01, fused=True)
    device, losses = next(lesson.network.parameters()).device, [float("nan")]
    lesson.network.train()
    with torch.random.fork_rng():
        for epoch in range(tuning.epochs):
            torch.manual_seed(mix(tuning.seed, epoch))
            losses = []
            for batch in lesson.batches(epoch, 0):
                loss = lesson.loss({name: t.to(device) for name, t in batch.items()})
                optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                torch.nn.utils.clip_grad_norm_(lesson.network.parameters(), 1.0)
                optimizer.step()
                losses.append(float(loss.detach()))
    lesson.network.eval()
    return float(np.mean(losses))


def decoder_config(config: GeneratorConfig, dimensions: int) -> GeneratorConfig:
    """Return what the decoder of a molecule diffusion is: a language model told the vector, number by number."""
    from scitrain.generation.conditions import Condition

    told = tuple(Condition(name=f"z{i}", mean=0.0, scale=1.0, low=-4.0, high=4.0) for i in range(dimensions))
    return config.model_copy(update={"family": "selfies_gpt", "conditions": told, "details": {}})


def load_diffusion(config: GeneratorConfig, known: Known, folder: Path) -> DiffusionGenerator:
    """Read what `DiffusionGenerator.save_weights` wrote."""
    details = config.details
    space: CompositionSpace | LatentSpace
    decoder = None
    if config.family == "composition_diffusion":
        elements = json.loads(json.dumps(details["elements"]))
        space = CompositionSpace(tuple(elements), float(str(details["mean"])), float(str(details["scale"])))
        dimensions = 2 * len(space.elements)
    else:
        from scitrain.tokenizers import load

        space = LatentSpace(**load_arrays(folder / LATENT))
        dimensions = len(space.mean)
        language = LANGUAGES[config.notation]()
        language.tokenizer = load(folder)
        decoder = GptGenerator(decoder_config(config, dimensions), known, load_gpt(folder, dimensions), language)
    network = Denoiser(dimensions, int(str(details["width"])), int(str(details["layers"])), len(config.conditions))
    network.load_state_dict(load_file(folder / DENOISER))
    return DiffusionGenerator(config, known, network.eval(), space, decoder)
