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
    share_tolerance: float = 4.0
    """Points of 100 that a split's share may be off in a scene; ``splits.assign`` says what that is traded for."""
    same_scene_bits: int = 10
    """Pictures whose hashes differ in so few bits are of one scene and stay in one split (0: only copies do) ..."""
    same_scene_correlation: float = 0.9
    """... if they correlate so much at 16 × 16 pixels. Of 23,389 photographs these values put 164 in 72 groups."""
    splits_from: str = ""
    """Keep given splits: a CSV with columns path and split, or "split" for the column or file name of Parquet sources.
    Pictures without one take that of a copy or of their scene, and are divided by their content else."""
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

    def __post_init__(self) -> None:
        if 0 < self.same_scene_bits < self.filters.duplicate_bits or self.same_scene_bits < 0:
            raise ValueError(
                f"same_scene_bits must be 0 (off) or at least duplicate_bits ({self.filters.duplicate_bits}), not "
                f"{self.same_scene_bits}: copies are of one scene."
            )
        if self.same_scene_correlation > self.filters.duplicate_correlation:
            raise ValueError(
                f"same_scene_correlation must be at most duplicate_correlation ({self.filters.duplicate_correlation}), "
                f"not {self.same_scene_correlation}: copies are of one scene."
            )
        if self.share_tolerance < 0:
            raise ValueError(f"share_tolerance must not be negative, not {self.share_tolerance}.")
