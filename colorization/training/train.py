"""Train a colorizer: `accelerate launch scripts/train.py --recipe NAME --data DIR --output DIR [key=value ...]`."""

from __future__ import annotations

import argparse
import importlib.util
import logging
import sys
import textwrap
from pathlib import Path

import datasets
import torch

from ..data.pictures import load_pictures
from ..model import ColorizationModel
from .checkpoints import DiskFullError
from .encoders import IMAGENET_ENCODERS, load_backbone, load_encoder
from .features import extract_features
from .loop import Machine, train
from .recipe import Recipe, RecipeError, describe_recipe, list_recipes, load_recipe
from .validation import HarnessValidation

_EPILOG = """\
examples:
  accelerate launch scripts/train.py --recipe landscape-base --data DATA --output RUN
  accelerate launch scripts/train.py --recipe landscape-base --data DATA --output RUN --resume
  python scripts/train.py --recipe unet-lab --data hf://datasets/ORG/NAME --streaming --output RUN
  python scripts/train.py --recipe landscape-dinov2 --data DATA --features FEATURES --output RUN --mixed-precision bf16
  python scripts/train.py --recipe pix2pix --data DATA --output RUN pictures=50_000 model.attention=true
several processes, machines or FSDP (version 2): `accelerate config` writes a file, `accelerate launch` reads it.
"""


def build_model(recipe: Recipe, encoder: str, start_from: str | None, backbone: str = "none") -> ColorizationModel:
    """Make the recipe's model: with the weights of another one, or new with what is pretrained of it.

    Raises:
        OSError, ValueError: if weights cannot be read or do not fit.
    """
    if start_from:
        config = recipe.model_class.config_class.from_pretrained(start_from, **recipe.model)
        return recipe.model_class.from_pretrained(start_from, config=config, dtype=torch.float32)
    model = recipe.model_class(recipe.config())
    if model.config.architecture in IMAGENET_ENCODERS:
        load_encoder(model, None if encoder == "none" else encoder)
    if model.config.architecture == "dinov2" and backbone != "none":
        load_backbone(model, backbone)
    return model


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, epilog=_EPILOG
    )
    parser.add_argument("--recipe", default="landscape-base", help="name of a recipe, or a YAML file")
    parser.add_argument("--data", help="folder with train/ and val/, a built data set, its address, or a Hub id")
    parser.add_argument("--streaming", action="store_true", help="read the data while training, without a copy of it")
    parser.add_argument("--output", type=Path, help="folder for checkpoints, history and the model")
    parser.add_argument("--encoder", default="imagenet", help="'imagenet' (torchvision), 'none', or a file of weights")
    parser.add_argument(
        "--backbone",
        default="facebook/dinov2-small",
        help="of a recipe that has one: an id on the Hub, a folder, or 'none' (default: %(default)s)",
    )
    parser.add_argument(
        "--features",
        type=Path,
        metavar="DIR",
        help="of a recipe with views: where the backbone's features of all pictures are kept; made there if need be",
    )
    parser.add_argument("--start-from", metavar="MODEL", help="go on from a whole model (folder or Hub id) instead")
    parser.add_argument("--resume", action="store_true", help="go on from the newest checkpoint in --output")
    parser.add_argument("--mixed-precision", choices=("no", "fp16", "bf16"), default="no")
    parser.add_argument("--workers", type=int, default=2, help="processes that decode pictures (default: %(default)s)")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="decode all pictures once, into a file there")
    parser.add_argument(
        "--track",
        nargs="*",
        choices=("tensorboard", "wandb", "trackio"),
        default=["tensorboard"],
        help="where measures go besides history.csv and training.png (default: tensorboard, in --output/logs)",
    )
    parser.add_argument("--list", action="store_true", help="describe the recipes and stop")
    parser.add_argument("--dry-run", action="store_true", help="print the resolved recipe and the data found, and stop")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="values of the recipe to change")
    args = parser.parse_intermixed_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")

    if args.list:
        for name in list_recipes():
            print(textwrap.fill(f"{name}: {load_recipe(name).description}", 110, subsequent_indent="    "))
        return 0
    if not args.data or not args.output:
        parser.error("--data and --output are needed.")
    for tracker in args.track:
        if importlib.util.find_spec(tracker) is None:
            parser.error(f"--track {tracker}: the package is not installed; pip install {tracker}.")
    try:
        recipe = load_recipe(args.recipe, args.overrides)
        pictures = load_pictures(args.data, "train", args.streaming)
        validation_pictures = load_pictures(args.data, "validation", args.streaming)
    except (RecipeError, ValueError) as error:
        parser.error(str(error))
    if bool(recipe.views) != bool(args.features):
        parser.error(
            "this recipe trains on kept features: say where, with --features DIR."
            if recipe.views
            else "--features is for recipes with views: their backbone is frozen."
        )
    if recipe.views and args.streaming:
        parser.error("--streaming does not go with --features: every picture is looked at once before training.")
    print(describe_recipe(recipe))
    if isinstance(pictures, datasets.Dataset):
        print(f"{len(pictures):,} pictures to train on, {len(validation_pictures):,} to validate on.")
    else:
        print("Pictures are streamed.")
    if args.dry_run:
        return 0

    torch.manual_seed(recipe.seed)
    try:
        model = build_model(recipe, args.encoder, args.start_from, args.backbone)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    machine = Machine(args.workers, args.mixed_precision, tuple(args.track), args.cache)
    try:
        if args.features:
            # Kept in a byte, so that bfloat16 is exact enough where the processor has it.
            dtype = torch.bfloat16 if args.mixed_precision == "bf16" else torch.float32
            pictures = extract_features(model, pictures, recipe, args.features, dtype)
        validation = HarnessValidation(validation_pictures, recipe)
        train(model, recipe, pictures, validation, args.output, resume=args.resume, machine=machine)
    except (DiskFullError, ValueError) as error:
        print(f"Stopped: {error}", file=sys.stderr)
        return 1
    print(f"The model is in {args.output / 'model'}.")
    return 0
