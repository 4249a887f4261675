"""What a long run says while it works: how much there is, how long it takes, how far it is."""

from __future__ import annotations

import logging
import sys
import time

from tqdm import tqdm

logger = logging.getLogger(__name__)

_TRIED = 3  # pictures, at least, before a time is told; the first one also warms everything up
_STEPS = 10  # lines of a log


class Progress:
    """A bar on a terminal; in a log a first line and another one each 10 %.

    Args:
        total: pictures to measure.
        rows: names of the rows.
        workers: pictures that are measured at once.
        quiet: say nothing.
    """

    def __init__(self, total: int, rows: list[str], workers: int = 1, quiet: bool = False) -> None:
        self.total, self.rows, self.workers, self.quiet = total, rows, workers, quiet
        self.done, self.announced = 0, quiet or not total
        self.seconds: list[float] = []
        self.begun = time.monotonic()
        self.bar = tqdm(total=total, unit="picture", disable=quiet or not total or not sys.stderr.isatty())

    def advance(self, seconds: float | None) -> None:
        """Count a picture; ``seconds`` is how long it took, None if there was nothing to measure."""
        self.done += 1
        self.bar.update()
        if seconds is not None:
            self.seconds.append(seconds)
        if not self.announced and (len(self.seconds) >= min(_TRIED, self.total) or self.done == self.total):
            self._announce()
        elif (
            not self.quiet
            and self.bar.disable
            and self.done * _STEPS // self.total > (self.done - 1) * _STEPS // self.total
        ):
            left = (time.monotonic() - self.begun) / self.done * (self.total - self.done)
            logger.info(
                "%d %% (%d of %d pictures), %s left",
                100 * self.done // self.total,
                self.done,
                self.total,
                _duration(left),
            )

    def _announce(self) -> None:
        """The first line: how many, of what, how long."""
        self.announced = True
        warm = self.seconds[1:] or self.seconds or [0.0]
        left = sum(warm) / len(warm) * self.total / self.workers
        line = f"{self.total} pictures, {len(self.rows)} rows ({', '.join(self.rows)}): {_duration(left)}"
        if self.bar.disable:
            logger.info(line)
        else:
            self.bar.write(line, file=sys.stderr)

    def close(self) -> None:
        self.bar.close()


def _duration(seconds: float) -> str:
    """A length of time for people."""
    if seconds < 60:
        return f"about {max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"about {minutes} min" if minutes < 120 else f"about {minutes / 60:.0f} h"
