"""The causal convolution is torch's, shifted."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from edgernn.errors import ShapeError, TimingError
from edgernn.graph.capture import capture
from edgernn.graph.ir import MOVEMENT
from edgernn.graph.onnx_import import to_graph
from edgernn.graph.passes import simplify
from edgernn.layers.conv import Conv1d
from edgernn.streaming import offline


@pytest.mark.parametrize("kernel", [1, 2, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_equals_torch_padded_at_the_start(
    kernel: int, stride: int, dilation: int, groups: int
) -> None:
    layer = Conv1d(4, 8, kernel, stride=stride, dilation=dilation, groups=groups)
    theirs = nn.Conv1d(4, 8, kernel, stride=stride, dilation=dilation, groups=groups)
    layer.conv.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 12, 4)
    pad = (kernel - 1) * dilation + 1 - stride
    want = theirs(F.pad(x.transpose(1, 2), (pad, 0))).transpose(1, 2)
    torch.testing.assert_close(layer(x), want)


@pytest.mark.parametrize(("kernel", "lookahead"), [(3, 1), (5, 2), (5, 4), (4, 0)])
def test_lookahead_lines_up_with_a_torch_layer_padded_at_both_ends(
    kernel: int, lookahead: int
) -> None:
    layer = Conv1d(4, 6, kernel, lookahead=lookahead)
    x = torch.randn(2, 11, 4)
    want = layer.conv(F.pad(x.transpose(1, 2), (kernel - 1 - lookahead, lookahead)))
    torch.testing.assert_close(offline(layer, x), want.transpose(1, 2))
    assert layer.timing.delay == lookahead


def test_strided_lookahead_is_a_delay_in_output_frames() -> None:
    layer = Conv1d(4, 6, 5, stride=2, lookahead=4)
    assert (layer.timing.block, layer.timing.ratio, layer.timing.delay) == (2, 0.5, 2)
    x = torch.randn(1, 10, 4)
    padded = F.pad(x.transpose(1, 2), (3, 4))  # span - stride zeros before, lookahead after
    want = layer.conv(padded)[:, :, 2:].transpose(1, 2)
    assert want.shape == (1, 5, 6)
    torch.testing.assert_close(offline(layer, x), want)


def test_state_is_the_span_less_the_stride() -> None:
    state = Conv1d(4, 6, 3, dilation=2, stride=2).initial_state(2)
    assert tuple(state.past.shape) == (2, 3, 4)
    assert Conv1d(4, 6, 2, stride=2).initial_state(2) == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"groups": 3}, "groups 3 must divide 4 and 6 channels"),
        ({"stride": 0}, "stride 0"),
        ({"dilation": -1}, "dilation -1"),
    ],
)
def test_sizes_that_cannot_be_are_refused(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        Conv1d(4, 6, 3, **arguments)


@pytest.mark.parametrize("arguments", [{"lookahead": 3}, {"lookahead": 1, "stride": 2}])
def test_lookahead_must_fit_the_span_and_the_stride(arguments: dict[str, int]) -> None:
    with pytest.raises(TimingError, match=r"must be a multiple of stride \d below the span of 3"):
        Conv1d(4, 6, 3, **arguments)


def test_part_of_a_block_is_refused() -> None:
    with pytest.raises(TimingError, match="Conv1d: 5 frames; need a whole number of blocks of 2"):
        Conv1d(4, 6, 3, stride=2)(torch.zeros(1, 5, 4))


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (1, 2), (2, 1)])
def test_a_depthwise_convolution_is_captured_as_one(
    frames: int, stride: int, dilation: int
) -> None:
    layer = Conv1d(8, 8, 4, groups=8, stride=stride, dilation=dilation).eval()
    example = torch.zeros(1, frames * stride, 8)
    graph = simplify(to_graph(capture(layer, example, "depthwise")))[0]
    (product,) = (node for node in graph.nodes if node.op not in MOVEMENT)
    assert product.op == "conv1d"
    assert product.attrs == {"groups": 8, "stride": stride, "dilation": dilation}
    assert graph.macs() == frames * 4 * 8


def test_a_filter_of_one_channel_is_a_product_of_matrices() -> None:
    step = capture(Conv1d(1, 1, 4).eval(), torch.zeros(1, 1, 1), "filter")
    graph = simplify(to_graph(step))[0]
    assert [node.op for node in graph.nodes if node.op not in MOVEMENT] == ["linear"]
