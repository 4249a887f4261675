"""Evaluation: what a colorizer is worth. Judges pictures, knows no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .library import evaluate_pictures

__all__ = ["evaluate_pictures"]


def __getattr__(name: str) -> object:
    """Import the library on first use: the command line and the page need not wait for it."""
    if name == "evaluate_pictures":
        from .library import evaluate_pictures

        return evaluate_pictures
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
