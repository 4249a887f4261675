"""Pictures of one scene stay in one split, scenes are divided alike, and what is given stays."""

from __future__ import annotations

import dataclasses
import functools
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorization.data.build import build
from colorization.data.clean import measure
from colorization.data.options import BuildOptions
from colorization.model.images import read_picture

from .landscapes import PLAIN, card, encoded, landscape, plant, rows


@functools.cache
def series(seed: int) -> list[bytes]:
    """Three photographs of one scene: the light comes from elsewhere until they are alike, but no copies."""
    scene, options = np.asarray(landscape(seed, 136, 100), float), BuildOptions()
    found = [encoded(Image.fromarray(scene.astype(np.uint8)))]
    down, across = np.linspace(-1, 1, 100)[:, None, None], np.linspace(-1, 1, 136)[None, :, None]
    for light in (across, down - across, down + across, -across, down):
        for strength in range(10, 100, 5):
            content = encoded(Image.fromarray((scene * 0.7 + 40 + strength * light).clip(0, 255).astype(np.uint8)))
            columns = measure([read_picture(c) for c in (*found, content)])
            apart = np.bitwise_count(columns["phash"][-1] ^ columns["phash"])[0]
            like = np.corrcoef(columns["signature"])[-1, :-1]
            if like.max() < 0.96:
                if apart <= options.same_scene_bits and like[0] > options.same_scene_correlation:
                    found.append(content)
                break
    assert len(found) >= 3, seed
    return found


def plant_scenes(folder: Path, seeds: range, numbers: range) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        for number in numbers:
            (folder / f"{seed:03d}-{number}.jpg").write_bytes(series(seed)[number])


def by_scene(kept: dict[str, dict]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, row in kept.items():
        found.setdefault(name.split("-")[0], set()).add(row["split"])
    return found


@pytest.mark.slow
def test_pictures_of_one_scene_stay_in_one_split(tmp_path: Path):
    plant_scenes(tmp_path / "in", range(16), range(3))
    build([str(tmp_path / "in")], str(tmp_path / "out"), PLAIN)
    kept = rows(tmp_path / "out")
    assert len(kept) == 48  # they are no copies of one another
    assert all(len(splits) == 1 for splits in by_scene(kept).values())
    assert {split for splits in by_scene(kept).values() for split in splits} > {"train"}
    assert "in 16 groups look like the same scene; each group is in one split." in card(tmp_path / "out")
    build([str(tmp_path / "in")], str(tmp_path / "apart"), dataclasses.replace(PLAIN, same_scene_bits=0))
    assert any(len(splits) > 1 for splits in by_scene(rows(tmp_path / "apart")).values())


def test_a_chain_of_many_look_alikes_is_no_scene(tmp_path: Path, monkeypatch):
    from colorization.data import plan

    plant_scenes(tmp_path / "in", range(16), range(3))
    monkeypatch.setattr(plan, "_LARGEST_SCENE", 2)
    build([str(tmp_path / "in")], str(tmp_path / "out"), PLAIN)
    assert any(len(splits) > 1 for splits in by_scene(rows(tmp_path / "out")).values())
    assert "0 pictures in 0 groups look like the same scene" in card(tmp_path / "out")


def test_scenes_stay_together_in_another_order_and_when_pictures_are_added(tmp_path: Path):
    plant_scenes(tmp_path / "b", range(12), range(2))
    build([str(tmp_path / "b")], str(tmp_path / "one"), PLAIN)
    plant_scenes(tmp_path / "a", range(12, 16), range(2))
    plant_scenes(tmp_path / "a", range(12), range(2, 3))
    options = dataclasses.replace(PLAIN, share_tolerance=100.0)
    build([str(tmp_path / "a"), str(tmp_path / "b")], str(tmp_path / "two"), options)
    build([str(tmp_path / "b"), str(tmp_path / "a")], str(tmp_path / "three"), options)
    one, two, three = (rows(tmp_path / name) for name in ("one", "two", "three"))
    assert {n: row["split"] for n, row in two.items()} == {n: row["split"] for n, row in three.items()}
    assert all(len(splits) == 1 for splits in by_scene(two).values())
    # A group moves only if the new picture speaks for it from now on, and says another split; then it moves whole.
    moved = {name.split("-")[0] for name in one if one[name]["split"] != two[name]["split"]}
    assert len(moved) <= 4 and all(int(seed) < 12 for seed in moved)


def test_given_splits_win_over_scenes_and_new_pictures_follow_them(tmp_path: Path):
    plant_scenes(tmp_path / "in", range(12), range(3))
    table = "path,split\n" + "".join(
        f"{s:03d}-0.jpg,test\n{s:03d}-1.jpg,{'val' if s < 4 else 'test'}\n" for s in range(12)
    )
    (tmp_path / "splits.csv").write_text(table)
    options = dataclasses.replace(PLAIN, splits_from=str(tmp_path / "splits.csv"))
    build([str(tmp_path / "in")], str(tmp_path / "out"), options)
    kept = rows(tmp_path / "out")
    for seed in range(12):
        assert kept[f"{seed:03d}-0.jpg"]["split"] == "test"
        assert kept[f"{seed:03d}-1.jpg"]["split"] == ("validation" if seed < 4 else "test")
        assert kept[f"{seed:03d}-2.jpg"]["split"] in ("test", "validation")  # none was given; never to training
        assert seed < 4 or kept[f"{seed:03d}-2.jpg"]["split"] == "test"
    assert "4 of these groups are in several splits, as was given" in card(tmp_path / "out")


def test_a_built_set_is_a_source_that_keeps_its_splits_when_more_is_added(tmp_path: Path):
    plant(tmp_path / "in", range(30))
    build([str(tmp_path / "in")], str(tmp_path / "one"), PLAIN)
    plant(tmp_path / "more", range(30, 50))
    (tmp_path / "more" / "larger.png").write_bytes(encoded(landscape(3).resize((384, 288)), file_format="PNG"))
    options = dataclasses.replace(PLAIN, splits_from="split", share_tolerance=0.0)
    build([str(tmp_path / "one" / "data"), str(tmp_path / "more")], str(tmp_path / "two"), options)
    one, two = rows(tmp_path / "one"), rows(tmp_path / "two")
    splits = {row["phash"]: row["split"] for row in two.values()}
    assert len(two) == 50 and all(splits[row["phash"]] == row["split"] for n, row in one.items() if n != "003.jpg")
    assert two["larger.png"]["split"] == one["003.jpg"]["split"]  # the copy that wins takes the place of the other


def test_scenes_are_divided_alike(tmp_path: Path):
    for scene, seeds in (("coast", range(30)), ("desert", range(30, 60))):
        plant(tmp_path / "in", seeds, scene)
    build([str(tmp_path / "in")], str(tmp_path / "out"), dataclasses.replace(PLAIN, share_tolerance=0.0))
    counts = Counter((row["scene"], row["split"]) for row in rows(tmp_path / "out").values())
    assert counts == {
        (scene, split): count
        for scene in ("coast", "desert")
        for split, count in (("train", 24), ("validation", 3), ("test", 3))
    }
