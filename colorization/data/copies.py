"""Which pictures are copies of one another, and which show the same scene."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

SIGNATURE = 16  # px a side, of the grey copy that confirms what the hash suspects
_CANDIDATES, _CONFIRMED = 1 << 19, 4096  # pairs held at once: of hashes, of signatures


@dataclass(frozen=True)
class Likeness:
    """When two pictures are called alike.

    Attributes:
        bits: largest number of bits in which their perceptual hashes differ, 0 to 64; negative for never.
        correlation: smallest correlation of their grey copies of 16 × 16 pixels, -1 to 1.
        mirrored: whether a picture is like another one's mirror image.
    """

    bits: int
    correlation: float
    mirrored: bool = True


def groups_of(
    plain: np.ndarray,
    mirrored: np.ndarray,
    signatures: np.ndarray,
    digests: np.ndarray,
    levels: tuple[Likeness, ...],
) -> list[np.ndarray]:
    """Connected components of "is like", for several levels of likeness in one search.

    Pictures whose hashes are within the loosest level's bits are candidates: all pairs are looked at, which for 200,000
    pictures takes a minute or two of the hours that their decoding takes. A pair that is connected already is not
    compared again, and no pair is kept: neither memory nor the costly comparisons grow with the pairs of many copies.

    Args:
        plain, mirrored: hashes of the pictures and of their mirror images, uint64 [N].
        signatures: uint8 [N, 256]; may be a memory-mapped file.
        digests: of the contents, uint64 [N]; equal ones are copies, and only one of them is compared with others.
        levels: from strict to loose; what is alike at one level is alike at all that follow.

    Returns:
        For each level the group of each picture, int64 [N]: the smallest index in it. Which pictures are together
        depends on them alone, not on their order.
    """
    _, once, same = np.unique(digests, return_index=True, return_inverse=True)
    firsts = [np.arange(len(once)) for _ in levels]
    bits = max(level.bits for level in levels), max((level.bits for level in levels if level.mirrored), default=-1)
    for i, j, distance, flipped in _candidates(plain[once], mirrored[once], *bits):
        for begin in range(0, len(i), _CONFIRMED):
            part = slice(begin, begin + _CONFIRMED)
            _connect(firsts, levels, i[part], j[part], distance[part], flipped, signatures, once)
    return [_smallest(_root(first, np.arange(len(once)))[same]) for first in firsts]


def _smallest(labels: np.ndarray) -> np.ndarray:
    """Labels replaced by the smallest index that has the same label."""
    _, where, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return where[inverse]


def _connect(firsts, levels, i, j, distance, flipped, signatures, once) -> None:
    """Join what is alike at each level; ``firsts`` are forests in which no picture points to one after it."""
    asked = [distance <= (level.bits if level.mirrored or not flipped else -1) for level in levels]
    undecided = np.zeros(len(i), bool)
    for number, first in enumerate(firsts):
        undecided |= np.any(asked[: number + 1], axis=0) & (_root(first, i) != _root(first, j))
    asked = [near[undecided] for near in asked]
    i, j = i[undecided], j[undecided]
    if not len(i):
        return
    one, two = (signatures[once[x]].astype(np.float32).reshape(-1, SIGNATURE, SIGNATURE) for x in (i, j))
    likeness = _correlation(one[:, :, ::-1] if flipped else one, two)
    alike = np.zeros(len(i), bool)
    for first, level, near in zip(firsts, levels, asked, strict=True):
        alike |= near & (likeness >= level.correlation)
        a, b = i[alike], j[alike]
        while len(a):
            a, b = _root(first, a), _root(first, b)
            apart = a != b
            a, b = np.minimum(a[apart], b[apart]), np.maximum(a[apart], b[apart])
            np.minimum.at(first, b, a)


def _root(first: np.ndarray, index: np.ndarray) -> np.ndarray:
    while True:
        above = first[index]
        if (above == index).all():
            return index
        index = above


def _candidates(plain: np.ndarray, mirrored: np.ndarray, plain_bits: int, mirrored_bits: int) -> Iterator[tuple]:
    """Pairs (i, j) whose hashes differ in at most so many bits, with the distance, and whether i is mirrored."""
    count = len(plain)
    rows = max(1, _CANDIDATES // max(1, count))
    for queries, flipped, bits in ((plain, False, plain_bits), (mirrored, True, mirrored_bits)):
        for begin in range(0, count if bits >= 0 else 0, rows):
            first = 0 if flipped else begin  # without a mirror a pair need not be met from both of its ends
            distance = np.bitwise_count(queries[begin : begin + rows, None] ^ plain[first:]).ravel()
            near = np.flatnonzero(distance <= bits)
            i, j = near // (count - first) + begin, near % (count - first) + first
            pair = i != j if flipped else i < j
            yield i[pair], j[pair], distance[near[pair]], flipped


def _correlation(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    one, two = (x.reshape(len(x), -1) - x.mean((1, 2))[:, None] for x in (one, two))
    return (one * two).sum(1) / np.sqrt((one**2).sum(1) * (two**2).sum(1)).clip(1e-6)
