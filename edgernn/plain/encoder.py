"""torch's transformer encoder in layers that can be looked into.

nn.TransformerEncoderLayer chooses among fused forms by what it is given, which no tracing follows.
In its place stands the same made of its own layers, under their names.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from edgernn.errors import UnsupportedOp


class EncoderLayer(nn.Module):
    """What nn.TransformerEncoderLayer computes in eval mode, of the same layers."""

    def __init__(self, layer: nn.TransformerEncoderLayer) -> None:
        super().__init__()
        self.self_attn = layer.self_attn
        self.linear1, self.linear2 = layer.linear1, layer.linear2
        self.norm1, self.norm2 = layer.norm1, layer.norm2
        self.norm_first, self.activation = layer.norm_first, layer.activation

    def forward(
        self,
        src: Tensor,
        src_mask: Any = None,
        src_key_padding_mask: Any = None,
        is_causal: bool = False,
    ) -> Tensor:
        _no_padding(src_key_padding_mask)
        if self.norm_first:
            src = src + self._attended(self.norm1(src), src_mask)
            return src + self._widened(self.norm2(src))
        src = self.norm1(src + self._attended(src, src_mask))
        normed: Tensor = self.norm2(src + self._widened(src))
        return normed

    def _attended(self, x: Tensor, mask: Any) -> Tensor:
        y: Tensor = self.self_attn(x, x, x, attn_mask=mask, need_weights=False)[0]
        return y

    def _widened(self, x: Tensor) -> Tensor:
        y: Tensor = self.linear2(self.activation(self.linear1(x)))
        return y


class Encoder(nn.Module):
    """What nn.TransformerEncoder computes, likewise."""

    def __init__(self, encoder: nn.TransformerEncoder) -> None:
        super().__init__()
        self.layers, self.norm = encoder.layers, encoder.norm

    def forward(
        self,
        src: Tensor,
        mask: Any = None,
        src_key_padding_mask: Any = None,
        is_causal: Any = None,
    ) -> Tensor:
        _no_padding(src_key_padding_mask)
        for layer in self.layers:
            src = layer(src, src_mask=mask)
        return src if self.norm is None else self.norm(src)


def _no_padding(mask: Any) -> None:
    if mask is not None:
        raise UnsupportedOp("src_key_padding_mask: a stream has no padding; leave it out")


def expanded(network: nn.Module) -> nn.Module:
    """The network with these in the place of torch's."""
    for name, child in list(network.named_children()):
        setattr(network, name, expanded(child))
    if isinstance(network, nn.TransformerEncoderLayer):
        return EncoderLayer(network).train(network.training)
    if isinstance(network, nn.TransformerEncoder):
        return Encoder(network).train(network.training)
    return network
