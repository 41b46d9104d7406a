"""Which weights may be zero together: single ones, blocks of rows x columns, or N of each M inputs.

Blocks lie on a grid that begins at row 0, column 0, as the compiler's tiles do. Where they do not
divide a matrix, the last ones are smaller and are scored by the mean of what they hold.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from edgernn.errors import ModelError

_BLOCK = re.compile(r"([1-9]\d*)x([1-9]\d*)")
_RATIO = re.compile(r"([1-9]\d*):([1-9]\d*)")


@dataclass(frozen=True, slots=True)
class Pattern:
    """rows, cols: of a block that is zero as a whole; keep, of: N:M, at most `keep` of `of` inputs.

    Sources: blocks, Narang et al. 2017, arXiv:1711.02782; N:M, Zhou et al. 2021, arXiv:2102.04010.
    """

    name: str
    rows: int = 1
    cols: int = 1
    keep: int = 0
    of: int = 0

    def scores(self, elements: Tensor) -> Tensor:
        """The mean of each block's element scores: (R, C) -> (ceil(R / rows), ceil(C / cols))."""
        if self.rows == self.cols == 1:
            return elements
        return _pooled(elements, self.rows, self.cols) / _pooled(
            torch.ones_like(elements), self.rows, self.cols
        )

    def spread(self, blocks: Tensor, shape: tuple[int, int]) -> Tensor:
        """Blocks of a mask as single weights: the inverse of `scores` in shape."""
        wide = blocks.repeat_interleave(self.rows, 0).repeat_interleave(self.cols, 1)
        return wide[: shape[0], : shape[1]]

    def kept_of_each(self, elements: Tensor, sparsity: float) -> Tensor:
        """N:M: the mask (R, C) of the largest scores in each M columns in a row.

        On the way of a schedule N is larger: M (1 - sparsity), rounded, never below N.
        """
        rows, cols = elements.shape
        keep = max(self.keep, round(self.of * (1 - sparsity)))
        groups = F.pad(elements, (0, -cols % self.of), value=float("-inf"))
        groups = groups.reshape(rows, -1, self.of)
        order = groups.argsort(dim=2, descending=True, stable=True)
        mask = torch.zeros_like(groups, dtype=torch.bool).scatter_(2, order[:, :, :keep], True)
        return mask.reshape(rows, -1)[:, :cols]


def _pooled(elements: Tensor, rows: int, cols: int) -> Tensor:
    padded = F.pad(elements, (0, -elements.shape[1] % cols, 0, -elements.shape[0] % rows))
    high, wide = padded.shape[0] // rows, padded.shape[1] // cols
    return padded.reshape(high, rows, wide, cols).sum(dim=(1, 3))


def parse_pattern(text: str) -> Pattern:
    """`unstructured`, `16x4` (rows x columns) or `2:4` (kept of each). Raises: ModelError."""
    if text == "unstructured":
        return Pattern(text)
    if block := _BLOCK.fullmatch(text):
        return Pattern(text, int(block[1]), int(block[2]))
    if (ratio := _RATIO.fullmatch(text)) and int(ratio[1]) < int(ratio[2]):
        return Pattern(text, keep=int(ratio[1]), of=int(ratio[2]))
    raise ModelError(
        f"prune: pattern {text!r}; need unstructured, ROWSxCOLUMNS such as 16x4, or N:M such as 2:4"
    )
