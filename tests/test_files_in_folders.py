"""Names, folders and interruptions: no result lost, no original replaced, no file named twice."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from colorization import load_pipeline
from colorization.files import result_id, save_picture, source_id

from .conftest import draw_landscape
from .model.drawn_files import drawn_files, grey_tags, tiff

ROOT = Path(__file__).parents[1]


def draw(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    draw_landscape(48, 32, seed=seed).convert("L").save(path)
    return path


def names_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_parent_of_the_input_takes_results(run, tmp_path, monkeypatch):
    for number in range(3):
        draw(tmp_path / "in" / f"{number}.jpg", number)
    originals = {path: path.read_bytes() for path in (tmp_path / "in").iterdir()}
    monkeypatch.chdir(tmp_path)
    assert run("in", "-o", ".")[0] == 0
    assert names_in(tmp_path) == ["0.jpg", "1.jpg", "2.jpg", "in/0.jpg", "in/1.jpg", "in/2.jpg"]
    code, printed, _ = run("in", "-o", ".", "--skip-existing")
    assert code == 0 and "3 left alone" in printed
    # The parent as input: results that are there are no inputs, and originals keep their place below it.
    code, printed, _ = run(".", "-o", "out")
    assert code == 0 and all(path.read_bytes() == content for path, content in originals.items())


def test_the_input_folder_itself(run, tmp_path):
    before = draw(tmp_path / "a.png").read_bytes()
    code, _, errors = run(tmp_path, "-o", tmp_path)
    assert code == 1 and errors.count("a.png") == 1 and "would replace the original" in errors
    code, _, _ = run(tmp_path, "-o", tmp_path, "--format", "jpg")
    assert code == 0 and names_in(tmp_path) == ["a.jpg", "a.png"]
    code, printed, _ = run(tmp_path, "-o", tmp_path, "--format", "jpg", "--skip-existing")
    assert code == 0 and "0 colored, 1 left alone" in printed  # the result is no input
    assert (tmp_path / "a.png").read_bytes() == before


def test_other_originals_in_the_output_are_not_replaced(run, tmp_path):
    for suffix in (".jpg", ".png", ".bmp", ".tif", ".webp"):
        draw(tmp_path / "in" / f"a{suffix}", 1)
        shutil.copy(draw(tmp_path / "out" / f"a{suffix}", 2), tmp_path / f"kept{suffix}")
    assert run(tmp_path / "in", "-o", tmp_path / "out")[0] == 0
    for suffix in (".jpg", ".png", ".bmp", ".tif", ".webp"):
        assert (tmp_path / "out" / f"a{suffix}").read_bytes() == (tmp_path / f"kept{suffix}").read_bytes()
    assert len(names_in(tmp_path / "out")) == 10
    code, printed, _ = run(tmp_path / "in", "-o", tmp_path / "out", "--skip-existing")
    assert code == 0 and "5 left alone" in printed


def test_a_link_to_an_original_is_the_original(run, tmp_path):
    before = draw(tmp_path / "in" / "a.png").read_bytes()
    (tmp_path / "out").mkdir()
    os.link(tmp_path / "in" / "a.png", tmp_path / "out" / "a.png")
    code, _, errors = run(tmp_path / "in", "-o", tmp_path / "out")
    assert code == 1 and "would replace the original" in errors
    assert (tmp_path / "in" / "a.png").read_bytes() == before


def test_two_names_of_one_result_as_on_a_disk_without_case(run, tmp_path):
    draw(tmp_path / "in" / "A.bmp", 1)
    draw(tmp_path / "in" / "a.bmp", 2)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.bmp").symlink_to("A.bmp")
    assert run(tmp_path / "in" / "A.bmp", tmp_path / "in" / "a.bmp", "-o", tmp_path / "out")[0] == 0
    results = [path for path in (tmp_path / "out").iterdir() if not path.is_symlink()]
    assert len({result_id(path) for path in results}) == 2


def test_skip_existing_goes_by_what_a_result_was_made_of(run, tmp_path):
    out = tmp_path / "out"
    draw(tmp_path / "in" / "a.png")
    run(tmp_path / "in", "-o", out, "--format", "jpg")
    draw(tmp_path / "in" / "a.jpg", 5)  # company that wants the same name
    code, printed, _ = run(tmp_path / "in", "-o", out, "--format", "jpg", "--skip-existing")
    assert code == 0 and "1 colored, 1 left alone" in printed
    assert {result_id(path) for path in out.iterdir()} == {source_id(path) for path in (tmp_path / "in").iterdir()}
    # Alone again, or another day: each still knows its own.
    code, printed, _ = run(tmp_path / "in" / "a.jpg", "-o", out, "--format", "jpg", "--skip-existing")
    assert "1 left alone" in printed
    # A picture that has changed is made anew, in its place.
    before = names_in(out)
    draw(tmp_path / "in" / "a.png", 9)
    os.utime(tmp_path / "in" / "a.png", (1, 1))
    code, printed, _ = run(tmp_path / "in", "-o", out, "--format", "jpg", "--skip-existing")
    assert "1 colored, 1 left alone" in printed and names_in(out) == before


def test_an_id_that_a_phone_wrote_is_not_ours(run, tmp_path):
    exif = Image.Exif()
    exif.get_ifd(34665)[42016] = "0123456789abcdef0123456789abcdef"
    draw_landscape(48, 32).save(tmp_path / "a.jpg", exif=exif)
    assert result_id(tmp_path / "a.jpg") is None
    assert run(tmp_path, "-o", tmp_path, "--format", "png")[0] == 0
    assert result_id(tmp_path / "a.png") == source_id(tmp_path / "a.jpg")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".bmp"])
@pytest.mark.parametrize("provenance", [True, False])
def test_every_format_says_what_it_was_made_of(suffix, provenance, tmp_path, landscape):
    source = draw(tmp_path / "in.png")
    path = save_picture(landscape, tmp_path / f"a{suffix}", source_id=source_id(source), provenance=provenance)
    assert result_id(path) == source_id(source)
    with Image.open(path) as picture:
        picture.load()
    assert result_id(save_picture(landscape, tmp_path / f"b{suffix}")) is None


ODD_NAMES = [
    "..jpg",
    "...jpg",
    "風" * 83 + ".png",
    "風" * 75 + ".jpg",
    "x" * 251 + ".jpg",
    "x" * 250 + ".webp",
    "two words, comma.JPG",
    "line\nbreak.png",
    "-o.jpg",
    "ß ω.PNG",
    "a.b.c.jpe",
    "b.JFIF",
    "no suffix above.TIFF",
]


def test_odd_names(run, tmp_path):
    for number, name in enumerate(ODD_NAMES):
        path = tmp_path / "in" / name
        kind = {".jpe": "JPEG", ".jfif": "JPEG", ".jpg": "JPEG"}.get(path.suffix.lower()) or None
        path.parent.mkdir(exist_ok=True)
        draw_landscape(48, 32, seed=number).convert("L").save(path, kind)
    code, printed, errors = run(tmp_path / "in", "-o", tmp_path / "out")
    assert code == 0 and f"{len(ODD_NAMES)} colored" in printed, errors
    assert len(names_in(tmp_path / "out")) == len(ODD_NAMES)
    code, printed, _ = run(tmp_path / "in", "-o", tmp_path / "out", "--skip-existing")
    assert code == 0 and f"{len(ODD_NAMES)} left alone" in printed
    assert run(tmp_path / "in", "-o", tmp_path / "pages", "--format", "png")[0] == 0  # longer by a byte or shorter


def test_hidden_files_are_passed_over(run, tmp_path):
    draw(tmp_path / "a.jpg")
    (tmp_path / "._a.jpg").write_bytes(b"\0\5\x16\7" + bytes(100))
    draw(tmp_path / ".thumbnails" / "b.jpg")
    code, printed, _ = run(tmp_path, "-o", tmp_path / "out")
    assert code == 0 and "1 colored in" in printed
    code, _, errors = run(tmp_path / "._a.jpg", "-o", tmp_path / "out")  # named itself, it is an input
    assert code == 1 and "macOS" in errors


def test_unreadable_kinds_are_named_once_with_a_cure(run, tmp_path):
    draw(tmp_path / "a.png")
    (tmp_path / "b.psd").write_bytes(b"8BPS" + bytes(50))
    (tmp_path / "c.xcf").write_bytes(b"gimp xcf file" + bytes(50))
    (tmp_path / "notes.txt").write_text("no picture")
    report = tmp_path / "reports" / "bad.csv"
    code, printed, errors = run(tmp_path, "-o", tmp_path / "out", "--report", report)
    assert code == 1 and "1 colored, 2 failed" in printed
    for name in ("b.psd", "c.xcf"):
        assert errors.count(name) == 1 and printed.count(name) == 1
    assert "notes.txt" not in errors
    rows = list(csv.reader(report.open(newline="")))
    assert rows[0] == ["file", "reason"] and [row[0] for row in rows[1:]] == [
        str(tmp_path / "b.psd"),
        str(tmp_path / "c.xcf"),
    ]
    assert all("first" in row[1] for row in rows[1:])


def test_a_report_is_written_of_good_files_too(run, tmp_path):
    draw(tmp_path / "a.png")
    assert run(tmp_path / "a.png", "-o", tmp_path / "out", "--report", tmp_path / "report.csv")[0] == 0
    assert (tmp_path / "report.csv").read_text().split() == ["file,reason"]


def test_an_output_that_cannot_be_written_is_said_at_once(run, tmp_path, capsys):
    draw(tmp_path / "a.png")
    with pytest.raises(SystemExit) as ended:
        run(tmp_path / "a.png", "-o", "/proc/nothing")
    assert ended.value.code == 2 and "/proc/nothing: nothing can be written there" in capsys.readouterr().err
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "deep").write_text("a file where a folder should be")
    draw(tmp_path / "in" / "deep" / "b.png")
    code, _, errors = run(tmp_path / "in", "-o", tmp_path / "out")
    assert code == 1 and errors.count("b.png") == 1 and "cannot be written" in errors


def command(model: Path, *arguments: object) -> list[str]:
    return [sys.executable, "-m", "colorization", *map(str, arguments), "--model", str(model), "--device", "cpu"]


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_consoles_and_names_that_are_not_utf_8(tiny_model_dir, tmp_path, encoding):
    (tmp_path / "in").mkdir()
    name = os.fsdecode(b"caf\xe9.png")
    draw(tmp_path / "in" / name)
    (tmp_path / "in" / os.fsdecode(b"bad\xff.jpg")).write_bytes(b"nothing")
    out = tmp_path / "風景 ω"
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    result = subprocess.run(
        command(tiny_model_dir, tmp_path / "in", "-o", out, "--report", tmp_path / "r.csv"),
        capture_output=True, env=environment, cwd=ROOT,
    )  # fmt: skip
    assert result.returncode == 1 and b"Traceback" not in result.stderr, result.stderr
    assert b"1 colored, 1 failed" in result.stdout
    assert [path.name for path in out.iterdir()] == [name]
    assert b"bad\xff.jpg" in (tmp_path / "r.csv").read_bytes()


def broken_files(folder: Path) -> list[bytes | Callable[[Path], object]]:
    """Ways in which a file can be broken: its content, or what makes something of its name that is no file."""
    jpeg, png = draw(folder / "sample.jpg").read_bytes(), draw(folder / "sample.png").read_bytes()
    refused = [drawn.content for drawn in drawn_files() if drawn.rgb is None]
    far_away = tiff(bytes(48 * 32), grey_tags(48, 32, 8) | {273: (4, [10_000_000])})
    return [
        lambda path: path.symlink_to("nowhere"),
        os.mkfifo,
        *(b"", b"text", b"\0" * 500, jpeg[: len(jpeg) // 3], jpeg[:2], png[:60], png[: len(png) // 2]),
        png[:16] + b"\0\1\0\0\0\1\0\0" + png[24:],
        b"II*\0" + b"\xff" * 300,
        far_away,
        tiff(bytes(100), grey_tags(48, 32, 8) | {258: (3, [7]), 277: (3, [5])}),
        *refused,
    ]


def make_batch(folder: Path, count: int) -> tuple[int, set[str]]:
    """Files of which every third is broken; how many are good, and the names of the bad ones."""
    chance, bad = np.random.default_rng(3), set()
    good = [drawn for drawn in drawn_files() if drawn.rgb is not None and len(drawn.content) < 50_000]
    endings = {"JPEG": "jpg", "JPEG 2000": "jp2"}
    broken = broken_files(folder.parent)
    folder.mkdir()
    for number in range(count):
        # Of every seven names one is not UTF-8, and one as long as a name can be.
        stem = {0: os.fsdecode(b"\xe9t\xe9"), 3: "風" * 70}.get(number % 7, "")
        if number % 3:
            drawn = good[int(chance.integers(0, len(good)))]
            name = f"{number:03}{stem}.{endings.get(drawn.format, drawn.format.lower())}"
            (folder / name).write_bytes(drawn.content)
            continue
        path = folder / f"{number:03}{stem}{('.jpg', '.png', '.tif')[number // 3 % 3]}"
        how = broken[number // 3 % len(broken)]
        path.write_bytes(how) if isinstance(how, bytes) else how(path)
        bad.add(path.name)
    return count - len(bad), bad


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "count", [75, pytest.param(300, marks=pytest.mark.skipif("LANDSCAPE_SLOW" not in os.environ, reason="takes long"))]
)
def test_a_batch_killed_half_way_goes_on_to_the_same_end(run, tiny_model_dir, tmp_path, count):
    good, bad = make_batch(tmp_path / "in", count)
    out, enough = tmp_path / "out", good * 2 // 5
    call = command(tiny_model_dir, tmp_path / "in", "-o", out, "--skip-existing", "--report", tmp_path / "r.csv")
    with subprocess.Popen(call, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        deadline = time.monotonic() + 300
        while (not out.is_dir() or len(list(out.iterdir())) < enough) and time.monotonic() < deadline:
            time.sleep(0.01)
        child.send_signal(signal.SIGKILL)
    before = names_in(out)
    assert enough - 1 <= len(before) < good
    (out / ".0123456789abcdef.4711-4712.part").write_bytes(b"half")  # as a kill in the middle of writing leaves it
    result = subprocess.run(call, cwd=ROOT, capture_output=True)
    assert result.returncode == 1 and b"Traceback" not in result.stderr
    assert len(names_in(out)) == good and not list(out.glob("*.part")) and not list(out.glob(".*"))
    rows = list(csv.reader((tmp_path / "r.csv").open(newline="", errors="surrogateescape")))[1:]
    assert sorted(Path(row[0]).name for row in rows) == sorted(bad) and all(row[1] for row in rows)
    for name in bad:
        assert result.stderr.count(b"/" + shown(name)) == result.stdout.count(b"/" + shown(name)) == 1, name
    for path in out.iterdir():
        with Image.open(path) as picture:
            picture.load()
    assert run(tmp_path / "in", "-o", tmp_path / "fresh")[0] == 1
    assert names_in(tmp_path / "fresh") == names_in(out)
    assert all((tmp_path / "fresh" / name).read_bytes() == (out / name).read_bytes() for name in names_in(out))


def shown(name: str) -> bytes:
    """A name as a console in UTF-8 shows it: what is not UTF-8 as numbers."""
    return name.encode(errors="backslashreplace")


def make_pages(path: Path, count: int = 3, **options) -> None:
    pages = [draw_landscape(48, 32, seed=number).convert("L") for number in range(count)]
    pages[0].save(path, save_all=True, append_images=pages[1:], **options)


@pytest.mark.parametrize("suffix", [".tif", ".gif", ".webp", ".png"])
def test_pages_and_frames_are_said(run, tmp_path, suffix, caplog):
    make_pages(tmp_path / f"a{suffix}")
    code, _, _ = run(tmp_path / f"a{suffix}", "-o", tmp_path / "out")
    assert code == 0 and len(names_in(tmp_path / "out")) == 1
    (said,) = [record.getMessage() for record in caplog.records if "pages or frames" in record.getMessage()]
    assert said.startswith(str(tmp_path / f"a{suffix}: 3 pages")) and "--all-pages" in said


def test_all_pages_into_one_tiff_or_numbered_files(run, tmp_path, caplog):
    make_pages(tmp_path / "book.tif")
    out = tmp_path / "out"
    assert run(tmp_path / "book.tif", "-o", out, "--all-pages")[0] == 0
    with Image.open(out / "book.tif") as book:
        assert book.n_frames == 3
        means = []
        for page in range(3):
            book.seek(page)
            means.append(np.asarray(book.convert("L")).astype(float))
    drawn = [np.asarray(draw_landscape(48, 32, seed=page).convert("L")) for page in range(3)]
    for page, found in enumerate(means):
        likeness = [np.corrcoef(found.ravel(), one.ravel())[0, 1] for one in drawn]
        assert np.argmax(likeness) == page
    assert run(tmp_path / "book.tif", "-o", out, "--all-pages", "--format", "jpg")[0] == 0
    assert names_in(out) == ["book-page-2.jpg", "book-page-3.jpg", "book.jpg", "book.tif"]
    for wanted in ([], ["--format", "jpg"]):
        code, printed, _ = run(tmp_path / "book.tif", "-o", out, "--all-pages", "--skip-existing", *wanted)
        assert code == 0 and "1 left alone" in printed
    (out / "book-page-2.jpg").unlink()
    code, printed, _ = run(tmp_path / "book.tif", "-o", out, "--all-pages", "--skip-existing", "--format", "jpg")
    assert "1 colored" in printed and len(names_in(out)) == 4
    # The first page alone is not the book.
    run(tmp_path / "book.tif", "-o", tmp_path / "first")
    code, printed, _ = run(tmp_path / "book.tif", "-o", tmp_path / "first", "--all-pages", "--skip-existing")
    assert "1 colored" in printed
    with Image.open(tmp_path / "first" / "book.tif") as book:
        assert book.n_frames == 3
    assert not [record for record in caplog.records if "--all-pages" in record.getMessage()][1:]


def test_pages_keep_their_names_whatever_is_under_way_beside_them(run, tmp_path):
    make_pages(tmp_path / "a.gif")
    book, other = tmp_path / "a.gif", draw(tmp_path / "a-page-2.gif")
    assert run(book, other, "-o", tmp_path / "out", "--all-pages")[0] == 0
    made_of = {name: result_id(tmp_path / "out" / name) for name in names_in(tmp_path / "out")}
    of_book = dict.fromkeys(("a.png", "a-page-2.png", "a-page-3.png"), source_id(book))
    assert made_of == of_book | {"a-page-2-gif.png": source_id(other)}


def test_who_stops_a_run_does_not_wait_for_the_end_of_a_book(run, tmp_path, monkeypatch):
    make_pages(tmp_path / "b.tif", 60)
    out = tmp_path / "out"

    def stop_in_the_book(outcomes, count):
        yield next(outcomes)
        deadline = time.monotonic() + 60
        while not list(out.glob("*.part")) and time.monotonic() < deadline:
            time.sleep(0.001)
        raise KeyboardInterrupt

    monkeypatch.setattr("colorization.__main__.show_progress", stop_in_the_book)
    with pytest.raises(KeyboardInterrupt):
        run(draw(tmp_path / "a.png"), tmp_path / "b.tif", "-o", out, "--all-pages")
    assert [path.name for path in out.iterdir()] == ["a.png"]


def test_a_page_that_cannot_be_read_is_named(run, tmp_path):
    make_pages(tmp_path / "a.tif", compression="tiff_adobe_deflate")
    content = bytearray((tmp_path / "a.tif").read_bytes())
    with Image.open(tmp_path / "a.tif") as book:
        book.seek(2)
        start = book.tag_v2[273][0]
    content[start : start + 40] = bytes(40)
    (tmp_path / "a.tif").write_bytes(content)
    code, _, errors = run(tmp_path / "a.tif", "-o", tmp_path / "out", "--all-pages")
    assert code == 1 and errors.count("a.tif") == 1 and "page 3" in errors
    assert names_in(tmp_path / "out") == []


def test_invert(run, tmp_path):
    grey = draw(tmp_path / "in" / "a.png")
    Image.fromarray(255 - np.asarray(Image.open(grey))).save(tmp_path / "negative.png")
    assert run(tmp_path / "negative.png", "-o", tmp_path / "out", "--invert")[0] == 0
    assert run(grey, "-o", tmp_path / "out")[0] == 0
    results = [np.asarray(Image.open(tmp_path / "out" / name)) for name in ("negative.png", "a.png")]
    assert np.array_equal(*results)


def test_a_negative_is_said_and_nothing_else(run, tmp_path, caplog):
    y = np.linspace(245, 40, 60)[:, None] + np.random.default_rng(0).normal(0, 5, (60, 80))
    light = y.clip(0, 255).astype(np.uint8)
    Image.fromarray(light).save(tmp_path / "plain.png")
    Image.fromarray(255 - light).save(tmp_path / "negative.png")
    Image.new("L", (80, 60), 20).save(tmp_path / "dark.png")
    assert run(tmp_path, "-o", tmp_path / "out")[0] == 0
    (said,) = [record.getMessage() for record in caplog.records if "looks like a negative" in record.getMessage()]
    assert said.startswith(f"{tmp_path / 'negative.png'}: ") and "--invert" in said
    caplog.clear()
    assert run(tmp_path / "negative.png", "-o", tmp_path / "positive", "--invert")[0] == 0
    assert not caplog.records


@pytest.mark.parametrize("threads", [1, 3])
def test_files_side_by_side_are_those_of_one_by_one(run, tiny_model_dir, tmp_path, threads):
    """Colors, names and the order of what is said do not depend on how many files are under way."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(9):
        draw_landscape(40 + 7 * number, 50, seed=number).save(folder / f"{number}.png")
        if number % 3 == 0:
            (folder / f"{number}-broken.jpg").write_bytes(b"no picture")
    draw_landscape(44, 33, seed=20).save(folder / "5.jpg")
    draw_landscape(44, 33, seed=21).save(folder / "5.bmp")
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        code, printed, _ = run(folder, "-o", tmp_path / "out", "--format", "png")
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert code == 1 and "11 colored, 3 failed" in printed
    named = [line.strip().split(":")[0] for line in printed.splitlines() if "broken" in line]
    assert [Path(name).name for name in named] == ["0-broken.jpg", "3-broken.jpg", "6-broken.jpg"]
    pipe = load_pipeline(tiny_model_dir, "cpu")
    names = {"5.bmp": "5.png", "5.jpg": "5-jpg.png", "5.png": "5-png.png"}
    results = {file.name for file in (tmp_path / "out").iterdir()}
    assert results == {names.get(f.name, f"{f.stem}.png") for f in folder.iterdir() if "broken" not in f.name}
    for file in folder.iterdir():
        if "broken" not in file.name:
            made = np.asarray(Image.open(tmp_path / "out" / names.get(file.name, f"{file.stem}.png")))
            assert np.abs(made.astype(int) - np.asarray(pipe(file))).max() <= 1
