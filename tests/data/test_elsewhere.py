"""Outputs behind addresses, and another sky model than the embedded one."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import datasets
import fsspec
import pyarrow.parquet as pq
import pytest
import torch
from transformers import SegformerConfig, SegformerForSemanticSegmentation, SegformerImageProcessor

from colorization.data.build import build
from colorization.data.build_dataset import main
from colorization.data.options import BuildOptions
from colorization.sky import SkySegmenter, sky_label

from .landscapes import encoded, landscape

PLAIN = BuildOptions(sky=False, workers=1)


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    for seed in range(20):
        file = tmp_path / "photographs" / ("hills", "coast")[seed % 2] / f"{seed:03d}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encoded(landscape(seed)))
    (tmp_path / "photographs" / "copy.jpg").write_bytes(encoded(landscape(4), 50))
    (tmp_path / "photographs" / "no.jpg").write_bytes(b"no")
    return tmp_path / "photographs"


@pytest.fixture(params=["memory", "file"])
def address(request, tmp_path: Path):
    """An address of a kind that is no path, empty before and after."""
    root = "memory://landscapes" if request.param == "memory" else f"file://{tmp_path}/behind an address"
    yield root
    filesystem, path = fsspec.url_to_fs(root)
    if filesystem.exists(path):
        filesystem.rm(path, recursive=True)


def files_of(root: str) -> dict[str, bytes]:
    filesystem, path = fsspec.url_to_fs(root)
    path = path.rstrip("/")
    return {name.removeprefix(path).lstrip("/"): filesystem.cat_file(name) for name in filesystem.find(path)}


def rows_of(files: dict[str, bytes]) -> dict[str, dict]:
    found = {}
    for name, content in files.items():
        if name.startswith("data/"):
            for row in pq.read_table(io.BytesIO(content)).to_pylist():
                found[row["image"]["path"]] = row | {"split": name.split("/")[1].split("-")[0]}
    return found


def test_a_build_behind_an_address_is_the_one_on_a_disk(photographs: Path, address: str, tmp_path: Path):
    build([str(photographs)], str(tmp_path / "here"), PLAIN)
    build([str(photographs)], f"{address}/set", PLAIN)
    here, there = files_of(str(tmp_path / "here")), files_of(f"{address}/set")
    assert set(here) == set(there) and not any(".build" in name or name.endswith(".part") for name in there)
    assert rows_of(here) == rows_of(there) and len(rows_of(there)) == 20
    assert here["dropped.csv"] == there["dropped.csv"] and b"copy.jpg,duplicate" in there["dropped.csv"]
    build([str(photographs / "hills")], f"{address}/set", PLAIN)  # replaces it
    assert len(rows_of(files_of(f"{address}/set"))) == 10


def test_parts_behind_an_address_merge_there(photographs: Path, address: str, tmp_path: Path):
    build([str(photographs)], str(tmp_path / "here"), PLAIN)
    output, options = f"{address}/set", ["--no-sky", "--workers", "1"]
    for part in ("1/3", "2/3"):
        assert main([str(photographs), "--output", output, "--shard", part, *options]) == 0
    assert main(["--merge", "--output", output, *options]) == 1  # one is missing
    assert main([str(photographs), "--output", output, "--shard", "3/3", *options]) == 0
    photographs.rename(tmp_path / "gone")  # the bytes came with the parts
    assert main(["--merge", "--output", output, *options]) == 0
    there = files_of(output)
    assert rows_of(files_of(str(tmp_path / "here"))) == rows_of(there)
    assert {name.split("/")[0] for name in there} == {"README.md", "card", "data", "dropped.csv", "parts"}


def test_parts_are_continued_behind_an_address(photographs: Path, address: str, monkeypatch):
    from colorization.data import build as module

    output, real = f"{address}/set", module.measure_portion
    monkeypatch.setattr(module, "PORTION", 4)
    done = []

    def dies_at_the_third(root, before, after, options):
        done.append(before)
        if len(done) == 3:
            raise KeyboardInterrupt
        return real(root, before, after, options)

    monkeypatch.setattr(module, "measure_portion", dies_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        build([str(photographs)], output, PLAIN, (0, 1))
    build([str(photographs)], output, PLAIN, (0, 1))
    assert len(done) == 3 + 4 and set(done[:2]).isdisjoint(done[3:])  # six portions; the third was done again
    assert len(rows_of(files_of(output))) == 20


def test_a_source_behind_an_address(photographs: Path, tmp_path: Path):
    memory = fsspec.filesystem("memory")
    for file in photographs.rglob("*.jpg"):
        memory.pipe_file(f"/photographs/{file.relative_to(photographs)}", file.read_bytes())
    try:
        build(["memory://photographs"], str(tmp_path / "out"), PLAIN)
    finally:
        memory.rm("/photographs", recursive=True)
    kept = rows_of(files_of(str(tmp_path / "out")))
    assert len(kept) == 20 and {row["scene"] for row in kept.values()} == {"hills", "coast"}


def save_segmenter(folder: Path, classes: list[str]) -> Path:
    """A semantic segmentation model as the Hub has them, tiny, untrained and sure of itself."""
    shape = {"num_encoder_blocks": 2, "depths": [1, 1], "sr_ratios": [2, 1], "num_attention_heads": [1, 2]}
    shape |= {"hidden_sizes": [8, 16], "patch_sizes": [7, 3], "strides": [4, 2], "mlp_ratios": [2, 2]}
    names = dict(enumerate(classes))
    config = SegformerConfig(**shape, decoder_hidden_size=16, initializer_range=1.0, id2label=names)
    torch.manual_seed(0)
    SegformerForSemanticSegmentation(config).eval().save_pretrained(folder)
    SegformerImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder


@pytest.mark.slow
def test_another_segmenter_finds_the_sky(photographs: Path, tmp_path: Path):
    model = save_segmenter(tmp_path / "model", ["tree", "Sky", "water"])
    command = [str(photographs / "hills"), "--output", str(tmp_path / "out"), "--workers", "1"]
    assert main([*command, "--sky-model", str(model)]) == 0
    segmenter, kept = SkySegmenter(model), datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "c"))
    fractions = []
    for table in kept.values():
        for row in table:
            (fraction,) = segmenter.fractions([row["image"].convert("RGB")])
            assert row["sky_fraction"] == pytest.approx(fraction, abs=0.02) and row["sky"] == sky_label(
                row["sky_fraction"]
            )
            fractions.append(fraction)
    assert len(fractions) == 10 and len(set(fractions)) > 3, fractions
    build([str(photographs / "hills")], str(tmp_path / "own"), dataclasses.replace(PLAIN, sky=True))
    own = {name: row["sky_fraction"] for name, row in rows_of(files_of(str(tmp_path / "own"))).items()}
    theirs = {name: row["sky_fraction"] for name, row in rows_of(files_of(str(tmp_path / "out"))).items()}
    assert own != theirs  # the embedded model was not asked


def test_a_model_without_sky_is_refused_before_anything_is_measured(photographs: Path, tmp_path: Path, caplog):
    model = save_segmenter(tmp_path / "model", ["tree", "road"])
    command = [str(photographs), "--output", str(tmp_path / "out"), "--workers", "1", "--sky-model"]
    assert main([*command, str(model)]) == 1
    assert "has no class 'sky'; it knows tree, road" in caplog.text
    assert not list(tmp_path.glob("out/.build/measures/*"))
    caplog.clear()
    (tmp_path / "empty").mkdir()
    assert main([*command, str(tmp_path / "empty")]) == 1
    assert "--sky-model" in caplog.text and "\n" not in caplog.messages[-1]
