"""Average the weights of a model before and after a last stage of training.

    python scripts/average_models.py runs/guided/model runs/release/model --weight 0.75 --output MODEL

A stage that teaches something new (here: what age does to a print) costs some of what was known. Where the second model
was started from the first, the mean of their weights keeps most of both (Wortsman et al. 2022, "Robust fine-tuning of
zero-shot models", arXiv:2109.01903). Choose the weight on validation pictures. Exit status: 0 written, 2 wrong usage.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from ..files import replace_folder
from ..model import ColorizationImageProcessor, ColorizationModel


def average(first: ColorizationModel, second: ColorizationModel, weight: float) -> ColorizationModel:
    """``first`` with (1 - weight) of its own weights and ``weight`` of those of ``second``, in half precision.

    Args:
        first: changed in place.
        second: of the same architecture.
        weight: share of ``second`` in [0, 1].

    Raises:
        ValueError: if the networks have different weights.
    """
    ours, theirs = first.float().state_dict(), second.float().state_dict()
    if {name: value.shape for name, value in ours.items()} != {name: value.shape for name, value in theirs.items()}:
        raise ValueError("the two models are not of one architecture.")
    for name, value in ours.items():
        if value.is_floating_point():  # counters of normalization stay
            value.lerp_(theirs[name], weight)
    return first.half()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", help="folder or Hub id; its configuration and processor are kept")
    parser.add_argument("second", help="folder or Hub id of a model that was started from the first")
    parser.add_argument("--weight", type=float, default=0.5, help="share of the second (default: %(default)s)")
    parser.add_argument("--output", type=Path, required=True, help="folder that does not exist yet")
    args = parser.parse_args(arguments)
    if not 0 <= args.weight <= 1:
        parser.error(f"--weight is in [0, 1], not {args.weight}.")
    if args.output.exists():
        parser.error(f"{args.output} exists already.")
    try:
        first, second = (
            ColorizationModel.from_pretrained(name, dtype=torch.float32) for name in (args.first, args.second)
        )
        averaged = average(first, second, args.weight)
        processor = ColorizationImageProcessor.from_pretrained(args.first)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    with replace_folder(args.output) as fresh:
        averaged.save_pretrained(fresh)
        processor.save_pretrained(fresh)
    return 0
