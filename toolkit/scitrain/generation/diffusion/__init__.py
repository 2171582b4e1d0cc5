"""Denoising diffusion over vectors, each of which a decoder turns into a formula or a molecule."""

from scitrain.generation.diffusion.generator import DiffusionGenerator, load_diffusion

__all__ = ["DiffusionGenerator", "load_diffusion"]
