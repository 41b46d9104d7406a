"""Causal one-dimensional convolution."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.errors import ShapeError, TimingError
from edgernn.factored import Factors, Weight, product, read_weight
from edgernn.frames import join_frames, need_frames
from edgernn.layout import Layout
from edgernn.state import State
from edgernn.streaming import Example, Streaming
from edgernn.timing import Timing


class Conv1dState(NamedTuple):
    """The input frames that later windows still see."""

    past: Tensor  # (B, span - stride, C_in)


class Conv1d(Streaming):
    """Convolution over time whose output frame sees its block and what came before.

        y[j] = b + sum_k W[:, :, k] x[j * stride + stride - span + k * dilation]
        span = (kernel - 1) * dilation + 1; frames before the first are zeros

    `lookahead` of those frames count as future: the output is the same, but is said to describe
    a frame that many earlier (`Timing.delay`), so `offline` lines it up as a padded torch layer
    would. Weights: an `nn.Conv1d` called `conv`.

    Shapes: x (B, T, C_in) -> y (B, T / stride, C_out); state past (B, span - stride, C_in), or
        no state if stride >= span (frames that no output sees are skipped).
    Raises: ShapeError for sizes that do not divide, TimingError for a look-ahead that is not a
        multiple of the stride or is longer than the span.
    """

    layout = Layout(sizes={"in_channels": "in"}, chain=("conv",))

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        lookahead: int = 0,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if min(kernel_size, stride, dilation, groups) < 1:
            raise ShapeError(
                f"Conv1d: kernel_size {kernel_size}, stride {stride}, dilation {dilation} and "
                f"groups {groups} must each be at least 1"
            )
        if in_channels % groups or out_channels % groups:
            raise ShapeError(
                f"Conv1d: groups {groups} must divide {in_channels} and {out_channels} channels"
            )
        self.span = (kernel_size - 1) * dilation + 1
        if not 0 <= lookahead < self.span or lookahead % stride:
            raise TimingError(
                f"Conv1d: lookahead {lookahead} must be a multiple of stride {stride} below the "
                f"span of {self.span} frames"
            )
        self.in_channels, self.stride, self.dilation = in_channels, stride, dilation
        self.past_frames = max(0, self.span - stride)
        self.timing = Timing(stride, Fraction(1, stride), lookahead // stride)
        self.conv = nn.Conv1d(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            dilation=dilation,
            groups=groups,
            bias=bias,
        )

    @property
    def depthwise(self) -> bool:
        """Whether each channel is convolved alone; no product of matrices, so captured as it is."""
        return 1 < self.conv.groups == self.in_channels == self.conv.out_channels

    def initial_state(self, batch: int) -> State:
        if not self.past_frames:
            return ()
        return Conv1dState(self.new_zeros(batch, self.past_frames, self.in_channels))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.in_channels)
        after = state
        if self.past_frames:
            x = torch.cat([state.past, x], dim=1)
            after = Conv1dState(x[:, x.shape[1] - self.past_frames :])
        elif self.stride > self.span:
            x = x[:, self.stride - self.span :]
        if torch.compiler.is_exporting() and not self.depthwise:
            starts = range(0, x.shape[1] - self.span + 1, self.stride)
            whole = x.shape[1] == self.span
            windows = [x if whole else x[:, s : s + self.span] for s in starts]
            return join_frames([self._window(window) for window in windows]), after
        return self.conv(x.transpose(1, 2)).transpose(1, 2), after

    def _window(self, x: Tensor) -> Tensor:
        """One output frame in plain ops: (B, span, C_in) -> (B, C_out)."""
        weight, bias, groups = read_weight(self.conv, "weight"), self.conv.bias, self.conv.groups
        if self.dilation > 1:
            x = torch.cat([x[:, s : s + 1] for s in range(0, self.span, self.dilation)], dim=1)
        if groups == 1:
            return product(x.reshape(x.shape[0], -1), _by_tap(weight), bias)
        assert isinstance(weight, Tensor), "of groups no weight is a matrix that has factors"
        parts, outs, width = [], weight.shape[0] // groups, weight.shape[1]
        for g in range(groups):
            rows = slice(g * outs, (g + 1) * outs)
            part = x[:, :, g * width : (g + 1) * width].reshape(x.shape[0], -1)
            own = None if bias is None else bias[rows]
            parts.append(product(part, _by_tap(weight[rows]), own))
        return torch.cat(parts, dim=1)


def _by_tap(weight: Weight) -> Weight:
    """(O, I, K) as the matrix (O, K I) of a window whose frames lie one after the other."""
    if isinstance(weight, Factors):
        return Factors(weight.outer, weight.inner.transpose(1, 2).flatten(1))
    return weight.transpose(1, 2).reshape(weight.shape[0], -1)


EXAMPLES = {
    "conv": Example(lambda: Conv1d(8, 6, 3)),
    "pointwise": Example(lambda: Conv1d(8, 6, 1, bias=False)),
    "stride": Example(lambda: Conv1d(8, 6, 5, stride=2)),
    "dilation": Example(lambda: Conv1d(8, 6, 3, dilation=3)),
    "groups": Example(lambda: Conv1d(8, 12, 3, groups=4, stride=2)),
    "depthwise": Example(lambda: Conv1d(8, 8, 4, groups=8, dilation=2)),
    "lookahead": Example(lambda: Conv1d(8, 6, 5, lookahead=2)),
    "stride_lookahead": Example(lambda: Conv1d(8, 6, 5, stride=2, lookahead=2)),
    "stride_over_span": Example(lambda: Conv1d(8, 6, 2, stride=3)),
}
