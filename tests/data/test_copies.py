"""Groups of copies and of scenes, against comparing all pairs."""

from __future__ import annotations

import numpy as np
import pytest

from colorization.data import copies
from colorization.data.copies import Likeness, groups_of

STRICT, LOOSE = Likeness(7, 0.97), Likeness(10, 0.9, mirrored=False)


def index(seed: int, count: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Hashes of which every third is 0 to 12 bits from the next, signatures more and less like, some mirrored."""
    rng = np.random.default_rng(seed)
    plain = rng.integers(0, 2**64, count, dtype=np.uint64)
    signatures = rng.integers(60, 200, (count, 16, 16)).astype(float)
    mirrored = rng.integers(0, 2**64, count, dtype=np.uint64)
    for i in range(0, count, 3):
        near = plain[i + 1]
        for bit in rng.choice(64, i // 3 % 13, replace=False):
            near ^= np.uint64(1 << int(bit))
        signatures[i] = signatures[i + 1] + rng.normal(0, 25 * rng.random(), (16, 16))
        if i % 4:
            plain[i] = near
        else:
            mirrored[i], signatures[i] = near, signatures[i][:, ::-1]
    signatures = signatures.clip(0, 255).round().astype(np.uint8).reshape(count, 256)
    return plain, mirrored, signatures, np.arange(count, dtype=np.uint64)


def by_all_pairs(plain: np.ndarray, mirrored: np.ndarray, signatures: np.ndarray, level: Likeness) -> np.ndarray:
    """Smallest index of each connected component."""
    flipped = signatures.reshape(-1, 16, 16)[:, :, ::-1].reshape(-1, 256)
    count = len(plain)
    like = np.eye(count, dtype=bool)
    cross = np.corrcoef(np.concatenate([signatures, flipped]))
    like |= (np.bitwise_count(plain[:, None] ^ plain) <= level.bits) & (cross[:count, :count] >= level.correlation)
    if level.mirrored:
        like |= (np.bitwise_count(mirrored[:, None] ^ plain) <= level.bits) & (
            cross[count:, :count] >= level.correlation
        )
    like |= like.T
    for _ in range(10):
        like = like.astype(np.float32) @ like.astype(np.float32) > 0
    return like.argmax(1)


@pytest.mark.parametrize("seed", range(4))
def test_groups_are_those_that_comparing_all_pairs_finds(seed: int, monkeypatch):
    monkeypatch.setattr(copies, "_CANDIDATES", 50)  # many portions
    monkeypatch.setattr(copies, "_CONFIRMED", 7)
    plain, mirrored, signatures, digests = index(seed)
    (strict,) = groups_of(plain, mirrored, signatures, digests, (STRICT,))
    assert (strict == by_all_pairs(plain, mirrored, signatures, STRICT)).all()
    assert 15 < 300 - len(np.unique(strict)) < 100
    level = Likeness(12, 0.85)
    both = groups_of(plain, mirrored, signatures, digests, (STRICT, level))
    assert (both[0] == strict).all()
    assert (both[1] == by_all_pairs(plain, mirrored, signatures, level)).all() and (both[1] != strict).any()


def test_a_scene_holds_mirrored_copies_but_no_other_mirrored_pictures():
    plain, mirrored, signatures, digests = index(0)
    strict, loose = groups_of(plain, mirrored, signatures, digests, (STRICT, LOOSE))
    assert (loose[strict] == loose).all()  # what is a copy is of one scene
    far = Likeness(LOOSE.bits, LOOSE.correlation)
    assert len(np.unique(by_all_pairs(plain, mirrored, signatures, far))) < len(np.unique(loose))


def test_groups_do_not_depend_on_order():
    plain, mirrored, signatures, digests = index(1)
    order = np.random.default_rng(5).permutation(300)
    one = groups_of(plain, mirrored, signatures, digests, (STRICT, LOOSE))
    two = groups_of(plain[order], mirrored[order], signatures[order], digests[order], (STRICT, LOOSE))
    for here, there in zip(one, two, strict=True):
        here = here[order]
        assert ((here[:, None] == here) == (there[:, None] == there)).all()


def test_many_copies_of_one_picture_are_not_compared_pair_by_pair(monkeypatch):
    compared = []
    real = copies._correlation
    monkeypatch.setattr(copies, "_correlation", lambda one, two: compared.append(len(one)) or real(one, two))
    count = 1500
    plain, signatures = np.full(count, 12345, np.uint64), np.tile(np.arange(256, dtype=np.uint8), (count, 1))
    (same,) = groups_of(plain, plain, signatures, np.zeros(count, np.uint64), (STRICT,))
    assert not same.any() and not compared  # equal contents are not compared at all
    (same,) = groups_of(plain, plain, signatures, np.arange(count, dtype=np.uint64), (STRICT,))
    assert not same.any() and sum(compared) < 10 * count
