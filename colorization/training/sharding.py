"""FSDP: weights divided between processes, and what of a run must know it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from accelerate import Accelerator, DistributedType
from torch import nn
from torch.distributed.tensor import DTensor


def fit_fsdp(accelerator: Accelerator) -> torch.memory_format:
    """Make Accelerate's FSDP fit our networks, where it is used; returns the memory format that weights may have.

    Raises:
        ValueError: if the run is configured for a way to divide it that this loop does not go with.
    """
    if accelerator.distributed_type == DistributedType.DEEPSPEED:
        raise ValueError(
            "training does not run under DeepSpeed; choose FSDP, or plain processes, in `accelerate config`."
        )
    if accelerator.distributed_type != DistributedType.FSDP:
        return torch.channels_last
    plugin = accelerator.state.fsdp_plugin
    if plugin.fsdp_version != 2 or plugin.activation_checkpointing:
        raise ValueError(
            "under FSDP, training needs `fsdp_version: 2` and `fsdp_activation_checkpointing: false` in the file that "
            "`accelerate config` writes."
        )
    # Each network is one unit: Accelerate's rules are for layers of transformers, and ours are small.
    plugin.auto_wrap_policy = None
    plugin.cpu_ram_efficient_loading = False  # it would divide the statistics of batch normalization, and cannot
    return torch.contiguous_format  # FSDP divides nothing else


@dataclass(frozen=True)
class WholeWeights:
    """A network as ``AveragedModel`` reads it: what FSDP divided is gathered, one tensor at a time."""

    network: nn.Module

    def parameters(self) -> Iterator[torch.Tensor]:
        return (p.full_tensor() if isinstance(p, DTensor) else p for p in self.network.parameters())

    def buffers(self) -> Iterator[torch.Tensor]:
        return self.network.buffers()
