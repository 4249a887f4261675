"""Many photographs at once: what comes back, what is refused, and that nothing stays behind."""

from __future__ import annotations

import csv
import io
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from space import archives, batch
from space.batch import Batch, color_batch
from space.service import ColorizeService, PageError

from .conftest import mean_chroma


@pytest.fixture
def service(tiny_model_dir: Path, tmp_path: Path) -> ColorizeService:
    return ColorizeService(tmp_path / "results", tiny_model_dir, device="cpu")


def _zip(path: Path, files: dict[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def _run(service: ColorizeService, *paths: Path, **options) -> tuple[Batch, dict[str, bytes], dict[str, str]]:
    """The last state, the files of the zip, and the report as file to reason."""
    *_, last = color_batch(service, paths, **options)
    with zipfile.ZipFile(last.archive) as archive:
        files = {info.filename: archive.read(info) for info in archive.infolist()}
    report = list(csv.reader(io.StringIO(files.pop(batch.REPORT).decode())))
    assert report[0] == ["file", "reason"]
    return last, files, dict(report[1:])


def _left(service: ColorizeService) -> list[Path]:
    folder = service._folder
    return [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []


def test_a_recipe_is_repeated_on_all_of_a_batch(service: ColorizeService, uploads: Path) -> None:
    beach = uploads / "beach.jpg"
    _, wanted, _ = _run(service, beach, saturation=0.4, warmth=0.5)
    _, found, _ = _run(service, beach, recipe={"strength": 0.4, "warmth": 0.5})
    assert found == wanted
    _, files, failures = _run(service, beach, recipe={"look": "autumn"})
    assert not files and "not trained to be guided" in failures["beach.jpg"]
    for wrong, reason in (({"stregth": 1}, "unknown field"), ({"strength": 9}, "Color strength goes from 0 to 2")):
        with pytest.raises(PageError, match=reason):
            next(color_batch(service, [beach], recipe=wrong))


def test_files_and_archives_become_one_zip(service: ColorizeService, uploads: Path, tmp_path: Path) -> None:
    beach = (uploads / "beach.jpg").read_bytes()
    album = {
        "album/beach.jpg": beach,
        "album/BEACH.jpg": beach,
        "deep.png": (uploads / "deep.png").read_bytes(),
        "__MACOSX/._beach.jpg": b"left behind",
        "album/.DS_Store": b"left behind",
        "notes/read me.txt": b"no picture",
    }
    last, files, failures = _run(service, uploads / "beach.jpg", uploads / "half.jpg", _zip(tmp_path / "a.zip", album))
    assert set(files) == {"beach.jpg", "album/beach.jpg", "album/BEACH (2).jpg", "deep.png"}
    assert set(failures) == {"half.jpg", "notes/read me.txt"}
    assert "cut off" in failures["half.jpg"] and "not a picture" in failures["notes/read me.txt"]
    assert last.count("done") == 4 and last.count("failed") == 2
    for name, content in files.items():
        picture = Image.open(io.BytesIO(content))
        assert picture.size == ((300, 200) if name == "deep.png" else (200, 300))
        assert mean_chroma(picture) > 3
    assert Image.open(io.BytesIO(files["beach.jpg"])).getexif()[0x010E].startswith("A beach")
    assert _left(service) == [last.archive]


def test_strength_and_format_count_for_all(service: ColorizeService, uploads: Path) -> None:
    _, files, _ = _run(service, uploads / "beach.jpg", uploads / "scan.tif", saturation=0.0, file_format="PNG")
    assert set(files) == {"beach.png", "scan.png"}
    assert all(mean_chroma(Image.open(io.BytesIO(content))) < 1 for content in files.values())


def test_each_file_is_seen_to_advance(service: ColorizeService, uploads: Path) -> None:
    states = [
        tuple(item.state for item in step.items)
        for step in color_batch(service, [uploads / "beach.jpg", uploads / "notes.jpg"])
    ]
    assert states == [("working", "waiting"), ("done", "working"), ("done", "failed")]


def test_who_stops_leaves_nothing(service: ColorizeService, uploads: Path) -> None:
    steps = color_batch(service, [uploads / "beach.jpg"] * 3)
    next(steps), next(steps)
    assert _left(service)
    steps.close()
    assert not list(service._folder.iterdir())


def _link() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("passwords.jpg")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("../../escaped.jpg", b"x", "leads out"),
        ("/etc/escaped.jpg", b"x", "leads out"),
        ("..\\escaped.jpg", b"x", "leads out"),
        (_link(), b"/etc/passwd", "link"),
        ("bomb.png", bytes(20_000_000), "far too many bytes"),
        ("inner.zip", b"PK\x03\x04", "zip archive"),
    ],
    ids=["dots", "root", "backslash", "link", "bomb", "nested"],
)
def test_hostile_members_are_reported_and_the_rest_is_colored(
    service: ColorizeService, uploads: Path, tmp_path: Path, name, content: bytes, reason: str
) -> None:
    hostile = _zip(tmp_path / "hostile.zip", {name: content, "beach.jpg": (uploads / "beach.jpg").read_bytes()})
    before = {path for path in tmp_path.parent.rglob("*") if path.is_file()}
    last, files, failures = _run(service, hostile)
    assert set(files) == {"beach.jpg"}
    assert len(failures) == 1 and reason in next(iter(failures.values()))
    assert {path for path in tmp_path.parent.rglob("*") if path.is_file()} - before == {last.archive}


def test_a_member_larger_than_it_says_is_not_read(uploads: Path, tmp_path: Path) -> None:
    """The declared size is changed to a small one, in the list of files and in the file's own header."""
    path = _zip(tmp_path / "liar.zip", {"a.bmp": bytes(3_000_000)})
    size = (3_000_000).to_bytes(4, "little")
    content = path.read_bytes()
    assert content.count(size) == 2
    path.write_bytes(content.replace(size, (1000).to_bytes(4, "little")))
    with archives.opened(path) as archive:
        (info,) = archives.files_of(archive)
        assert info.file_size == 1000
        with pytest.raises(archives.ArchiveError, match=r"damaged"):
            archives.read_member(archive, info, 10_000)


def test_more_bytes_than_allowed_are_not_read(tmp_path: Path) -> None:
    path = _zip(tmp_path / "large.zip", {"a.bmp": bytes(500_000)})
    with archives.opened(path) as archive:
        (info,) = archives.files_of(archive)
        with pytest.raises(archives.ArchiveError, match="larger than"):
            archives.read_member(archive, info, 100_000)


def test_a_list_of_files_without_end_is_not_read(tmp_path: Path) -> None:
    path = _zip(tmp_path / "many.zip", {f"{number:0200}.jpg": b"" for number in range(5000)})
    with pytest.raises(archives.ArchiveError, match="far too long"), archives.opened(path):
        pass


def _encrypted(path: Path) -> Path:
    _zip(path, {"a.jpg": b"secret"})
    content = bytearray(path.read_bytes())
    for header, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(header) + offset] |= 1
    path.write_bytes(content)
    return path


