"""What the page opens with: an example in color. Making it also loads the models before anybody waits for them."""

from __future__ import annotations

import html
import logging
import threading
from dataclasses import replace

from PIL import Image

from colorization.model.images import UnreadableImageError
from space.examples import THUMBNAIL, Example, ExampleShelf
from space.language import say, say_if_known
from space.measure import warm_up
from space.models import PageError
from space.service import ColoredPhoto, ColorizeService
from space.views import address_of, encode, write_fresh

logger = logging.getLogger(__name__)
_PATIENCE = 60.0  # s: a page that opens sooner than its first example is in color waits for it


class Opening:
    """The examples, each colored once a process, in the background; their files stay as long as the process."""

    def __init__(self, shelf: ExampleShelf, service: ColorizeService) -> None:
        """
        Args:
            shelf: the examples.
            service: writes into the shelf's folder, which nobody sweeps.
        """
        self._shelf, self._service = shelf, service
        self._known: dict[Example, tuple[ColoredPhoto, str]] = {}
        self._first, self._lock = threading.Event(), threading.Lock()

    def start(self) -> None:
        """Begin to color, in the background."""
        threading.Thread(target=self._run, name="opening", daemon=True).start()

    def first(self) -> ColoredPhoto | None:
        """The first example in color; None if it could not be colored."""
        self._first.wait(_PATIENCE)
        return next((_titled(*found) for found in list(self._known.items())), None)

    def coloring(self, example: Example) -> ColoredPhoto | None:
        """An example in color, if its turn has come."""
        known = self._known.get(example)
        return known and _titled(example, known)

    def tiles(self) -> str:
        """All examples as buttons, in grey, and in color under the pointer and the keyboard's focus."""
        buttons = []
        for number, example in enumerate(self._shelf.examples()):
            known, title = self._known.get(example), html.escape(title_of(example))
            credit = f"<small>{html.escape(example.credit)}</small>" if example.credit else ""
            color = f"<img class='in-color' src='{known[1]}' alt='' loading='lazy'>" if known else ""
            buttons.append(
                f"<button type='button' data-number='{number}'><span class='frame'>"
                f"<img src='{address_of(example.thumbnail)}' alt=''>{color}</span>"
                f"<span class='title'>{title}</span>{credit}</button>"
            )
        return f"<div class='examples' role='group' aria-label='{say('examples_group')}'>{''.join(buttons)}</div>"

    def _run(self) -> None:
        try:
            for example in self._shelf.examples():
                try:
                    self._color(example)
                except (PageError, UnreadableImageError, OSError) as error:
                    logger.warning("The example %r cannot be colored: %s", example.title, error)
                self._first.set()
            warm_up()
        finally:
            self._first.set()

    def _color(self, example: Example) -> None:
        result = self._service.colorize(example.path)
        with Image.open(result.after) as picture:
            picture.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
            small = write_fresh(result.folder, "small", encode(picture, 80))
        self._known[example] = result, address_of(small)


def title_of(example: Example) -> str:
    """Its title in the visitor's language, if the project has drawn it."""
    return say_if_known(f"scene {example.title}", example.title)


def _titled(example: Example, known: tuple[ColoredPhoto, str]) -> ColoredPhoto:
    return replace(known[0], name=title_of(example))
