"""Layers against torch's own and against their definitions."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from edgernn.errors import ShapeError, UnknownName
from edgernn.layers.activation import ACTIVATIONS, GLU, Activation
from edgernn.layers.embedding import Embedding
from edgernn.layers.linear import Linear
from edgernn.layers.norm import BatchNorm, GroupNorm, LayerNorm, RMSNorm
from edgernn.layers.normalize import Normalize
from edgernn.layers.pooling import Pool, RunningMean

TORCH = {
    "relu": F.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "silu": F.silu,
    "hard_sigmoid": F.hardsigmoid,
    "hard_swish": F.hardswish,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_equals_torch(name: str) -> None:
    x = torch.linspace(-6, 6, 121).view(1, -1, 1)
    torch.testing.assert_close(Activation(name)(x), TORCH[name](x))


def test_glu_equals_torch() -> None:
    x = torch.randn(2, 5, 6)
    torch.testing.assert_close(GLU()(x), F.glu(x))
    with pytest.raises(ShapeError, match="x has 5 channels; need an even number"):
        GLU()(x[..., :5])


def test_unknown_activation_gets_the_nearest_name() -> None:
    with pytest.raises(UnknownName, match="unknown activation 'rellu'; did you mean relu"):
        Activation("rellu")


def test_linear_refuses_another_width() -> None:
    with pytest.raises(ShapeError, match=r"Linear: x is \(1, 2, 3\); need \(batch, frames, 4\)"):
        Linear(4, 2)(torch.zeros(1, 2, 3))


def test_batch_norm_trains_and_evaluates_as_torch() -> None:
    ours, theirs = BatchNorm(6), nn.BatchNorm1d(6)
    x = torch.randn(4, 10, 6) * 2 + 3
    for train in (True, True, False):
        ours.train(train)
        theirs.train(train)
        torch.testing.assert_close(ours(x), theirs(x.transpose(1, 2)).transpose(1, 2))
    torch.testing.assert_close(ours.norm.state_dict(), theirs.state_dict())


def test_rms_and_group_norms_are_torchs() -> None:
    x = torch.randn(2, 3, 6) * 5 + 2
    for ours, theirs in ((RMSNorm(6), nn.RMSNorm(6, eps=1e-5)), (GroupNorm(2, 6), None)):
        for parameter in ours.parameters():
            nn.init.normal_(parameter)
        if theirs is None:
            want = ours.norm(x.flatten(0, 1)).reshape(x.shape)
        else:
            theirs.load_state_dict(ours.state_dict())
            want = theirs(x)
        torch.testing.assert_close(ours(x), want)


def test_layer_norm_exported_equals_eager() -> None:
    layer, x = LayerNorm(6).eval(), torch.randn(1, 3, 6) * 5 + 2
    torch.nn.init.normal_(layer.norm.weight)
    torch.testing.assert_close(torch.export.export(layer, (x,)).module()(x), layer.norm(x))


def test_embedding_looks_tokens_up() -> None:
    layer = Embedding(7, 3)
    x = torch.tensor([[0, 6, 2]])
    assert torch.equal(layer(x)[0], layer.embedding.weight[[0, 6, 2]])
    with pytest.raises(ShapeError, match="need \\(batch, frames\\) integer tokens"):
        layer(torch.zeros(1, 3))


@pytest.mark.parametrize(("window", "stride"), [(1, 1), (4, 1), (7, 1), (6, 2), (5, 5)])
def test_pooling_equals_torch_over_zeros_before_the_start(window: int, stride: int) -> None:
    x = torch.randn(2, 20, 3)
    padded = F.pad(x.transpose(1, 2), (window - stride, 0))
    mean = F.avg_pool1d(padded, window, stride).transpose(1, 2)
    peak = F.max_pool1d(padded, window, stride).transpose(1, 2)
    torch.testing.assert_close(Pool("mean", 3, window, stride=stride)(x), mean)
    torch.testing.assert_close(Pool("max", 3, window, stride=stride)(x), peak)


def test_running_mean_forgets_at_its_rate() -> None:
    y = RunningMean(1, 0.25)(torch.ones(1, 5, 1)).flatten()
    torch.testing.assert_close(y, 1 - 0.75 ** torch.arange(1.0, 6.0))


@pytest.mark.parametrize("rate", [0.0, -0.5, 1.5])
def test_running_mean_refuses_an_impossible_rate(rate: float) -> None:
    with pytest.raises(ShapeError, match=f"rate {rate} must be above 0 and at most 1"):
        RunningMean(1, rate)


def test_pooling_refuses_what_it_cannot_do() -> None:
    with pytest.raises(UnknownName, match="unknown pooling 'maxx'; did you mean max"):
        Pool("maxx", 3, 4)
    with pytest.raises(ShapeError, match="stride 5 must be from 1 to the window of 4"):
        Pool("max", 3, 4, stride=5)


def test_normalize_fits_and_is_saved_but_not_trained() -> None:
    x = torch.randn(50, 20, 3) * torch.tensor([1.0, 5.0, 0.1]) + torch.tensor([0.0, -3.0, 9.0])
    layer = Normalize(3)
    layer.fit(x)
    y = layer(x)
    torch.testing.assert_close(y.mean((0, 1)), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(y.std((0, 1)), torch.ones(3), atol=1e-2, rtol=0)
    assert not list(layer.parameters())
    assert set(layer.state_dict()) == {"mean", "scale"}


def test_normalize_survives_a_silent_channel() -> None:
    layer = Normalize(2)
    layer.fit(torch.zeros(10, 2))
    assert layer(torch.zeros(1, 4, 2)).isfinite().all()


def test_normalize_refuses_lists_of_another_length() -> None:
    with pytest.raises(ShapeError, match="scale has 2 values for 3 channels"):
        Normalize(3, [0.0, 0.0, 0.0], [1.0, 1.0])
