"""Matrices as the tiles that a strip reads, and the choice between storing all tiles or some.

Zero blocks are found in the weights, never declared: for every tile size that the instruction set
offers we count the tiles that hold anything, and take the cheapest way by the strips' own costs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgernn.backend import Array
from edgernn.export.c.kernels import BITS, CHUNK, Strip

STRIP_COST = 16.0  # of starting a strip of a sparse product, in multiplications
WORTH = 0.9  # a sparse product must cost less than this share of the dense one


def tiled(weight: Array, strip: Strip) -> Array:
    """A (rows, cols) matrix as (strips, groups, rows of a tile, columns of a tile), zero-padded."""
    rows, cols = strip.rows, strip.cols
    padded = np.pad(weight, ((0, -weight.shape[0] % rows), (0, -weight.shape[1] % cols)))
    r, c = padded.shape
    return padded.reshape(r // rows, rows, c // cols, cols).transpose(0, 2, 1, 3)


def encoded(tiles: Array, strip: Strip) -> Array:
    """Tiles (..., rows, cols) as the elements or bytes that a strip reads, flat.

    4-bit and 2-bit weights share bytes by planes: byte i of a tile holds elements i, i + n, ...
    """
    if strip.by_column:
        tiles = np.swapaxes(tiles, -1, -2)
    if strip.interleave > 1:
        several = tiles.reshape(-1, strip.interleave, *tiles.shape[-2:])
        tiles = np.ascontiguousarray(several.swapaxes(1, 2))
    flat = np.ascontiguousarray(tiles).reshape(-1, strip.rows * strip.cols)
    bits = BITS[strip.type]
    if strip.pairs:
        return _pairs(flat)
    if strip.raised:
        flat = (flat.astype(np.int16) + (1 << (bits - 1))).astype(np.uint8).view(np.int8)
    if bits >= 8:
        return np.asarray(flat.reshape(-1))
    planes: Array = (flat.astype(np.uint8) & ((1 << bits) - 1)).reshape(
        len(flat), 8 // bits, flat.shape[1] * bits // 8
    )
    shifts = np.arange(8 // bits, dtype=np.uint8)[:, None] * bits
    joined = np.bitwise_or.reduce(planes << shifts, axis=1).astype(np.uint8)
    return np.asarray(joined.view(np.int8).reshape(-1))


def _pairs(flat: Array) -> Array:
    """Bytes (a, b) as the halfword 256 b + a, a signed: the borrow goes into the upper byte."""
    two = flat.reshape(-1, 2).astype(np.int16)
    return (two[:, 1] * 256 + two[:, 0]).astype("<i2").view(np.int8)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a matrix is stored. `counts` and `index` are None for a dense one.

    table: packed weights. counts: tiles of each strip (of each chunk of it, with gains).
    gain: as the driver reads it. filled: share of the tiles that is stored.
    """

    strip: Strip
    table: Array
    counts: Array | None = None
    index: Array | None = None
    gain: Array | None = None
    filled: float = 1.0


def dense(weight: Array, strip: Strip, gain: Array | None = None) -> Layout:
    """All tiles, strip by strip."""
    table = encoded(tiled(weight, strip), strip)
    return Layout(strip, table, gain=None if gain is None else strip_gains(gain, strip).reshape(-1))


def strip_gains(gain: Array, strip: Strip) -> Array:
    """Gains (rows, chunks) as (strips, chunks, rows of a strip)."""
    padded = np.pad(gain, ((0, -gain.shape[0] % strip.rows), (0, 0)), constant_values=1)
    return padded.reshape(-1, strip.rows, gain.shape[1]).transpose(0, 2, 1)


def _occupied(tiles: Array) -> Array:
    """Whether each tile (strips, groups) holds anything."""
    return np.asarray(tiles.reshape(*tiles.shape[:2], -1).any(axis=2))


def _chunks(strip: Strip, groups: int, gain: Array | None) -> list[slice]:
    """Slices of column groups that are listed together."""
    step = groups if gain is None else strip.chunk_groups
    return [slice(g, min(g + step, groups)) for g in range(0, groups, step)]


def sparse_cost(weight: Array, strip: Strip, gain: Array | None = None) -> float:
    """What a sparse product over this tile size costs, in multiplications of a dense one."""
    full = _occupied(tiled(weight != 0, strip))
    counts = np.stack([full[:, at].sum(1) for at in _chunks(strip, full.shape[1], gain)], axis=1)
    counts = -(-counts // strip.pad) * strip.pad
    return float(counts.sum() * strip.cost + len(full) * STRIP_COST)


def sparse(weight: Array, strip: Strip, gain: Array | None = None) -> Layout:
    """Only the tiles that hold anything, with their groups of columns."""
    tiles = tiled(weight, strip)
    full = _occupied(tiles)
    gains = None if gain is None else strip_gains(gain, strip)
    counts, index, kept, used = [], [], [], []
    for s, row in enumerate(full):
        for k, at in enumerate(_chunks(strip, full.shape[1], gain)):
            groups = np.flatnonzero(row[at]) + at.start
            pad = -len(groups) % strip.pad
            counts.append(len(groups) + pad)
            index += [*groups, *[at.start] * pad]
            kept += [tiles[s, groups], np.zeros((pad, *tiles.shape[2:]), tiles.dtype)]
            if gains is not None and len(groups):
                used.append(gains[s, k])
    table = encoded(np.concatenate(kept), strip)
    made = np.concatenate(used) if used else (None if gains is None else np.zeros(1, np.uint8))
    lists = (np.array(counts, np.uint16), np.array(index, np.uint16))
    return Layout(strip, table, *lists, made, len(index) / max(full.size, 1))


def laid_out(weight: Array, plain: Strip, offers: list[Strip], gain: Array | None = None) -> Layout:
    """The cheapest layout of a matrix: dense, or sparse over one of the offered tiles."""
    if weight.shape[1] < 1 << 16:
        costs = [sparse_cost(weight, strip, gain) for strip in offers]
        best = int(np.argmin(costs)) if costs else -1
        if costs and costs[best] < WORTH * tiled(weight, plain).size:
            return sparse(weight, offers[best], gain)
    return dense(weight, plain, gain)


def row_sums(weight: Array, gain: Array | None) -> Array:
    """Sum of each row, each chunk times its gain: what an offset of x adds to a product."""
    wide = weight.astype(np.int64)
    if gain is None:
        return np.asarray(wide.sum(axis=1))
    padded = np.pad(wide, ((0, 0), (0, -wide.shape[1] % CHUNK)))
    parts = padded.reshape(len(wide), -1, CHUNK).sum(axis=2)
    return np.asarray((parts * gain).sum(axis=1))
