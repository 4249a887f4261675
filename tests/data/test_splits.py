"""Shares of splits: exact where asked, stable where asked, and what lies between."""

from __future__ import annotations

import numpy as np
import pytest

from colorization.data.options import BuildOptions
from colorization.data.splits import Shares, assign, parse_shares, representatives, seniority


def draw(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**64, count, dtype=np.uint64)


def divide(
    digests: np.ndarray, tolerance: float, shares: Shares | None = None, scenes=None, weights=None
) -> np.ndarray:
    ones = np.ones(len(digests), int)
    return assign(
        digests,
        shares or Shares(),
        ones if weights is None else weights,
        0 * ones if scenes is None else scenes,
        tolerance,
    )


@pytest.mark.parametrize("tolerance", [0, 2, 4, 100])
def test_each_scene_has_the_shares_within_the_tolerance(tolerance: float):
    for seed in range(20):
        digests = draw(1680, seed)
        scenes = np.repeat([7, 3, 5, 9], [20, 160, 500, 1000])
        splits = divide(digests, tolerance, scenes=scenes)
        for scene in (3, 5, 7, 9):
            here = splits[scenes == scene]
            for number, share in enumerate((80, 10, 10)):
                off = abs((here == number).sum() - len(here) * share / 100)
                assert off <= max(len(here) * tolerance / 100, 0) + (2 if tolerance else 0), (scene, number)


def test_without_stratification_the_digest_alone_decides():
    digests = draw(20_000, 2)
    splits = divide(digests, 100)
    assert (splits == np.digitize(digests.astype(float) / 2**64, (0.8, 0.9))).all()
    assert (divide(digests[::-1], 100)[::-1] == splits).all()
    few = divide(digests[:70], 100)
    assert (few == splits[:70]).all()  # not one of them moved when others were added


def test_pictures_added_later_move_few_or_none():
    moved = {0: 0, 4: 0}
    for tolerance in moved:
        for seed in range(50):
            digests = draw(1100, seed)
            moved[tolerance] += (divide(digests[:1000], tolerance) != divide(digests, tolerance)[:1000]).sum() / 50
    assert moved[4] < 1 < moved[0] < 15  # of 1000, on average, when 100 are added


def test_other_scenes_and_the_order_have_no_say():
    digests, scenes = draw(400, 3), np.repeat([0, 1], [150, 250])
    splits = divide(digests, 1, scenes=scenes)
    assert (splits[:150] == divide(digests[:150], 1)).all()
    order = np.random.default_rng(0).permutation(400)
    assert (divide(digests[order], 1, scenes=1 - scenes[order]) == splits[order]).all()


def test_small_scenes_are_not_all_for_training():
    counts = np.zeros(3)
    for seed in range(1500):
        counts += np.bincount(divide(draw(4, seed), 4), minlength=3)
    assert counts / counts.sum() * 100 == pytest.approx((80, 10, 10), abs=6)


def test_groups_count_by_their_pictures_and_are_not_split():
    digests = draw(40, 4)
    weights = np.where(np.arange(40) == 11, 30, 1)
    splits = divide(digests, 0, weights=weights)
    counts = np.bincount(splits, weights, 3)
    assert counts.sum() == 69 and counts.min() > 0 and abs(counts[0] - 55) <= 30
    assert set(divide(digests, 0, parse_shares("80/20"))) == {0, 2}
    assert not len(divide(digests[:0], 4))


def test_the_speaker_of_a_group_is_no_smaller_than_chance():
    digests = draw(30_000, 6)
    group = np.arange(30_000) // 3
    who = representatives(group, digests)
    assert (group[who] == np.arange(10_000)).all()
    assert (digests[who].astype(float) / 2**64).mean() == pytest.approx(0.5, abs=0.02)  # the smallest of three: 0.25
    assert len(np.unique(seniority(digests))) == 30_000


def test_shares_and_options_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="add up to 100"):
        parse_shares("80/30")
    with pytest.raises(ValueError, match="at least duplicate_bits"):
        BuildOptions(same_scene_bits=3)
    with pytest.raises(ValueError, match="must not be negative"):
        BuildOptions(share_tolerance=-1)
