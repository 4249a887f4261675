"""Train a colorizer: `accelerate launch scripts/train.py --recipe NAME --data DIR --output DIR [key=value ...]`."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
import yaml

from colorization import ColorizationConfig, ColorizationModel
from colorization.color import rgb_to_lab
from colorization.data.pictures import Crops, load_pictures
from colorization.image_processing_colorization import normalize_lightness
from colorization.modeling_colorization import load_encoder
from colorization.training.loop import Validate, train
from colorization.training.recipe import Recipe, RecipeError, list_recipes, load_recipe


def make_validation(pictures, recipe: Recipe, batch_size: int = 32) -> Validate:
    """Fixed crops of ``recipe.validation_pictures`` pictures, and the measures a person wants to see during a run."""
    count = min(len(pictures), recipe.validation_pictures)
    crops = Crops(pictures, min_scale=1.0, seed=1)
    size = recipe.crop_sizes[-1]
    # Spread over the whole set, which is sorted by folder.
    rgb = torch.stack([crops[(i * len(pictures) // count, i, size)] for i in range(count)])

    @torch.inference_mode()
    def validate(model: ColorizationModel) -> dict[str, float]:
        errors, ratios = [], []
        for batch in rgb.split(batch_size):
            lab = rgb_to_lab(batch.to(model.device).float() / 255)
            ab = model(normalize_lightness(lab[:, :1])).ab
            truth = F.interpolate(lab[:, 1:], size=ab.shape[-2:], mode="area")
            true_chroma = truth.norm(dim=1).mean(dim=(1, 2))
            colourful = true_chroma >= recipe.min_chroma
            errors.append((ab - truth).square().mean(dim=(1, 2, 3)).sqrt()[colourful])
            ratios.append((ab.norm(dim=1).mean(dim=(1, 2)) / true_chroma.clamp(min=1e-3))[colourful])
        ratio = torch.cat(ratios)
        return {
            "ab_rmse": torch.cat(errors).mean().item(),
            "chroma_ratio_median": ratio.median().item(),
            "collapse_rate": (ratio < 0.5).float().mean().item(),
        }

    return validate


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="landscape-base", help="name of a recipe, or a YAML file")
    parser.add_argument("--data", help="folder with train/ and val/, a built data set, or a Hub id")
    parser.add_argument("--output", type=Path, help="folder for checkpoints, history and the model")
    parser.add_argument("--encoder", default="imagenet", help="'imagenet' (torchvision), 'none', or a file of weights")
    parser.add_argument("--start-from", metavar="MODEL", help="go on from a whole model (folder or Hub id) instead")
    parser.add_argument("--resume", action="store_true", help="go on from the newest checkpoint in --output")
    parser.add_argument("--mixed-precision", choices=("no", "fp16", "bf16"), default="no")
    parser.add_argument("--workers", type=int, default=2, help="processes that decode pictures (default: %(default)s)")
    parser.add_argument("--list", action="store_true", help="describe the recipes and stop")
    parser.add_argument("--dry-run", action="store_true", help="print the resolved recipe and the data found, and stop")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="values of the recipe to change")
    args = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")

    if args.list:
        for name in list_recipes():
            print(f"{name}: {load_recipe(name).description}")
        return 0
    if not args.data or not args.output:
        parser.error("--data and --output are needed.")
    try:
        recipe = load_recipe(args.recipe, args.overrides)
        train_pictures = load_pictures(args.data, "train")
        validation_pictures = load_pictures(args.data, "validation")
    except (RecipeError, ValueError) as error:
        parser.error(str(error))
    print(yaml.safe_dump(vars(recipe) | {"crop_sizes": list(recipe.crop_sizes)}, sort_keys=False, width=120))
    print(f"{len(train_pictures):,} pictures to train on, {len(validation_pictures):,} to validate on.")
    if args.dry_run:
        return 0

    torch.manual_seed(recipe.seed)
    try:
        if args.start_from:
            config = ColorizationConfig.from_pretrained(args.start_from, head=recipe.head, guided=recipe.guided)
            model = ColorizationModel.from_pretrained(args.start_from, config=config, dtype=torch.float32)
        else:
            model = ColorizationModel(ColorizationConfig(head=recipe.head, guided=recipe.guided))
            load_encoder(model, None if args.encoder == "none" else args.encoder)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    train(
        model,
        recipe,
        train_pictures,
        make_validation(validation_pictures, recipe),
        args.output,
        resume=args.resume,
        workers=args.workers,
        mixed_precision=args.mixed_precision,
    )
    print(f"The model is in {args.output / 'model'}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
