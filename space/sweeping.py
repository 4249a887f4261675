"""Old files go: whatever a visitor left half done, and the empty folders of what was deleted before. So does memory.

Gradio deletes the uploads and results it knows of (``delete_cache``). It does not know of a result whose visitor left
before it was ready, and it leaves the folders behind.
"""

from __future__ import annotations

import contextlib
import ctypes
import threading
import time
from pathlib import Path


def sweep(folder: Path, age: float, own: Path) -> None:
    """Delete what has not changed for ``age`` seconds: files below ``own``, empty folders anywhere below ``folder``.

    Args:
        folder: Gradio's temporary folder, which other pages on this machine may share.
        age: seconds.
        own: the part of it that is this page's.
    """
    latest = time.time() - age
    for path in sorted(folder.rglob("*"), key=lambda path: len(path.parts), reverse=True):  # the deepest first
        with contextlib.suppress(OSError):  # in use, full, or gone already
            if path.lstat().st_mtime > latest:
                continue
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            elif path.is_relative_to(own):
                path.unlink()


def give_back_memory() -> None:
    """Let the C library return what is free to the system: it keeps a heap for each thread, and there are many."""
    with contextlib.suppress(OSError, AttributeError):  # another C library than glibc
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def start_sweeping(folder: Path, every: float, age: float, own: Path) -> threading.Event:
    """:func:`sweep` and :func:`give_back_memory` every so many seconds, in the background.

    Returns:
        An event that ends it when it is set.
    """
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(every):
            sweep(folder, age, own)
            give_back_memory()

    threading.Thread(target=run, name="sweeping", daemon=True).start()
    return stop
