"""The release's network: a frozen DINOv2 sees the whole picture, a small network turns what it saw into color."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from transformers import Dinov2Config, Dinov2Model

from .networks import DecoderLevel, Guidance, RawOutput, ResNetEncoder

CELL = 16
"""Pixels of the picture a side that one token stands for: the stride at which the decoder begins."""
_FEATURE_RANGE = 127 / 16  # standard deviations; features are cached as whole sixteenths in one byte


class AttentionBlock(nn.Module):
    """Transformer block, normalized first: every place of the picture asks every other (Vaswani et al. 2017)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, N, D] to the same shape."""
        batch, count, width = x.shape
        query, key, value = self.qkv(self.norm1(x)).view(batch, count, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, count, width))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class Dinov2ColorNetwork(nn.Module):
    """DINOv2 on the whole picture, two attention blocks over its tokens, a decoder to stride 4.

    The backbone (Oquab et al. 2023, arXiv:2304.07193) sees the picture at 14/16 of its size, so that each of its
    patches of 14 px lies on a cell of 16 px; what it says after the layers ``taps`` is standardized and projected.
    The backbone is not trained: what it says of a picture can be kept (:meth:`see`) and used for any crop of it.

    Args:
        backbone: of the transformer.
        taps: after which of its blocks it is listened to.
        width, layers, heads: of the attention blocks over tokens.
        detail_widths: of the convolutional path, stem and stages at stride 4 and 8.
        decoder_widths: at stride 8 and 4.
        bins: classes of the classifier.
        detail_dropout: probability of a picture to lose the convolutional path in training, so that colors follow from
            what is recognized.
    """

    feature_mean: torch.Tensor
    feature_std: torch.Tensor

    def __init__(
        self,
        backbone: Dinov2Config,
        taps: Sequence[int],
        width: int,
        layers: int,
        heads: int,
        detail_widths: Sequence[int],
        decoder_widths: Sequence[int],
        bins: int,
        detail_dropout: float,
    ) -> None:
        super().__init__()
        self.backbone, self.detail_dropout = Dinov2Model(backbone), detail_dropout
        self.patch, self.taps = backbone.patch_size, tuple(taps)
        features = len(self.taps) * backbone.hidden_size
        # Of the features over training pictures: one scale for all channels, and a byte is enough to keep one.
        self.register_buffer("feature_mean", torch.zeros(features))
        self.register_buffer("feature_std", torch.ones(features))
        self.project = nn.Linear(features, width)
        self.blocks = nn.ModuleList(AttentionBlock(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.coarse = nn.Linear(width, 2)
        self.picture = nn.Sequential(nn.Linear(2 * width, width // 2), nn.GELU(), nn.Linear(width // 2, 2))
        self.shift = nn.Linear(width, width)
        self.detail = ResNetEncoder(detail_widths)
        _, first, second = detail_widths
        self.level8 = DecoderLevel(width, second, decoder_widths[0])
        self.level4 = DecoderLevel(decoder_widths[0], first, decoder_widths[1])
        last = decoder_widths[1]
        self.head = nn.Conv2d(last, 2, 1)
        self.classifier = nn.Sequential(
            nn.Conv2d(last, 2 * last, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(2 * last, bins, 1)
        )
        self.guidance = Guidance((first, second, width), bins, width)

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> Dinov2ColorNetwork:
        """Move or cast the network as asked, but keep the backbone in float32 where it would go to bfloat16.

        Eight bits of its weights and of its residual stream drift over nine blocks: CIEDE2000 of 0.2 to 0.5, where the
        rest of the network in bfloat16 makes 0.1 at most. The eleven bits of float16 are enough.
        """
        backbone = {id(weight) for weight in (*self.backbone.parameters(), *self.backbone.buffers())}

        def kept(weight: torch.Tensor) -> torch.Tensor:
            moved = fn(weight)
            exact = id(weight) in backbone and moved.dtype == torch.bfloat16
            return weight.to(moved.device, torch.float32) if exact else moved

        return super()._apply(kept, recurse)

    def look(self, x: torch.Tensor) -> torch.Tensor:
        """Ask the backbone about whole pictures.

        Args:
            x: pixel_values [B, 3, h, w]; sides that are no multiples of 16 are brought to the nearest.

        Returns:
            [B, 1 + gh * gw, C] features of the picture (first) and of its cells, row by row.
        """
        rows, columns = cells_of(*x.shape[-2:])
        size = rows * self.patch, columns * self.patch
        # In float32: processors have no antialiasing in half precision.
        x = F.interpolate(x.float(), size, mode="bilinear", align_corners=False, antialias=True)
        states = self.backbone(x.to(self.backbone.dtype), output_hidden_states=True).hidden_states
        return torch.cat([states[tap] for tap in self.taps], dim=2)

    def see(self, x: torch.Tensor) -> torch.Tensor:
        """Standardize what the backbone says of whole pictures; shapes as in :meth:`look`."""
        standard = (self.look(x).float() - self.feature_mean.float()) / self.feature_std.float()
        return standard.clamp(-_FEATURE_RANGE, _FEATURE_RANGE).to(x.dtype)

    def forward(
        self,
        x: torch.Tensor,
        hints: torch.Tensor | None = None,
        palette: torch.Tensor | None = None,
        features: torch.Tensor | None = None,
        window: tuple[int, int, int, int] | None = None,
        classify: bool = True,
    ) -> RawOutput:
        """Predict color, in the network's units.

        Args:
            x: pixel_values [B, 3, h, w] of the whole picture, or of the window.
            hints: [B, 3, h/4, w/4] of the whole picture.
            palette: [B, Q].
            features: what :meth:`see` said of the whole picture, where it is known.
            window: rows and columns of the whole picture in cells, and the window's top and left cell in it.
            classify: whether to ask the classifier.
        """
        rows, columns = window[:2] if window else cells_of(*x.shape[-2:])
        tokens = self.project((self.see(x) if features is None else features).to(self.project.weight.dtype))
        added = None if hints is None else self.guidance(hints)
        if palette is not None:
            tokens = tokens + self.guidance.palette(palette)[:, None]
        if added is not None:
            own = F.interpolate(added[2], size=(rows, columns), mode="nearest")
            tokens = torch.cat((tokens[:, :1], tokens[:, 1:] + own.flatten(2).transpose(1, 2)), dim=1)
        for block in self.blocks:
            tokens = block(tokens)
        tokens = self.norm(tokens)
        log_chroma, log_variance = self.picture(torch.cat((tokens[:, 0], tokens[:, 1:].mean(1)), 1)).unbind(1)
        cells = tokens[:, 1:] + self.shift(tokens[:, :1])
        coarse = _to_map(self.coarse(cells), rows, columns)
        context = _to_map(cells, rows, columns)
        _, stride4, stride8 = self.detail(x)
        if self.training and self.detail_dropout:
            kept = (torch.rand(len(x), 1, 1, 1, device=x.device) >= self.detail_dropout).to(stride4.dtype)
            stride4, stride8 = stride4 * kept, stride8 * kept
        if window:
            _, _, top, left = window
            height, width = x.shape[-2] // CELL, x.shape[-1] // CELL
            context = context[:, :, top : top + height, left : left + width]
            added = added and [
                part[:, :, top * s : (top + height) * s, left * s : (left + width) * s]
                for part, s in zip(added, (4, 2, 1), strict=True)
            ]
        if added is not None:
            stride4, stride8 = stride4 + added[0], stride8 + added[1]
        x = self.level4(self.level8(context, stride8), stride4)
        return RawOutput(self.head(x), self.classifier(x) if classify else None, log_chroma, log_variance, coarse)


def cells_of(height: int, width: int) -> tuple[Any, Any]:
    """Rows and columns of cells of a picture, at least one each."""
    # torch.sym_max: the sizes of an exported graph are symbols.
    return torch.sym_max(1, (height + CELL // 2) // CELL), torch.sym_max(1, (width + CELL // 2) // CELL)


def _to_map(tokens: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    """[B, rows * columns, D] to [B, D, rows, columns]."""
    return tokens.transpose(1, 2).unflatten(2, (rows, columns))
