"""A light decoder from tokens to samples, of transposed convolutions (Maghsoodi et al., arXiv 2509.08116, 2025)."""

from __future__ import annotations

from torch import Tensor, nn

# The published decoder has two layers, whatever the encoder's stride: it restores four samples a token.
OFFICIAL_STEPS = (2, 2)
_MIN_CHANNELS = 16


class Decoder(nn.Module):
    """Transposed convolutions that undo the encoder's stride, and a convolution to the leads.

    Parameters
    ----------
    n_features : int
        Length of a token.
    n_leads : int
    stride : int
        Samples of a token.
    n_channels : int
        Width after the first layer, halved from layer to layer down to 16.
    is_official : bool
        Two layers of stride 2 only.
    """

    def __init__(self, n_features: int, n_leads: int, stride: int, n_channels: int, is_official: bool = False) -> None:
        super().__init__()
        steps = OFFICIAL_STEPS if is_official else prime_factors(stride)
        layers: list[nn.Module] = []
        n_in = n_features
        for number, step in enumerate(steps):
            n_out = max(n_channels >> number, _MIN_CHANNELS)
            # As many samples come out as step times those that go in.
            up = nn.ConvTranspose1d(n_in, n_out, 2 * step, step, step // 2 + step % 2, output_padding=step % 2)
            layers += [up, nn.GELU()]
            n_in = n_out
        self.layers = nn.Sequential(*layers, nn.Conv1d(n_in, n_leads, 3, padding=1))

    def forward(self, tokens: Tensor) -> Tensor:
        """Return samples (batch, n_leads, n_tokens * stride) from tokens (batch, n_tokens, n_features)."""
        samples: Tensor = self.layers(tokens.transpose(1, 2))
        return samples


def prime_factors(number: int) -> tuple[int, ...]:
    """Return the prime factors of a number, smallest first; of 1, none."""
    factors, factor = [], 2
    while number > 1:
        while number % factor == 0:
            factors.append(factor)
            number //= factor
        factor += 1
    return tuple(factors)
