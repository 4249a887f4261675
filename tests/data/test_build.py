"""The whole build on drawn landscapes and on everything that can be wrong with a folder of pictures."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorization.data import archives
from colorization.data.build import build, merge
from colorization.data.build_dataset import main
from colorization.data.clean import Filters
from colorization.data.options import BuildError, BuildOptions
from colorization.data.pictures import load_pictures, read_row
from colorization.data.sources import SourceError, find_items, scene_of

from .landscapes import PLAIN, card, encoded, landscape, plant, rows

ROOT = Path(__file__).parents[2]


def dropped(output: Path) -> dict[str, tuple[str, str]]:
    with (output / "dropped.csv").open(newline="", encoding="utf-8") as file:
        return {row["file"]: (row["reason"], row["value"]) for row in csv.DictReader(file)}


def tinted(picture: Image.Image, tint: tuple[float, float, float]) -> Image.Image:
    grey = np.asarray(picture.convert("L"), float)[..., None] * tint
    return Image.fromarray(grey.clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """40 good landscapes and 100 planted files in a second source; the reason for which each must be dropped."""
    root = tmp_path_factory.mktemp("planted")
    plant(root / "good", range(40))
    bad, expected = root / "bad", {}
    (bad / "lake").mkdir(parents=True)

    def put(name: str, content: bytes, reason: str) -> None:
        (bad / "lake" / name).write_bytes(content)
        expected[f"bad/lake/{name}"] = reason

    for seed in range(20):
        put(f"again{seed}.jpg", encoded(landscape(seed), 60), "duplicate")
        put(
            f"mirrored{seed}.jpg",
            encoded(landscape(seed + 20).transpose(Image.Transpose.FLIP_LEFT_RIGHT), 80),
            "duplicate",
        )
    for seed in range(15):
        put(
            f"smaller{seed}.jpg", encoded(landscape(seed).resize((140, 105), Image.Resampling.LANCZOS), 85), "duplicate"
        )
        put(f"grey{seed}.jpg", encoded(landscape(100 + seed).convert("L").convert("RGB")), "monochrome")
        put(f"sepia{seed}.jpg", encoded(tinted(landscape(200 + seed), (1.07, 0.95, 0.76))), "monochrome")
    for seed in range(12):
        put(f"truncated{seed}.jpg", encoded(landscape(300 + seed))[: 900 + 300 * seed], "unreadable")
    put("text.jpg", b"this is no picture", "unreadable")
    put("empty.jpg", b"", "unreadable")
    with zipfile.ZipFile(bad / "trap.zip", "w") as archive:
        archive.writestr("../../escaped.jpg", encoded(landscape(400)))
        archive.writestr("coast/inside.jpg", encoded(landscape(401)))
    expected["bad/trap.zip/../../escaped.jpg"] = "unsafe path in archive"
    assert len(expected) == 100
    return root, expected


@pytest.mark.slow
def test_a_hundred_planted_files_are_each_handled(planted, tmp_path: Path):
    root, expected = planted
    output = tmp_path / "built"
    build([str(root / "good"), str(root / "bad")], str(output), BuildOptions(sky=False, workers=2))
    said = dropped(output)
    assert {name: reason for name, (reason, _) in said.items()} == expected
    for name, (reason, value) in said.items():
        assert reason != "duplicate" or value.startswith("of good/hills/"), name
    kept = rows(output)
    assert set(kept) == {f"{seed:03d}.jpg" for seed in range(40)} | {"inside.jpg"}
    assert kept["inside.jpg"]["scene"] == "coast" and kept["inside.jpg"]["source"] == "bad"
    assert kept["000.jpg"]["image"]["bytes"] == (root / "good" / "hills" / "000.jpg").read_bytes()
    assert (kept["000.jpg"]["width"], kept["000.jpg"]["height"], kept["000.jpg"]["scene"]) == (192, 144, "hills")
    assert not list(tmp_path.rglob("escaped.jpg")) and not (output / ".build").exists()
    card = (output / "README.md").read_text()
    counts = Counter(reason for reason, _ in said.values())
    assert all(f"| {reason} | {count} |" in card for reason, count in counts.items())
    assert "contact_sheet" in card and Image.open(output / "card" / "contact_sheet.jpg").width > 500


def test_the_copy_with_the_most_pixels_wins_across_sources(tmp_path: Path):
    plant(tmp_path / "small", range(3))
    (tmp_path / "large").mkdir()
    (tmp_path / "large" / "big.png").write_bytes(encoded(landscape(1).resize((384, 288)), file_format="PNG"))
    build([str(tmp_path / "small"), str(tmp_path / "large")], str(tmp_path / "out"), PLAIN)
    assert set(rows(tmp_path / "out")) == {"000.jpg", "002.jpg", "big.png"}
    assert dropped(tmp_path / "out") == {"small/hills/001.jpg": ("duplicate", "of large/big.png")}


def test_splits_stay_when_sources_are_reordered_and_pictures_added(tmp_path: Path):
    plant(tmp_path / "a", range(20), "coast")
    plant(tmp_path / "b", range(20, 40), "forest")
    build([str(tmp_path / "a"), str(tmp_path / "b")], str(tmp_path / "one"), PLAIN)
    plant(tmp_path / "c", range(40, 50))
    build([str(tmp_path / "c"), str(tmp_path / "b"), str(tmp_path / "a")], str(tmp_path / "two"), PLAIN)
    one, two = rows(tmp_path / "one"), rows(tmp_path / "two")
    assert len(one) == 40 and len(two) == 50
    assert {name: row["split"] for name, row in one.items()} == {name: two[name]["split"] for name in one}


def test_given_splits_are_kept(tmp_path: Path):
    plant(tmp_path / "in", range(6))
    splits = ["train", "val", "test", "train", "val", "test"]
    table = "path,split,source,scene\n" + "".join(f"hills/{i:03d}.jpg,{s},mine,dunes\n" for i, s in enumerate(splits))
    (tmp_path / "splits.csv").write_text(table)
    options = BuildOptions(sky=False, workers=1, splits_from=str(tmp_path / "splits.csv"))
    build([str(tmp_path / "in")], str(tmp_path / "out"), options)
    kept = rows(tmp_path / "out")
    assert [kept[f"{i:03d}.jpg"]["split"] for i in range(6)] == [s.replace("val", "validation") for s in splits]
    assert {row["source"] for row in kept.values()} == {"mine"} and kept["000.jpg"]["scene"] == "dunes"
    first = load_pictures(str(tmp_path / "out"), "validation")[0]
    assert read_row(first).rgb.shape == (144, 192, 3)  # as training reads it
    # A built data set is a source; its column keeps the splits.
    again = BuildOptions(sky=False, workers=1, splits_from="split")
    build([str(tmp_path / "out" / "data")], str(tmp_path / "again"), again)
    assert len(rows(tmp_path / "again")) == 6


def test_parts_merge_into_what_one_build_makes(tmp_path: Path):
    plant(tmp_path / "in", range(24))
    (tmp_path / "in" / "copy.jpg").write_bytes(encoded(landscape(5), 50))
    build([str(tmp_path / "in")], str(tmp_path / "one"), PLAIN)
    with pytest.raises(BuildError, match="no parts"):
        merge(str(tmp_path / "two"), PLAIN)
    for part in range(3):
        build([str(tmp_path / "in")], str(tmp_path / "two"), PLAIN, (part, 3))
        if part == 0:
            with pytest.raises(BuildError, match="missing"):
                merge(str(tmp_path / "two"), PLAIN)
    with pytest.raises(BuildError, match=r"other options.*00000-of-00003"):
        merge(str(tmp_path / "two"), dataclasses.replace(PLAIN, filters=Filters(min_side=10)))
    os.rename(tmp_path / "in", tmp_path / "gone")  # noqa: PTH104 - the merge must not need the sources
    merge(str(tmp_path / "two"), PLAIN)
    one, two = rows(tmp_path / "one"), rows(tmp_path / "two")
    assert one == two and len(one) == 24 and dropped(tmp_path / "one") == dropped(tmp_path / "two")


@pytest.mark.slow
def test_a_killed_build_goes_on_and_ends_the_same(tmp_path: Path, monkeypatch):
    plant(tmp_path / "in", range(60))
    build([str(tmp_path / "in")], str(tmp_path / "one"), PLAIN)
    code = (
        "import sys; from colorization.data import build as b; b.PORTION = 6;"
        "from colorization.data.options import BuildOptions;"
        "b.build([sys.argv[1]], sys.argv[2], BuildOptions(sky=False, workers=1))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "in"), str(tmp_path / "two")]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    measures = tmp_path / "two" / ".build" / "measures"
    while process.poll() is None and len(list(measures.glob("*.parquet"))) < 3:
        time.sleep(0.002)
    process.kill()
    process.wait()
    finished = {file: file.stat().st_mtime_ns for file in measures.glob("*.parquet")}
    assert finished, "the build was over before it could be killed"
    from colorization.data import build as module

    seen = {}
    real = module.decide
    monkeypatch.setattr(module, "PORTION", 6)
    monkeypatch.setattr(
        module, "decide", lambda *a: seen.update({f: f.stat().st_mtime_ns for f in finished}) or real(*a)
    )
    build([str(tmp_path / "in")], str(tmp_path / "two"), PLAIN)
    assert seen == finished  # what was finished was not done again
    assert "Seconds of the last of 2 runs: list" in card(tmp_path / "two") and "\nSeconds: list" in card(
        tmp_path / "one"
    )
    assert rows(tmp_path / "one") == rows(tmp_path / "two")
    assert not list((tmp_path / "two").rglob("*.part"))


def test_hostile_archives_are_rows_and_nothing_else(tmp_path: Path):
    folder = plant(tmp_path / "in", range(2))
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.jpg", b"\0" * (20 * 2**20))
    (folder / "broken.zip").write_bytes(b"PK\3\4 and then nothing")
    (folder / "broken.tar.gz").write_bytes(b"\x1f\x8b and then nothing")
    with tarfile.open(folder / "links.tar.gz", "w:gz") as archive:
        link = tarfile.TarInfo("link.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        for name, seed in (("dune/good.jpg", 7), ("/absolute.jpg", 8)):
            content = encoded(landscape(seed))
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    build([str(folder)], str(tmp_path / "out"), PLAIN)
    assert {name: reason for name, (reason, _) in dropped(tmp_path / "out").items()} == {
        "in/bomb.zip/bomb.jpg": "archive bomb",
        "in/broken.zip": "damaged archive",
        "in/broken.tar.gz": "damaged archive",
        "in/links.tar.gz/link.jpg": "link in archive",
        "in/links.tar.gz//absolute.jpg": "unsafe path in archive",
    }
    assert rows(tmp_path / "out")["good.jpg"]["scene"] == "dune"


def test_a_compressed_tar_that_unpacks_without_end_is_stopped(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBER_BYTES", 2**20)
    with tarfile.open(tmp_path / "bomb.tgz", "w:gz") as archive:
        info = tarfile.TarInfo("zeros.jpg")
        info.size = 16 * 2**20
        archive.addfile(info, io.BytesIO(bytes(info.size)))
    (item,) = find_items([str(tmp_path / "bomb.tgz")], tmp_path / "spool")
    assert item.reason == "damaged archive" and "bomb" in item.value
    assert not list((tmp_path / "spool").glob("*"))


def test_loops_strange_names_and_locked_folders(tmp_path: Path):
    folder = plant(tmp_path / "in", range(2))
    (folder / "hills" / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "nowhere.jpg").symlink_to(folder / "missing.jpg")
    os.mkfifo(folder / "pipe.jpg")
    name = "é" * 100 + "山.jpg"
    (folder / name).write_bytes(encoded(landscape(9)))
    with open(os.fsencode(folder) + b"/not-utf8-\xff.jpg", "wb") as file:  # noqa: PTH123
        file.write(encoded(landscape(10)))
    found = {item.file: item.reason for item in find_items([str(folder)], tmp_path)}
    assert found["in/hills/loop"] == "link loop"
    assert found["in/nowhere.jpg"] == found["in/pipe.jpg"] == "unreadable"
    build([str(folder)], str(tmp_path / "out"), PLAIN)
    assert {"000.jpg", "001.jpg", name} < set(rows(tmp_path / "out")) and len(rows(tmp_path / "out")) == 4


@contextlib.contextmanager
def as_somebody() -> Iterator[None]:
    """Root may read everything; as another user, what is locked is locked."""
    if os.geteuid():
        yield
        return
    try:
        os.seteuid(65534)
    except OSError:
        pytest.skip("this root may not become another user, and reads every folder")
    try:
        yield
    finally:
        os.seteuid(0)


def test_an_unreadable_folder_is_a_row():
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to other users
        folder = plant(Path(name) / "in", range(1))
        plant(folder, range(1, 2), "locked")
        Path(name).chmod(0o755)
        (folder / "locked").chmod(0)
        with as_somebody():
            found = {item.file: (item.reason, item.value) for item in find_items([str(folder)], Path(name))}
        (folder / "locked").chmod(0o755)
    assert found == {"in/hills/000.jpg": ("", ""), "in/locked": ("unreadable folder", "Permission denied")}


def test_an_empty_result_and_a_full_disk_end_in_a_sentence(tmp_path: Path, monkeypatch, caplog):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "no.jpg").write_bytes(b"no")
    assert main([str(tmp_path / "in"), "--output", str(tmp_path / "out"), "--no-sky", "--workers", "1"]) == 1
    assert "would be empty (1 unreadable)" in caplog.text
    assert list(dropped(tmp_path / "out")) == ["in/no.jpg"] and not (tmp_path / "out" / "data").exists()
    with pytest.raises(SourceError, match="no such folder"):
        build([str(tmp_path / "missing")], str(tmp_path / "out2"), PLAIN)
    plant(tmp_path / "full", range(2))
    from colorization.data import shards

    def no_room(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shards.pq.ParquetWriter, "write_table", no_room)
    with pytest.raises(BuildError, match="is full"):
        build([str(tmp_path / "full")], str(tmp_path / "out3"), PLAIN)
    assert not list((tmp_path / "out3").rglob("*.part"))


def test_a_second_build_in_the_same_place_replaces_the_first(tmp_path: Path):
    plant(tmp_path / "in", range(4))
    build([str(tmp_path / "in")], str(tmp_path / "out"), PLAIN)
    plant(tmp_path / "in", range(4, 6))
    build([str(tmp_path / "in")], str(tmp_path / "out"), PLAIN)
    assert len(rows(tmp_path / "out")) == 6


def test_reencoding(tmp_path: Path):
    plant(tmp_path / "in", range(3))
    command = [str(tmp_path / "in"), "--output", str(tmp_path / "out"), "--no-sky", "--workers", "1"]
    assert main([*command, "--reencode", "80", "--max-side", "100"]) == 0
    assert {(row["width"], row["height"]) for row in rows(tmp_path / "out").values()} == {(100, 75)}


@pytest.mark.parametrize("wrong", [["--merge"], ["--merge", "--shard", "1/2"]])
def test_arguments_that_do_not_go_together(tmp_path: Path, wrong: list[str]):
    with pytest.raises(SystemExit) as caught:
        main([str(tmp_path), "--output", str(tmp_path / "out"), *wrong])
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("path", "scene"),
    [
        ("train/miniplaces/badlands/1.jpg", "badlands"),
        ("Training Data/Coast/Coast-Train (1).jpeg", "coast"),
        ("seg_train/seg_train/forest/1.jpg", "forest"),
        ("2019/1.jpg", ""),
        ("1.jpg", ""),
        ("images/1.jpg", ""),
    ],
)
def test_scene_comes_from_the_folders(path: str, scene: str):
    assert scene_of(path) == scene


def test_the_card_says_how_it_was_built_but_not_where(tmp_path: Path):
    plant(tmp_path / "secret" / "my photos", range(6))
    (tmp_path / "secret" / "my photos" / "hills" / "no.jpg").write_bytes(b"no")
    (tmp_path / "secret" / "splits.csv").write_text("path,split\nhills/001.jpg,test\n")
    command = [str(tmp_path / "secret" / "my photos"), "--output", str(tmp_path / "out"), "--no-sky", "--workers", "1"]
    command += [
        "--splits-from",
        str(tmp_path / "secret" / "splits.csv"),
        "--filter",
        "min_side=64",
        "--splits",
        "70/30",
    ]
    assert main([*command, "--licence", "my photos=CC0"]) == 0
    assert (
        "python scripts/build_dataset.py 'my photos' --splits 70/0/30 --splits-from splits.csv --filter min_side=64 "
        "--licence 'my photos=CC0' --no-sky --output DIR" in card(tmp_path / "out")
    )
    for file in (tmp_path / "out").rglob("*"):
        assert not file.is_file() or (
            b"secret" not in file.read_bytes() and str(tmp_path).encode() not in file.read_bytes()
        )
