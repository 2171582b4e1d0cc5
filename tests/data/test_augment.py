import pytest
import torch

from scitrain.data.augment import augment_images


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
