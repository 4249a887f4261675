"""What one visitor works on. The results of an earlier photograph, however late, never replace those of a later."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from space.fine_tuning import Tiles
    from space.service import ColoredPhoto

_NUMBERS = itertools.count(1)  # of the process, so that a session that is made anew goes on counting upwards
_LOCK = threading.Lock()


class SupersededError(Exception):
    """The visitor went over to another photograph in the meantime: nobody waits for this result."""


def next_number() -> int:
    """A number above all that were given before: of a photograph, or of a picture that is shown."""
    return next(_NUMBERS)


@dataclass
class Session:
    """The photograph a visitor works on, and what was made of it.

    Attributes:
        number: of the current photograph; events take it when they begin and bring it back with their result.
        source: its file; None if there is none.
        colored: its latest result; None if there is none.
        settings: strength, warmth and whether unsure places are shown, as the result is shown.
        tiles: the photograph in other colors, in small.
    """

    number: int = field(default_factory=next_number)
    source: Path | None = None
    colored: ColoredPhoto | None = None
    settings: tuple[float, float, bool] = (1, 0, False)
    tiles: tuple[Tiles, ...] = ()

    def begin(self, source: Path | None) -> int:
        """Go over to another photograph (None: to none); whatever still runs for the one before is superseded."""
        with _LOCK:
            self.number, self.source, self.colored, self.tiles = next_number(), source, None, ()
            return self.number

    def check(self, number: int) -> None:
        """Raise SupersededError if the photograph is no longer the one of that number."""
        if number != self.number:
            raise SupersededError

    def keep(self, number: int, colored: ColoredPhoto) -> ColoredPhoto:
        """Keep the result for the photograph of that number.

        Raises:
            SupersededError: if there is another photograph by now; then nothing is changed.
        """
        with _LOCK:
            self.check(number)
            self.colored = colored
            return colored
