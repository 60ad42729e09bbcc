"""The dense CRF over all pairs of pixels: what a lattice approximates."""

import torch
from torch import Tensor


def normalised_gaussian(features: Tensor) -> Tensor:
    """Return ``D^-1/2 K D^-1/2`` of points ``(P, d)``, each with itself included."""
    distance = torch.cdist(
        features, features, compute_mode='donot_use_mm_for_euclid_dist'
    )
    kernel = torch.exp(-0.5 * distance.square())
    scale = kernel.sum(1).rsqrt()
    return scale[:, None] * kernel * scale


def exact_mean_field(
    image: Tensor,
    probabilities: Tensor,
    *,
    num_iterations: int = 10,
    bilateral_weight: float | Tensor = 4.0,
    bilateral_xy: float | Tensor = 67.0,
    bilateral_rgb: float | Tensor = 3.0,
    gaussian_weight: float | Tensor = 3.0,
    gaussian_xy: float | Tensor = 1.0,
    compatibility: Tensor | None = None,
) -> Tensor:
    """Run the mean field in float64, without a cut-off: ``(K, H, W)`` from the same."""
    classes, height, width = probabilities.shape
    places = torch.cartesian_prod(torch.arange(height), torch.arange(width)).double()
    colours = image.double().flatten(1).t()
    bilateral = normalised_gaussian(
        torch.cat([places / bilateral_xy, colours / bilateral_rgb], 1)
    )
    spatial = normalised_gaussian(places / gaussian_xy)
    kernel = bilateral_weight * bilateral + gaussian_weight * spatial
    unary = probabilities.double().flatten(1).t().clamp(min=1e-5).log()
    q = unary.softmax(1)
    for _ in range(num_iterations):
        messages = kernel @ q
        if compatibility is not None:
            messages = messages @ compatibility
        q = (unary + messages).softmax(1)
    return q.t().reshape(classes, height, width)


def scene(
    height: int, width: int, num_classes: int, *, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Draw flat regions with noise, and probabilities that are often wrong.

    Returns:
        The image, uint8 ``(1, 3, H, W)``, and float32 ``(1, K, H, W)``.
    """
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator)

    places = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    seeds = draw(2 * num_classes, 2) * torch.tensor([height, width])
    distance = (places[:, None] - seeds).square().sum(2)
    labels = distance.argmin(1).view(height, width) % num_classes
    colours = 40 + 175 * draw(num_classes, 3)
    noise = torch.randn(height, width, 3, generator=generator)
    image = (colours[labels] + 4 * noise).clamp(0, 255).to(torch.uint8)
    one_hot = torch.nn.functional.one_hot(labels, num_classes)
    noise = torch.randn(height, width, num_classes, generator=generator)
    logits = 1.5 * one_hot + 1.2 * noise
    return image.permute(2, 0, 1)[None], logits.softmax(2).permute(2, 0, 1)[None]
