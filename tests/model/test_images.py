"""Every kind of file that people have, and every kind of broken one."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from colorization.files import save_picture
from colorization.model.images import UnreadableImageError, read_photo, read_picture

from ..conftest import draw_landscape


def encode(picture: Image.Image, file_format: str, **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, file_format, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "PPM"])
def test_formats(file_format, landscape):
    photo = read_photo(encode(landscape, file_format))
    assert photo.rgb.shape == (80, 120, 3) and photo.rgb.dtype == np.uint8
    assert photo.format == file_format
    assert np.abs(photo.rgb.astype(int) - np.asarray(landscape)).mean() < 12


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"])
def test_modes(mode, landscape):
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(landscape.convert("L")).astype(np.uint16) * 257)
    elif mode == "F":
        picture = Image.fromarray(np.asarray(landscape.convert("L")).astype(np.float32) / 255)
    else:
        picture = landscape.convert(mode)
    photo = read_photo(encode(picture, "TIFF" if mode in ("CMYK", "F") else "PNG"))
    assert photo.rgb.shape == (80, 120, 3)
    assert (photo.alpha is not None) == (mode in ("LA", "RGBA"))
    picture = read_picture(encode(picture, "TIFF" if mode in ("CMYK", "F") else "PNG"))
    assert picture.mode == "RGB" and np.array_equal(picture, photo.rgb)
    if mode in ("L", "I;16", "F"):
        assert np.abs(photo.rgb[..., 0].astype(int) - np.asarray(landscape.convert("L"))).max() <= 1


def test_16_bit_tiff_is_scaled_not_clipped():
    values = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    photo = read_photo(encode(Image.fromarray(values), "TIFF"))
    assert np.array_equal(photo.rgb[..., 1].ravel(), np.arange(256))


def test_palette_transparency_becomes_alpha(landscape):
    paletted = landscape.convert("P")
    photo = read_photo(encode(paletted, "PNG", transparency=0))
    assert photo.alpha is not None and set(np.unique(photo.alpha)) <= {0, 255}


def test_gif_gives_its_first_frame(landscape):
    second = Image.new("RGB", landscape.size, "red")
    photo = read_photo(encode(landscape, "GIF", save_all=True, append_images=[second]))
    assert photo.rgb[..., 2].mean() > 50


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_once(orientation, landscape, tmp_path):
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, "A camera"
    photo = read_photo(encode(landscape, "JPEG", exif=exif, quality=95))
    assert (photo.width, photo.height) == ((120, 80) if orientation < 5 else (80, 120))
    assert np.array_equal(read_picture(encode(landscape, "JPEG", exif=exif, quality=95)), photo.rgb)
    kept = Image.Exif()
    kept.load(photo.exif)
    assert kept.get(0x0112, 1) == 1 and kept[0x010F] == "A camera"
    picture = Image.fromarray(photo.rgb)
    picture.info["exif"] = photo.exif
    again = read_photo(save_picture(picture, tmp_path / "again.jpg"))
    assert again.rgb.shape == photo.rgb.shape


def test_icc_profile_is_converted_to_srgb(landscape):
    # Lab as an ICC color space stands for any profile that is not sRGB.
    lab = ImageCms.profileToProfile(
        landscape, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    photo = read_photo(encode(lab, "TIFF", icc_profile=profile))
    assert np.abs(photo.rgb.astype(int) - np.asarray(landscape)).mean() < 4


def test_a_profile_is_srgb_by_what_it_does_not_by_its_name(landscape):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    renamed = srgb.replace("sRGB built-in".encode("utf-16-be"), "A cat's photo".encode("utf-16-be"))
    assert renamed != srgb and "srgb" not in ImageCms.getProfileDescription(io.BytesIO(renamed)).lower()
    for profile in (srgb, renamed):
        photo = read_photo(encode(landscape, "PNG", icc_profile=profile))
        assert np.array_equal(photo.rgb, np.asarray(landscape))
    # The same name, but what it calls red is blue.
    swapped = srgb.replace(b"rXYZ", b"tmp.").replace(b"bXYZ", b"rXYZ").replace(b"tmp.", b"bXYZ")
    assert "srgb" in ImageCms.getProfileDescription(io.BytesIO(swapped)).lower()
    photo = read_photo(encode(landscape, "PNG", icc_profile=swapped))
    assert np.abs(photo.rgb[..., ::-1].astype(int) - np.asarray(landscape)).max() <= 2


def test_broken_icc_profile_is_ignored(landscape):
    photo = read_photo(encode(landscape, "PNG", icc_profile=b"not a profile"))
    assert np.array_equal(photo.rgb, np.asarray(landscape))


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises a size and has no pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


BROKEN = {
    "empty.jpg": (b"", "empty"),
    "text.jpg": (b"not a picture at all", "known format"),
    "drawing.svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
    "cut.jpg": (encode(draw_landscape(), "JPEG")[:1500], "cut off"),
    "cut.png": (encode(draw_landscape(), "PNG")[:3000], "cut off|damaged"),
    "zero.png": (png_header(0, 10), "known format|no pixels|damaged"),
    "bomb.png": (png_header(12_000, 12_000), "limit of 100 megapixels"),
    "huge-bomb.png": (png_header(2_000_000, 2_000_000), "limit of 100 megapixels"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_become_one_sentence(name, tmp_path):
    content, reason = BROKEN[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UnreadableImageError, match=reason) as caught:
        read_photo(path)
    assert str(caught.value).startswith(f"{name}: ") and "\n" not in str(caught.value)


def test_every_truncation_is_a_sentence(landscape):
    for file_format in ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF"):
        content = encode(landscape, file_format)
        for length in range(1, len(content), max(1, len(content) // 25)):
            try:
                read_photo(content[:length])
            except UnreadableImageError as error:
                assert str(error).startswith("picture: ")


def test_what_is_measured_has_to_be_whole(landscape):
    content = encode(landscape, "JPEG", quality=95)
    assert not read_photo(content).notes
    assert read_photo(content[:-2], whole=True).notes  # but for its end mark
    cut = encode(Image.effect_noise((48, 400), 40), "JPEG")
    cut = cut[: len(cut) * 95 // 100]
    assert read_photo(cut).notes
    for read in (lambda: read_photo(cut, whole=True), lambda: read_picture(cut)):
        with pytest.raises(UnreadableImageError, match="ends too early"):
            read()


def test_folder_missing_and_pipe(tmp_path):
    with pytest.raises(UnreadableImageError, match="folder"):
        read_photo(tmp_path)
    with pytest.raises(UnreadableImageError, match="no such file"):
        read_photo(tmp_path / "nothing.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(UnreadableImageError, match="not a regular file"):
        read_photo(tmp_path / "pipe.jpg")


def test_no_permission(tmp_path, monkeypatch):
    path = tmp_path / "secret.jpg"
    path.write_bytes(b"x")

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # the tests may run as root, who may read everything
    with pytest.raises(UnreadableImageError, match="no permission"):
        read_photo(path)


def test_limit_is_stated_and_can_be_raised(landscape):
    content = encode(landscape, "PNG")
    with pytest.raises(UnreadableImageError, match=r"120 × 80 .* limit of 0.005 megapixels"):
        read_photo(content, max_megapixels=0.005)
    assert read_photo(content, max_megapixels=0.01).width == 120
    limit = Image.MAX_IMAGE_PIXELS
    read_photo(content)
    assert limit == Image.MAX_IMAGE_PIXELS  # Pillow's own setting is left as it was


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".bmp"])
def test_save_keeps_size_alpha_and_leaves_no_rest(suffix, landscape, tmp_path):
    picture = landscape.convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    photo = read_photo(save_picture(picture, tmp_path / f"a{suffix}"))
    assert (photo.width, photo.height) == picture.size
    assert (photo.alpha is not None) == (suffix not in (".jpg", ".bmp"))
    assert [path.name for path in tmp_path.iterdir()] == [f"a{suffix}"]


def test_failed_save_keeps_the_old_file(landscape, tmp_path, monkeypatch):
    path = save_picture(landscape, tmp_path / "a.png")
    before = path.read_bytes()

    def fail(self, file, *args, **options):
        Path(file).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="No space"):
        save_picture(landscape, path)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_what_a_format_cannot_hold_is_said(tmp_path):
    with pytest.raises(ValueError, match="WEBP holds at most"):
        save_picture(Image.new("RGB", (20_000, 2)), tmp_path / "wide.webp")
    with pytest.raises(ValueError, match="can be written as"):
        save_picture(Image.new("RGB", (2, 2)), tmp_path / "a.xcf")
