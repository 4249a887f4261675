"""What a visitor keeps beside the photograph: both sides in one picture, the colors as a layer, and the recipe."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from colorization.files import save_picture
from colorization.model.coloring import Coloring, ColoringError, read_coloring
from space.fine_tuning import Guide
from space.hints import Guidance, make_hint
from space.language import say
from space.models import PageError
from space.service import ColoredPhoto, ColorizeService, read_upload, safe_stem
from space.views import flat, to_grey

_COMPARED_SIDE = 2048  # px
_MAX_RECIPE_BYTES = 100_000


def write_comparison(service: ColorizeService, colored: ColoredPhoto, saturation: float, warmth: float = 0.0) -> Path:
    """The photograph in grey and in color side by side, for showing around, as ``beach-before-and-after.jpg``.

    Wide ones stand one over the other. At most ``_COMPARED_SIDE`` pixels a side each.

    Raises:
        PageError: if the upload has been deleted in the meantime.
    """
    service.check(saturation, warmth)
    photo = read_upload(colored.source)
    view = flat(photo, _COMPARED_SIDE)
    sides = to_grey(view), service.render(colored, view, colored.ab, saturation, warmth)
    width, height = view.size
    gap = max(2, max(view.size) // 100)
    wide = width > 2 * height
    size, second = ((width, 2 * height + gap), (0, height + gap)) if wide else (
        (2 * width + gap, height), (width + gap, 0)
    )  # fmt: skip
    both = Image.new("RGB", size, "white")
    both.paste(sides[0].convert("RGB"), (0, 0))
    both.paste(sides[1].convert("RGB"), second)
    return save_picture(both, service.fresh_folder() / f"{safe_stem(colored.name)}-before-and-after.jpg")


def write_layer(service: ColorizeService, colored: ColoredPhoto, saturation: float, warmth: float = 0.0) -> Path:
    """The colors as a layer to lay over the original in the mode *Color*, as ``beach-color-layer.png``.

    As large as the original. In that mode (W3C Compositing, section 10.2; so do Photoshop and GIMP) a layer gives
    hue and saturation only, so that whoever retouches the original below keeps its tones. The border of a scan is
    transparent.

    Raises:
        PageError: if the upload has been deleted in the meantime.
    """
    service.check(saturation, warmth)
    photo = read_upload(colored.source)
    layer = service.render(colored, photo, colored.ab, saturation, warmth).convert("RGB")
    mask = Image.new("L", layer.size, 0)
    mask.paste(255, colored.prediction.inside)
    layer.putalpha(mask)
    return save_picture(layer, service.fresh_folder() / f"{safe_stem(colored.name)}-color-layer.png")


def write_recipe(service: ColorizeService, colored: ColoredPhoto, saturation: float, warmth: float = 0.0) -> Path:
    """What was chosen for this photograph, in the form that ``--hints FILE`` of the command line takes.

    Raises:
        PageError: if colors of another photograph are among it: they are no part of that form.
    """
    guidance = colored.guidance
    if guidance.palette is not None and not guidance.look:
        raise PageError(say("foreign_palette"))
    points = tuple((round(100 * hint.x, 2), round(100 * hint.y, 2), hint.color) for hint in guidance.hints)
    recipe = Coloring(points, guidance.look, colored.variant, saturation, warmth)
    path = service.fresh_folder() / f"{safe_stem(colored.name)}-colors.json"
    path.write_text(recipe.to_json(), encoding="utf-8")
    return path


def read_recipe(path: Path) -> Coloring:
    """Read what :func:`write_recipe` or the command line has written.

    Raises:
        PageError: if it is no recipe, as a sentence.
    """
    try:
        if path.stat().st_size > _MAX_RECIPE_BYTES:
            raise PageError(say("large_recipe", name=path.name))
        return read_coloring(path)
    except OSError:
        raise PageError(say("recipe_gone")) from None
    except ColoringError as error:
        raise PageError(str(error).replace(str(path), path.name)) from None


def guidance_of(recipe: Coloring, guide: Guide) -> Guidance:
    """What a recipe asks of the model.

    Raises:
        PageError: if the model has no such look, or there are too many points.
    """
    guidance = guide.with_look(Guidance(), recipe.look)
    for point in recipe.points:
        guidance = guidance.with_hint(make_hint(*point))
    return guidance


def take_recipe(paths: list[Path]) -> tuple[Coloring | None, list[Path]]:
    """The recipe among the files of a batch, if there is one, and the other files.

    Raises:
        PageError: if there are several, or it is none.
    """
    recipes = [path for path in paths if path.suffix.lower() == ".json"]
    if len(recipes) > 1:
        raise PageError(say("many_recipes"))
    return (read_recipe(recipes[0]) if recipes else None), [path for path in paths if path not in recipes]
