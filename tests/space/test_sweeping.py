from __future__ import annotations

import os
import time
from pathlib import Path

from space.sweeping import start_sweeping, sweep


def _age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then), follow_symlinks=False)


def test_only_what_is_old_and_ours_goes(tmp_path: Path) -> None:
    own, outside = tmp_path / "temporary" / "own", tmp_path / "outside"
    for folder in (
        own / "old",
        own / "new",
        tmp_path / "temporary" / "empty",
        tmp_path / "temporary" / "other",
        outside,
    ):
        folder.mkdir(parents=True)
    files = {
        name: path
        for name, path in {
            "old": own / "old" / "a.png",
            "new": own / "new" / "a.png",
            "other": tmp_path / "temporary" / "other" / "a.png",
            "outside": outside / "a.png",
        }.items()
        if path.write_bytes(b"x")
    }
    link = own / "link"
    link.symlink_to(outside)
    for path in (link, files["old"], files["other"], files["outside"], outside, tmp_path / "temporary" / "empty"):
        _age(path, 100)
    sweep(tmp_path / "temporary", 50, own)
    assert not files["old"].exists() and not link.is_symlink()
    assert files["new"].exists() and files["other"].exists() and files["outside"].exists()
    assert not (tmp_path / "temporary" / "empty").exists()
    _age(own / "old", 100)  # it changed when its file went
    sweep(tmp_path / "temporary", 50, own)
    assert not (own / "old").exists() and (own / "new").exists()


def test_it_goes_on_by_itself_until_stopped(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    _age(tmp_path / "a.png", 100)
    stop = start_sweeping(tmp_path, 0.02, 50, tmp_path)
    for _ in range(200):
        if not (tmp_path / "a.png").exists():
            break
        time.sleep(0.02)
    stop.set()
    assert not (tmp_path / "a.png").exists()
