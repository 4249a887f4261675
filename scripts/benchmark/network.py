"""The network alone, against a ResNet-18 U-Net of the usual design that predicts at full resolution."""

from __future__ import annotations

import itertools
from pathlib import Path

import torch
from torch import nn
from torchvision.models import resnet18

from colorization import load_pipeline

from .timing import compare, take_turns

WORKING_SIZE = 512  # px


class UsualUNet(nn.Module):
    """ResNet-18 U-Net as commonly written: to stride 32, double convolutions, four skips, output at full resolution."""

    def __init__(self) -> None:
        super().__init__()
        net = resnet18(weights=None)
        self.stem = nn.Sequential(net.conv1, net.bn1, net.relu)
        self.pool = net.maxpool
        self.stages = nn.ModuleList((net.layer1, net.layer2, net.layer3, net.layer4))
        widths, skips = (512, 256, 128, 64, 64), (256, 128, 64, 64)
        self.ups = nn.ModuleList(nn.ConvTranspose2d(i, o, 2, stride=2) for i, o in itertools.pairwise(widths))
        self.mixes = nn.ModuleList(self._double(o + s, o) for o, s in zip(widths[1:], skips, strict=True))
        self.last = nn.Sequential(nn.ConvTranspose2d(64, 32, 2, stride=2), self._double(32, 32), nn.Conv2d(32, 2, 1))

    @staticmethod
    def _double(in_channels: int, out_channels: int) -> nn.Sequential:
        layers: list[nn.Module] = []
        for channels in (in_channels, out_channels):
            convolution = nn.Conv2d(channels, out_channels, 3, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True)]
        return nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        skips = [x]
        x = self.pool(x)
        for stage in self.stages:
            x = stage(x)
            skips.append(x)
        x = skips.pop()
        for up, mix in zip(self.ups, self.mixes, strict=True):
            x = mix(torch.cat((up(x), skips.pop()), dim=1))
        return self.last(x).tanh()


def benchmark_network(model: str | None, rounds: int) -> list[dict]:
    """Time a forward pass of both, in fp32 and, where the processor computes it itself, under bf16 autocast."""
    ours = load_pipeline(model, "cpu").model
    usual = UsualUNet().eval().to(memory_format=torch.channels_last)
    x = torch.randn(1, 3, WORKING_SIZE, WORKING_SIZE).contiguous(memory_format=torch.channels_last)
    rows = []
    for name, dtype in (("fp32", None), ("bf16 autocast", torch.bfloat16)):
        if dtype and not has_fast_bf16():
            print("bf16 was not measured: this processor has no bf16 arithmetic.")
            continue

        def forward(network: nn.Module, dtype: torch.dtype | None = dtype) -> None:
            with torch.inference_mode(), torch.autocast("cpu", dtype or torch.bfloat16, enabled=dtype is not None):
                network(x)

        times = take_turns({"usual": lambda: forward(usual), "ours": lambda: forward(ours)}, rounds)
        what = f"the network at {WORKING_SIZE} px, {name} / a ResNet-18 U-Net with output at full resolution"
        rows.append(compare(what, times["ours"], times["usual"], 0.5))
    return rows


def has_fast_bf16() -> bool:
    """Whether this processor computes bf16 itself; PyTorch emulates it elsewhere, a hundred times slower."""
    flags = Path("/proc/cpuinfo")
    return flags.exists() and any(name in flags.read_text() for name in ("avx512_bf16", "amx_bf16"))
