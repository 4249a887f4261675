"""Checkpoints of a run: whole or not at all, counted, pruned; a damaged one falls back to the one before."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from accelerate import Accelerator
from torch.distributed.checkpoint import CheckpointException

from ..files import is_disk_full, replace_folder
from ..model.image_processing_colorization import ColorizationImageProcessor
from ..model.modeling_colorization import ColorizationModel
from .recipe import Recipe, describe_recipe

logger = logging.getLogger(__name__)


class DiskFullError(RuntimeError):
    """The disk is full; the message says what was kept."""


def save_checkpoint(accelerator: Accelerator, folder: Path, seen: int, keep: int = 2) -> None:
    """Write the state of a run to ``folder/SEEN`` and remove all but the newest ``keep``.

    Raises:
        DiskFullError: if it does not fit; what was there before is untouched.
    """
    fresh = folder / f"{seen}.new"
    if accelerator.is_main_process:
        shutil.rmtree(fresh, ignore_errors=True)
    accelerator.wait_for_everyone()
    try:
        fresh.mkdir(parents=True, exist_ok=True)
        accelerator.save_state(str(fresh))
    except (OSError, RuntimeError, CheckpointException) as error:
        shutil.rmtree(fresh, ignore_errors=True)
        # PyTorch's writer turns the system's error into a RuntimeError of its own.
        if _is_full(error) or shutil.disk_usage(folder).free < 1 << 20:
            raise DiskFullError(
                f"The disk is full: no checkpoint after {seen:,} pictures. The one before is kept; make room and go on "
                "with --resume."
            ) from error
        raise
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        shutil.rmtree(folder / str(seen), ignore_errors=True)
        fresh.rename(folder / str(seen))
        for old in _counted(folder)[:-keep]:
            shutil.rmtree(folder / str(old), ignore_errors=True)
    accelerator.wait_for_everyone()


def load_checkpoint(accelerator: Accelerator, folder: Path) -> int:
    """Load the newest whole checkpoint in ``folder`` and return the pictures it had seen, 0 where there is none.

    A damaged one is passed over with a warning.

    Raises:
        RuntimeError: if there are checkpoints and none can be read.
    """
    counted = _counted(folder)
    for seen in reversed(counted):
        try:
            accelerator.load_state(str(folder / str(seen)))
        except (Exception, CheckpointException) as error:  # a damaged file can fail in any way; FSDP has its own
            logger.warning("The checkpoint after %s pictures is damaged, the one before is tried (%s).", seen, error)
            continue
        logger.info("Continuing after %s pictures.", f"{seen:,}")
        return seen
    if counted:
        raise RuntimeError(f"{folder}: none of the {len(counted)} checkpoints can be read; start without --resume.")
    return 0


def _is_full(error: BaseException | None) -> bool:
    if isinstance(error, CheckpointException):
        return any(_is_full(failure) for failure, _ in error.failures.values())
    return error is not None and (is_disk_full(error) or _is_full(error.__cause__))


def _counted(folder: Path) -> list[int]:
    return sorted(int(path.name) for path in folder.glob("*") if path.name.isdigit() and path.is_dir())


def export(model: ColorizationModel, recipe: Recipe, seen: int, folder: Path) -> None:
    """Save model, processor and how it was trained, whole or not at all: written beside ``folder``, then renamed.

    Weights are stored in half precision. ``TRAINING.md`` becomes part of the card when the model is published.
    """
    half = type(model)(model.config)
    half.load_state_dict(model.state_dict())
    with replace_folder(folder) as fresh:
        half.half().save_pretrained(fresh)
        ColorizationImageProcessor(working_size=recipe.working_size).save_pretrained(fresh)
        (fresh / "TRAINING.md").write_text(
            f"## Training\n\nRecipe `{recipe.name}`, after {seen:,} pictures:\n\n"
            f"```yaml\n{describe_recipe(recipe)}```\n",
            encoding="utf-8",
        )
