"""What a person may decide about a data set, and how the build says that it cannot go on."""

from __future__ import annotations

from dataclasses import dataclass, field

from .clean import Filters
from .splits import Shares

WORK = ".build"


class BuildError(RuntimeError):
    """The build cannot go on; the message is a sentence that says why and what to do. What is finished is kept."""


@dataclass(frozen=True)
class BuildOptions:
    """All that decides what a data set holds."""

    filters: Filters = field(default_factory=Filters)
    shares: Shares = field(default_factory=Shares)
    splits_from: str = ""
    """Keep given splits: a CSV with columns path and split, or "split" for the column of Parquet sources."""
    licences: dict[str, str] = field(default_factory=dict)
    sky: bool = True
    sky_model: str = ""
    """Folder or Hub id of another segmentation model; empty for the embedded one."""
    reencode: int = 0
    """JPEG quality at which pictures are written again; 0 keeps the bytes of the source."""
    max_side: int = 0
    """With ``reencode``: longest side, in pixels; 0 keeps the size."""
    shard_rows: int = 2048
    workers: int = 0
    """Processes; 0 for one a core."""
