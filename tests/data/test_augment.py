import pytest
import torch

from scitrain.contracts.model import InputShape
from scitrain.data.augment import MIXES, WAYS, augment_images, augment_series, augmentations, mix_pairs

IMAGE = InputShape("image", (3, 16, 16))
SINGLE = [name for name in WAYS["image"] if name not in MIXES]


def images(n: int = 6, channels: int = 3, side: int = 16) -> torch.Tensor:
    return torch.rand(n, channels, side, side, generator=torch.Generator().manual_seed(1))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_same_seed_gives_the_same_variants_and_another_seed_others() -> None:
    batch = images()
    assert torch.equal(augment_images(batch, generator()), augment_images(batch, generator()))
    assert not torch.equal(augment_images(batch, generator()), augment_images(batch, generator(1)))


@pytest.mark.parametrize(("channels", "side"), [(1, 8), (3, 32)])
def test_shape_type_and_range_are_kept_and_the_batch_is_not_changed(channels: int, side: int) -> None:
    batch = images(channels=channels, side=side)
    before = batch.clone()
    varied = augment_images(batch, generator(), flip=True, brightness=0.9)
    assert varied.shape == batch.shape
    assert varied.dtype == batch.dtype
    assert varied.min() >= 0
    assert varied.max() <= 1
    assert torch.equal(batch, before)


def test_each_image_gets_its_own_variant() -> None:
    varied = augment_images(images(1).expand(4, -1, -1, -1), generator())
    assert all(not torch.equal(varied[0], other) for other in varied[1:])


def test_with_all_amounts_at_zero_nothing_changes() -> None:
    batch = images()
    assert torch.allclose(augment_images(batch, generator(), degrees=0, zoom=0, brightness=0), batch, atol=1e-6)


def test_a_flip_mirrors_about_half_of_the_images_left_to_right() -> None:
    batch = images(200, 1, 8)
    varied = augment_images(batch, generator(), flip=True, degrees=0, zoom=0, brightness=0)
    mirrored = torch.isclose(varied, batch.flip(-1), atol=1e-5).all(dim=(1, 2, 3))
    kept = torch.isclose(varied, batch, atol=1e-5).all(dim=(1, 2, 3))
    assert bool((mirrored ^ kept).all())
    assert 60 < int(mirrored.sum()) < 140


def test_a_constant_image_stays_constant_as_borders_continue() -> None:
    varied = augment_images(torch.full((5, 3, 16, 16), 0.5), generator(), degrees=45, zoom=0.5, brightness=0)
    assert torch.allclose(varied, torch.full_like(varied, 0.5), atol=1e-6)


@pytest.mark.parametrize("name", SINGLE)
def test_every_declared_way_keeps_shape_and_range_and_is_its_seed_s(name: str) -> None:
    vary, mix = augmentations([name], IMAGE)
    assert vary is not None
    assert mix is None
    before = torch.get_rng_state()
    one, two, other = vary(images(), generator()), vary(images(), generator()), vary(images(), generator(1))
    assert torch.equal(torch.get_rng_state(), before), "the state that dropout reads is left alone"
    assert one.shape == images().shape
    assert one.min() >= 0
    assert one.max() <= 1
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_grey_images_bear_every_way() -> None:
    vary, _ = augmentations(SINGLE, InputShape("image", (1, 8, 8)))
    assert vary is not None
    assert vary(images(channels=1, side=8), generator()).shape == (6, 1, 8, 8)


@pytest.mark.parametrize("name", MIXES)
def test_a_mixed_row_holds_of_its_partner_what_its_label_says(name: str) -> None:
    """With a black and a white row the share of white is the share of the white row's label."""
    rows = torch.tensor([0.0, 1.0])[:, None, None, None].expand(2, 3, 16, 16)[None]
    for seed in range(12):
        mixed = mix_pairs(rows, generator(seed), [name])
        white = mixed.share * rows[0].mean((1, 2, 3)) + (1 - mixed.share) * rows[0, mixed.partner].mean((1, 2, 3))
        assert mixed.rows[0].mean((1, 2, 3)).tolist() == pytest.approx(white.tolist(), abs=1e-5)
        assert sorted(mixed.partner.tolist()) == [0, 1]
        assert 0 <= mixed.share <= 1


def test_a_series_without_any_way_is_unchanged_and_its_end_stays_where_it_is() -> None:
    rows = torch.randn(5, 3, 40, generator=generator())
    assert torch.equal(augment_series(rows, generator(), []), rows)
    rows[:, 2] = 1
    rows[0, :, 30:] = 0
    varied = augment_series(rows, generator(), WAYS["series"], kept=[2])
    assert torch.equal(varied[:, 2], rows[:, 2])
    assert not varied[0, :2, 30:].any()
    assert not torch.equal(varied[:, :2, :20], rows[:, :2, :20])


def test_a_shifted_series_is_the_same_values_moved_by_a_fiftieth_of_its_length_at_most() -> None:
    rows = torch.arange(100.0).expand(50, 1, 100)
    moved = augment_series(rows, generator(), ["shift"]) - rows
    inner = moved[:, 0, 5:-5]
    assert (inner == inner[:, :1]).all()
    assert inner.abs().max() == 2