def _packed_with_lzma(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.jpg", b"x" * 1000)
    return path


def _cut(path: Path) -> Path:
    path.write_bytes(_zip(path, {"a.jpg": b"x" * 1000}).read_bytes()[:60])
    return path


@pytest.mark.parametrize(
    ("make", "reason"),
    [(_encrypted, "password"), (_packed_with_lzma, "unusual"), (_cut, "damaged"), (lambda p: _zip(p, {}), "no file")],
)
def test_bad_archives_are_named(
    service: ColorizeService, tmp_path: Path, make: Callable[[Path], Path], reason: str
) -> None:
    last, files, failures = _run(service, make(tmp_path / "bad.zip"))
    assert not files and len(failures) == 1 and reason in next(iter(failures.values()))
    assert last.count("failed") == 1


def test_too_many_files_are_refused_at_once(service: ColorizeService, uploads: Path, tmp_path: Path) -> None:
    many = _zip(tmp_path / "many.zip", {f"{number}.jpg": b"" for number in range(batch.MAX_FILES + 1)})
    for paths in ([uploads / "beach.jpg"] * (batch.MAX_FILES + 1), [many]):
        with pytest.raises(PageError, match=rf"101 files; at most {batch.MAX_FILES}"):
            next(color_batch(service, paths))
    assert not _left(service)


def test_a_batch_without_end_stops_at_its_limit(
    service: ColorizeService, uploads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MAX_TOTAL_BYTES", 1000)
    _, files, failures = _run(service, uploads / "beach.jpg", uploads / "deep.png", uploads / "scan.tif")
    assert set(files) == {"beach.jpg"}
    assert set(failures) == {"deep.png", "scan.tif"}


def test_nothing_and_nonsense_are_refused(service: ColorizeService, uploads: Path) -> None:
    for paths, options in (([], {}), ([uploads / "beach.jpg"], {"file_format": "EXE"})):
        with pytest.raises(PageError):
            next(color_batch(service, paths, **options))
    with pytest.raises(PageError, match="from 0 to 2"):
        next(color_batch(service, [uploads / "beach.jpg"], saturation=9))


def test_a_spreadsheet_computes_nothing_from_the_report(service: ColorizeService, tmp_path: Path) -> None:
    path = tmp_path / "=1+1.jpg"
    path.write_bytes(b"no picture")
    _, _, failures = _run(service, path)
    assert set(failures) == {"'=1+1.jpg"}
