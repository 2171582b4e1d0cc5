"""Diffusion over vectors."""

import numpy as np
import pytest
import torch

from scitrain.chem.formulas import parse, reduced
from scitrain.generation.diffusion.composition import CompositionSpace
from scitrain.generation.diffusion.denoiser import Denoiser, ddim, training_schedule
from scitrain.generation.diffusion.latent import LatentSpace
from scitrain.generation.diffusion.lesson import NoiseLesson
from scitrain.runs import Run
from scitrain.training.loop import Pacing, learn
from scitrain.workspace import Workspace

FORMULAS = ["Fe2O3", "NaCl", "CaTiO3", "LiCoO2", "Al12Mg17", "SiO2", "Cu"]


def test_a_formula_comes_back_from_its_vector():
    space = CompositionSpace.of(FORMULAS)
    assert space.formulas(space.vectors(FORMULAS)) == [reduced(formula) for formula in FORMULAS]


def test_every_vector_is_a_formula_of_at_most_twelve_elements():
    space = CompositionSpace.of(FORMULAS)
    noise = np.random.default_rng(0).normal(scale=5, size=(200, 2 * len(space.elements))).astype(np.float32)
    noise[0] = -9  # no element is there: the nearest one is taken
    found = [parse(formula) for formula in space.formulas(noise)]
    assert all(1 <= len(one) <= 12 for one in found)


@pytest.mark.parametrize(("schedule", "predicts"), [("cosine", "v"), ("linear", "epsilon"), ("cosine", "epsilon")])
def test_noise_grows_into_what_was_learned_and_conditions_choose(tmp_path, schedule, predicts):
    """Two points in a plane, told apart by a condition."""
    torch.manual_seed(0)
    network, noise = Denoiser(2, 32, 1, 1), training_schedule(200, schedule, predicts, 1.0)
    side = np.repeat([-1.0, 1.0], 256).astype(np.float32)
    x, values = np.stack([side, -side], axis=1), side[:, None]
    rows = np.arange(len(x))
    lesson = NoiseLesson(network, noise, x, values, rows, rows[:64], 64, 0.1, 0)
    run = Run.create("train_generator", {}, Workspace(tmp_path))
    learn(lesson, Pacing(epochs=20, learning_rate=1e-2, patience=20), run, "key")
    start = torch.randn(64, 2, generator=torch.Generator().manual_seed(1))
    told = torch.ones(64, 1)
    for wanted in (1.0, -1.0):
        found = ddim(network, start, wanted * told, noise, 20, 1.0)
        assert float((found - torch.tensor([wanted, -wanted])).abs().mean()) < 0.25
    silent = ddim(network, start, torch.full((64, 1), torch.nan), noise, 20, 1.0)
    assert 0.2 < float((silent[:, 0] > 0).float().mean()) < 0.8
    assert torch.equal(ddim(network, start, told, noise, 20, 1.0), ddim(network, start, told, noise, 20, 1.0))


def test_the_vector_of_a_molecule_is_that_of_all_its_spellings():
    space = LatentSpace.of(["CCO", "c1ccccc1", "CC(=O)O", "CCN", "CCCC", "OCCO"], 0)
    np.testing.assert_allclose(space.vectors(["OCC"]), space.vectors(["CCO"]), atol=1e-5)
    assert space.vectors(["CCO"]).shape == (1, len(space.mean))
