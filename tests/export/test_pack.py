"""Matrices as tiles: every element at its place, zeros found, the cheaper way taken."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgernn.backend import Array
from edgernn.export.c import pack
from edgernn.export.c.kernels import BITS, Strip


def strip(type_: str, rows: int, cols: int, **more: object) -> Strip:
    made = Strip("portable", type_, rows, cols, "", cost=float(rows * cols + 8))
    return replace(made, **more)  # type: ignore[arg-type]


def unpacked(table: Array, of: Strip, shape: tuple[int, int]) -> Array:
    """The matrix that a strip reads out of a table of all tiles."""
    per, bits = of.rows * of.cols, BITS[of.type]
    groups = -(-shape[1] // of.cols)
    tiles = table.reshape(-1, per * bits // 8)
    matrix = np.zeros((-(-shape[0] // of.rows) * of.rows, groups * of.cols), np.int64)
    for t, tile in enumerate(tiles):
        for e in range(per):
            byte, plane = e % len(tile), e // len(tile)
            value = int(tile[byte]) >> (plane * bits) & ((1 << bits) - 1)
            value -= (1 << bits) * (value >> (bits - 1))
            row, col = (e % of.rows, e // of.rows) if of.by_column else divmod(e, of.cols)
            matrix[t // groups * of.rows + row, t % groups * of.cols + col] = value
    assert not matrix[shape[0] :].any()
    assert not matrix[:, shape[1] :].any()
    return matrix[: shape[0], : shape[1]]


@pytest.mark.parametrize("type_", ["s8", "s4", "s2"])
@pytest.mark.parametrize("size", [(4, 4), (8, 1), (16, 4)])
@pytest.mark.parametrize("by_column", [False, True])
def test_every_weight_lies_where_the_strip_reads_it(
    type_: str, size: tuple[int, int], by_column: bool
) -> None:
    top = 1 << (BITS[type_] - 1)
    weight = np.random.default_rng(0).integers(-top + 1, top, (10, 7), np.int8)
    of = strip(type_, *size, by_column=by_column)
    np.testing.assert_array_equal(unpacked(pack.dense(weight, of).table, of, (10, 7)), weight)


def test_pairs_of_bytes_become_halfwords_that_hold_both() -> None:
    weight = np.random.default_rng(0).integers(-127, 128, (4, 8), np.int8)
    table = pack.dense(weight, strip("s8", 4, 4, pairs=True)).table.view("<i2").astype(int)
    tiles = pack.tiled(weight, strip("s8", 4, 4)).reshape(-1, 2).astype(int)
    np.testing.assert_array_equal(table, 256 * tiles[:, 1] + tiles[:, 0])


def test_zero_blocks_are_found_and_left_out() -> None:
    rng = np.random.default_rng(0)
    tiles = rng.integers(1, 100, (64 // 4, 64 // 4, 4, 4), np.int8)
    tiles[rng.random((16, 16)) < 0.75] = 0
    weight = tiles.transpose(0, 2, 1, 3).reshape(64, 64)
    fine, coarse = strip("s8", 4, 4), strip("s8", 16, 4)
    layout = pack.laid_out(weight, strip("s8", 32, 4), [coarse, fine])
    assert layout.strip is fine
    assert layout.table.size == np.count_nonzero(tiles.any(axis=(2, 3))) * 16
    assert layout.counts is not None
    assert layout.counts.sum() == layout.table.size // 16
    assert layout.filled == pytest.approx(0.25, abs=0.06)


def test_a_matrix_without_enough_zeros_stays_dense() -> None:
    weight = np.ones((32, 32), np.int8)
    weight[:4] = 0
    assert pack.laid_out(weight, strip("s8", 8, 4), [strip("s8", 4, 4)]).counts is None


def test_lists_are_padded_within_their_chunk_and_empty_chunks_have_no_gains() -> None:
    weight = np.zeros((4, 96), np.int8)
    weight[0, [1, 70]] = 5
    gain = np.arange(1, 13, dtype=np.uint8).reshape(4, 3)
    layout = pack.sparse(weight, strip("s8", 4, 1, pad=4), gain)
    assert layout.counts is not None
    assert layout.index is not None
    assert layout.gain is not None
    assert layout.counts.tolist() == [4, 0, 4]
    assert layout.index.tolist() == [1, 0, 0, 0, 70, 64, 64, 64]
    np.testing.assert_array_equal(layout.gain.reshape(2, 4), gain.T[[0, 2]])


def test_an_offset_of_x_adds_the_sum_of_a_row_with_its_gains() -> None:
    rng = np.random.default_rng(0)
    weight = rng.integers(-7, 8, (5, 70), np.int8)
    gain = rng.integers(1, 60, (5, 3)).astype(np.uint8)
    wide = weight.astype(int) * np.repeat(gain.astype(int), 32, axis=1)[:, :70]
    np.testing.assert_array_equal(pack.row_sums(weight, gain), wide.sum(1))
    np.testing.assert_array_equal(pack.row_sums(weight, None), weight.astype(int).sum(1))
