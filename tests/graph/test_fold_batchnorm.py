"""BatchNorm disappears at capture, and the numbers stay."""

from __future__ import annotations

import torch

from edgernn.graph.capture import capture
from edgernn.graph.fold_batchnorm import fold_batchnorm
from edgernn.layers.activation import Activation
from edgernn.layers.conv import Conv1d
from edgernn.layers.linear import Linear
from edgernn.layers.norm import BatchNorm
from edgernn.streaming import Sequential


def trained() -> Sequential:
    torch.manual_seed(0)
    net = Sequential(
        first=BatchNorm(6),
        conv=Conv1d(6, 8, 3, bias=False),
        bn=BatchNorm(8),
        relu=Activation("relu"),
        head=Linear(8, 4),
        out=BatchNorm(4),
    ).train()
    for _ in range(5):
        net(torch.randn(4, 30, 6) * 3 + 1)
    return net.eval()


def test_what_follows_a_conv_or_a_linear_is_gone() -> None:
    assert list(fold_batchnorm(trained()).layers) == ["first", "conv", "relu", "head"]


def test_the_module_itself_is_left_alone_and_gives_the_same_numbers() -> None:
    net, x = trained(), torch.randn(2, 20, 6)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    torch.testing.assert_close(fold_batchnorm(net)(x), net(x), atol=1e-5, rtol=1e-5)
    after = net.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_the_captured_step_multiplies_only_for_the_norm_that_comes_first() -> None:
    step = capture(trained(), torch.randn(1, 1, 6), "net")
    assert [n.op_type for n in step.model.graph.node].count("Mul") == 1
