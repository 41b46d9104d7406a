"""Plain torch modules as steps: the same numbers, the law, and refusals that say what to do."""

from __future__ import annotations

import copy
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgernn import streamify
from edgernn.errors import DataError, EdgernnError, ModelError, UnsupportedOp
from edgernn.layers.linear import Linear
from edgernn.plain.network import Streamified
from edgernn.state import named_leaves
from edgernn.streaming import Streaming, offline
from edgernn.testing import check_backend
from edgernn.timing import Timing

from .networks import NAMES, network

pytestmark = pytest.mark.usefixtures("whole_road")

TIMINGS: dict[str, tuple[Timing, int | None]] = {
    "tagger": (Timing(), None),
    "conv_lstm": (Timing(2, Fraction(1, 2), 1), None),
    "tcn": (Timing(), 1 + 2 * 2 * (1 + 2 + 4)),
    "transformer": (Timing(), 1 + 2 * 8),
    "attention_pooling": (Timing(), None),
    "raw_audio": (Timing(64, Fraction(1, 64), 1), None),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_newcomer_s_network_streams_with_its_own_numbers(name: str) -> None:
    module, x = network(name)
    net = streamify(module, x)
    assert (net.timing, net.receptive_field) == TIMINGS[name]
    module.eval()
    given = x.unsqueeze(-1) if name == "raw_audio" else x
    with torch.no_grad():
        told, whole = net.eval()(given), module(x)
    if whole.dim() == 3:
        torch.testing.assert_close(told, whole, atol=1e-4, rtol=1e-4)
    else:  # what it came to: of all frames, and of the half of them
        torch.testing.assert_close(told[:, -1], whole, atol=1e-4, rtol=1e-4)
        half = x.shape[1] // 2 // net.timing.block * net.timing.block
        at = int(half * net.timing.ratio) - 1
        torch.testing.assert_close(told[:, at], module(x[:, :half]), atol=1e-4, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.cc
@pytest.mark.parametrize("number_type", ["fp32", "w8a8"])
@pytest.mark.parametrize("name", NAMES)
def test_it_compiles(name: str, number_type: str) -> None:
    module, x = network(name)
    net = streamify(module.eval(), x)
    check_backend(net, x.unsqueeze(-1) if name == "raw_audio" else x, number_type=number_type)


def test_weights_and_mode_are_the_module_s_and_it_is_left_alone() -> None:
    module, x = network("conv_lstm")
    before = copy.deepcopy(module.state_dict())
    net = streamify(module, x)
    assert net.training
    assert all(torch.equal(before[name], now) for name, now in module.state_dict().items())
    weights = {tuple(t.shape): t for t in net.parameters()}
    for tensor in module.parameters():
        assert tuple(tensor.shape) in weights
    assert isinstance(module.get_submodule("lstm"), nn.LSTM)
    leaves = ["conv_delay.past", "conv.past", "lstm.waited", "lstm.inner.h", "lstm.inner.c"]
    assert list(named_leaves(net.initial_state(1))) == leaves


class Of(nn.Module):
    """A forward by a function, with layers by name."""

    def __init__(self, function: Callable[..., Any], **layers: nn.Module) -> None:
        super().__init__()
        self.function = function
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x: Tensor) -> Any:
        return self.function(self, x)


def made(function: Callable[..., Any], x: Tensor | None = None, **more: Any) -> Streamified:
    """Streamified; keywords that are modules are layers, others are streamify's."""
    torch.manual_seed(0)
    layers = {name: one for name, one in more.items() if isinstance(one, nn.Module)}
    options = {name: one for name, one in more.items() if name not in layers}
    x = torch.randn(1, 48, 6) if x is None else x
    return streamify(Of(function, **layers).eval(), x, **options)


def test_what_looks_ahead_comes_late_and_the_skip_path_with_it() -> None:
    def forward(m: Any, x: Tensor) -> Tensor:
        y = m.conv(x.transpose(1, 2)).transpose(1, 2)
        return m.gru(torch.cat([x + y, y], dim=2))[0]

    conv, gru = nn.Conv1d(6, 6, 5, padding=2), nn.GRU(12, 7, batch_first=True)
    with pytest.raises(
        UnsupportedOp,
        match=r"conv \(Conv1d\) is padded on both sides, .* "
        "sees 2 frames of the input ahead; .*: delay=2",
    ):
        made(forward, conv=conv, gru=gru)
    net = made(forward, conv=conv, gru=gru, delay=2)
    assert net.timing == Timing(delay=2)
    assert net.lookahead == 2
    x = torch.randn(1, 30, 6)
    with torch.no_grad():
        want = Of(forward, conv=conv, gru=gru)(x)
        torch.testing.assert_close(offline(net, x)[:, :28], want[:, :28], atol=1e-5, rtol=1e-5)


def test_layouts_are_as_the_module_has_them() -> None:
    net = made(lambda m, x: m.gru(x)[0], torch.randn(48, 1, 6), gru=nn.GRU(6, 4, 2), frames=0)
    assert net(torch.randn(2, 9, 6)).shape == (2, 9, 4)
    conv = nn.Conv1d(6, 4, 3)
    net = made(lambda m, x: m.conv(F.pad(x, (2, 0))), torch.randn(1, 6, 48), conv=conv, frames=2)
    assert net.timing == Timing()
    x = torch.randn(2, 9, 6)
    with torch.no_grad():
        want = conv(F.pad(x.transpose(1, 2), (2, 0))).transpose(1, 2)
        torch.testing.assert_close(net(x), want)


@pytest.mark.parametrize(
    "pooled",
    [
        lambda m, y: (torch.softmax(m.score(y), 1) * y).sum(1),
        lambda m, y: torch.bmm(torch.softmax(m.score(y), 1).transpose(1, 2), y).squeeze(1),
        lambda m, y: (y * torch.softmax(m.score(y).squeeze(2), 1).unsqueeze(2)).sum(dim=1),
        lambda m, y: (F.softmax(m.scores(y), dim=1) * y).sum(1),
        lambda m, y: y.amax(dim=1),
        lambda m, y: y.max(1)[0],
        lambda m, y: F.adaptive_max_pool1d(y.transpose(1, 2), 1).squeeze(2),
        lambda m, y: y[:, -1, :],
        lambda m, y: y.select(1, -1),
    ],
)
def test_what_a_recording_comes_to_is_told_at_every_frame(pooled: Callable[..., Tensor]) -> None:
    def forward(m: Any, x: Tensor) -> Tensor:
        told: Tensor = m.head(F.relu(pooled(m, m.gru(x)[0])))
        return told

    layers = {
        "gru": nn.GRU(6, 8, batch_first=True),
        "score": nn.Linear(8, 1),
        "scores": nn.Linear(8, 8),
        "head": nn.Linear(8, 3),
    }
    net, x = made(forward, **layers), torch.randn(2, 12, 6)
    with torch.no_grad():
        told = net(x)
        for t in (1, 7, 12):
            want = Of(forward, **layers)(x[:, :t])
            torch.testing.assert_close(told[:, t - 1], want, atol=1e-5, rtol=1e-4)


def test_a_mean_over_time_is_what_is_chosen() -> None:
    def forward(m: Any, x: Tensor) -> Tensor:
        return m.head(x.mean(dim=1))  # type: ignore[no-any-return]

    head = nn.Linear(6, 2)
    with pytest.raises(UnsupportedOp, match=r'is a mean over all frames, .* mean="so far"'):
        made(forward, head=head)
    x = torch.randn(1, 20, 6)
    with torch.no_grad():
        told = made(forward, head=head, mean="so far")(x)
        torch.testing.assert_close(told[:, 9], head(x[:, :10].mean(1)), atol=1e-5, rtol=1e-4)
        faded = made(forward, head=head, mean=0.5)(x)
    torch.testing.assert_close(faded[:, 0], head(0.5 * x[:, 0]))
    with pytest.raises(DataError, match="mean 'all'; need"):
        made(forward, head=head, mean="all")


def test_a_bidirectional_layer_reads_by_chunks_if_it_may() -> None:
    rnn = nn.LSTM(6, 5, num_layers=2, bidirectional=True, batch_first=True)

    def forward(m: Any, x: Tensor) -> Tensor:
        return m.rnn(x)[0]  # type: ignore[no-any-return]

    with pytest.raises(UnsupportedOp, match=r"rnn \(LSTM\) is bidirectional: .*chunk=\(16, 8\)"):
        made(forward, rnn=rnn)
    x = torch.randn(1, 96, 6)
    far = []
    for ahead in (0, 8, 24):
        net = made(forward, x, rnn=rnn, chunk=(8, ahead))
        assert net.timing == Timing(8, delay=2 * ahead)
        with torch.no_grad():
            far.append(float((offline(net, x) - rnn(x)[0])[:, :48].abs().mean()))
    assert far[0] > far[1] > far[2]
    assert far[2] < 0.1 * far[0]


@pytest.mark.parametrize("ahead", [0, 3])
@pytest.mark.parametrize("first", [True, False])
def test_attention_within_a_window(ahead: int, first: bool) -> None:
    def forward(m: Any, x: Tensor) -> Tensor:
        at = torch.arange(x.shape[1])
        distance = at[None] - at[:, None]
        mask = (distance > ahead) | (distance < -5)
        x = x if first else x.transpose(0, 1)
        y = m.attend(x, x, x, attn_mask=mask)[0] + x
        return m.norm(y) if first else m.norm(y).transpose(0, 1)  # type: ignore[no-any-return]

    layers = {"attend": nn.MultiheadAttention(6, 2, batch_first=first), "norm": nn.LayerNorm(6)}
    net = made(forward, **layers, delay=ahead)
    assert (net.lookahead, net.receptive_field) == (ahead, 6 + ahead)
    x = torch.randn(1, 30, 6)
    with torch.no_grad():
        want = Of(forward, **layers)(x)
        frames = 30 - ahead
        got = offline(net, x)
    torch.testing.assert_close(got[:, :frames], want[:, :frames], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("heads", [1, 2])
def test_attention_by_hand(heads: int) -> None:
    def forward(m: Any, x: Tensor) -> Tensor:
        rows, frames, width = x.shape
        q, k, v = m.qkv(x).chunk(3, dim=-1)
        if heads > 1:
            q, k, v = (
                one.view(rows, frames, heads, width // heads).transpose(1, 2) for one in (q, k, v)
            )
        mask = torch.ones(frames, frames, dtype=torch.bool).tril().triu(-4)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        if heads > 1:
            y = y.transpose(1, 2).reshape(rows, frames, width)
        return x + m.out(y)  # type: ignore[no-any-return]

    layers = {"qkv": nn.Linear(6, 18), "out": nn.Linear(6, 6)}
    net = made(forward, **layers)
    assert net.receptive_field == 5
    x = torch.randn(2, 20, 6)
    with torch.no_grad():
        torch.testing.assert_close(net(x), Of(forward, **layers)(x), atol=1e-5, rtol=1e-4)


def test_padding_by_hand_on_both_sides_looks_ahead_too() -> None:
    def forward(m: Any, x: Tensor) -> Tensor:
        return m.conv(F.pad(x.transpose(1, 2), (2, 2)))  # type: ignore[no-any-return]

    conv = nn.Conv1d(6, 4, 5)
    with pytest.raises(UnsupportedOp, match="padded on both sides, so that it sees 2 frames"):
        made(forward, conv=conv)
    assert made(forward, conv=conv, delay=2).timing == Timing(delay=2)


WINDOWS: dict[str, tuple[Callable[..., Tensor], nn.Module]] = {
    "mean": (lambda m, x: m.layer(x), nn.AvgPool1d(2)),
    "mean_function": (lambda m, x: F.avg_pool1d(x, 3, stride=2), nn.Identity()),
    "max_function": (lambda m, x: F.max_pool1d(x, 4, 2), nn.Identity()),
    "function": (lambda m, x: F.conv1d(x, m.layer.weight, m.layer.bias), nn.Conv1d(6, 4, 3)),
    "stride": (lambda m, x: m.layer(x), nn.Conv1d(6, 4, 5, stride=3)),
    "dilation": (lambda m, x: m.layer(x), nn.Conv1d(6, 4, 3, dilation=2)),
    "groups": (lambda m, x: m.layer(x), nn.Conv1d(6, 12, 3, groups=3)),
    "depthwise": (lambda m, x: m.layer(F.pad(x, (4, 0))), nn.Conv1d(6, 6, 5, groups=6)),
    "norm": (lambda m, x: m.layer(F.pad(x, (1, 0))), nn.BatchNorm1d(6)),
    "stack": (
        lambda m, x: m.layer(x),
        nn.Sequential(nn.Conv1d(6, 8, 4, stride=2), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(8, 4, 2)),
    ),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_windows_of_every_kind(name: str) -> None:
    function, layer = WINDOWS[name]

    def forward(m: Any, x: Tensor) -> Tensor:
        return function(m, x.transpose(1, 2)).transpose(1, 2)

    net, x = made(forward, layer=layer), torch.randn(2, 24, 6)
    with torch.no_grad():
        told, want = net(x)[:, net.timing.delay :], Of(forward, layer=layer.eval())(x)
    assert told.shape[1] <= want.shape[1], "what a stream tells was told by the module too"
    torch.testing.assert_close(told, want[:, : told.shape[1]], atol=1e-5, rtol=1e-4)


def test_layers_that_work_in_place_do_no_harm() -> None:
    layers = {"up": nn.Linear(6, 8), "relu": nn.ReLU(inplace=True), "down": nn.Linear(8, 3)}
    net = made(lambda m, x: m.down(m.relu(m.up(x))), **layers)
    x = torch.randn(1, 9, 6)
    kept = x.clone()
    with torch.no_grad():
        want = layers["down"](F.relu(layers["up"](x)))
        torch.testing.assert_close(net(x), want)
    assert torch.equal(x, kept)


def test_a_layer_that_is_used_twice_has_a_state_for_each_use() -> None:
    def forward(m: Any, x: Tensor) -> Tensor:
        x = m.gru(m.gru(x)[0])[0]
        x = m.pad(x.transpose(1, 2))
        return m.conv(m.pad(m.conv(x)))  # type: ignore[no-any-return]

    layers = {"gru": nn.GRU(6, 6, 2, batch_first=True), "conv": nn.Conv1d(6, 6, 3)}
    net = made(forward, **layers, pad=nn.ConstantPad1d((2, 0), 0.0))
    assert net.timing == Timing()
    x = torch.randn(2, 20, 6)
    with torch.no_grad():
        want = Of(forward, **layers, pad=nn.ConstantPad1d((2, 0), 0.0))(x)
        torch.testing.assert_close(net(x), want.transpose(1, 2), atol=1e-5, rtol=1e-4)


def test_zeros_in_front_are_heard() -> None:
    def forward(m: Any, x: Tensor) -> Tensor:
        return m.gru(F.pad(x, (0, 0, 3, 0)))[0]  # type: ignore[no-any-return]

    gru = nn.GRU(6, 4, batch_first=True)
    net, x = made(forward, gru=gru), torch.randn(1, 20, 6)
    with torch.no_grad():
        want = Of(forward, gru=gru)(x)
        told = net(x)
    torch.testing.assert_close(told, want[:, :20], atol=1e-5, rtol=1e-4)


def test_layers_that_stream_already_stay() -> None:
    class Own(Streaming):
        """A user's."""

        def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
            return 2 * x, state

    net = made(lambda m, x: m.own(x) + 1, own=Own())
    assert torch.equal(net(torch.ones(1, 3, 6)), torch.full((1, 3, 6), 3.0))
    assert isinstance(made(lambda m, x: m.linear(x), linear=Linear(6, 2)), Streaming)


REFUSED: dict[str, tuple[Callable[..., Any], dict[str, nn.Module], str]] = {
    "flip": (lambda m, x: x.flip(1), {}, "flip .* turns a stream around"),
    "positions": (
        lambda m, x: x + torch.arange(x.shape[1])[None, :, None],
        {},
        "add .* depends on the place of a frame .*attention by distance",
    ),
    "sum": (
        lambda m, x: x.sum(1),
        {},
        r"sum_1 \(sum\) sums over all frames, which grows without end; take their mean",
    ),
    "whole_mean": (lambda m, x: x.mean() + x, {}, "mean .* sums up a whole recording"),
    "normed": (lambda m, x: x / x.norm(dim=1, keepdim=True), {}, "norm .* sums up a whole"),
    "scores": (lambda m, x: x @ x.transpose(1, 2), {}, "compares each frame with every other"),
    "future": (
        lambda m, x: m.attend(x, x, x)[0],
        {"attend": nn.MultiheadAttention(6, 2, batch_first=True)},
        r"attend \(MultiheadAttention\) attends to the future .*limit it by attn_mask",
    ),
    "past": (
        lambda m, x: m.attend(
            x, x, x, attn_mask=~torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()
        )[0],
        {"attend": nn.MultiheadAttention(6, 2, batch_first=True)},
        "attends to all of the past, 48 frames of the example; a step remembers",
    ),
    "causal": (
        lambda m, x: F.scaled_dot_product_attention(x, x, x, is_causal=True),
        {},
        r"attends to all of the past \(is_causal\); a step remembers",
    ),
    "cell": (
        lambda m, x: m.lstm(x)[1][1][-1],
        {"lstm": nn.LSTM(6, 4, batch_first=True)},
        r"lstm \(LSTM\) has no c of each frame; take the last frame",
    ),
    "rows": (
        lambda m, x: m.gru(x)[0],
        {"gru": nn.GRU(6, 4)},
        r"gru \(GRU\) has batch_first=False, so it reads time on axis 0, but the frames are on "
        r"axis 1 there: say batch_first=True, or .* frames=0\)",
    ),
    "given": (
        lambda m, x: m.gru(x, torch.ones(1, x.shape[0], 4))[0],
        {"gru": nn.GRU(6, 4, batch_first=True)},
        "begins with a state that is given",
    ),
    "first": (lambda m, x: x[:, 0], {}, r"picks frame 0; a step has the newest alone, \[-1\]"),
    "end": (lambda m, x: x[:, -8:], {}, "keeps the end of a recording"),
    "reflect": (
        lambda m, x: m.conv(x.transpose(1, 2)),
        {"conv": nn.Conv1d(6, 4, 3, padding=2, padding_mode="reflect")},
        "pads with reflect; a stream begins with zeros",
    ),
    "max_index": (lambda m, x: x.max(1)[1], {}, "does not know where the maximum lay"),
    "both": (
        lambda m, x: x - x[:, -1:].mean(1)[:, None] if False else x + x.amax(1)[:, None],
        {},
        "together with each of its frames: earlier ones would change",
    ),
    "tuple": (lambda m, x: (x, x), {}, "forward returns no tensor made of its frames"),
    "adaptive": (
        lambda m, x: F.adaptive_avg_pool1d(x.transpose(1, 2), 4),
        {},
        "cuts a recording into parts of its length",
    ),
    "centred_end": (
        lambda m, x: m.conv(x.transpose(1, 2))[:, :, -1],
        {"conv": nn.Conv1d(6, 4, 3, padding=1)},
        "padded on both sides",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_stream_is_named_with_its_mend(name: str) -> None:
    function, layers, why = REFUSED[name]
    with pytest.raises(UnsupportedOp, match=f"^streamify: .*{why}") as caught:
        made(function, **layers)
    assert "\n" not in str(caught.value)


def test_the_end_of_a_padded_recording_is_no_last_frame() -> None:
    with pytest.raises(UnsupportedOp, match="see padding behind the end"):
        made(
            lambda m, x: m.conv(x.transpose(1, 2))[:, :, -1],
            conv=nn.Conv1d(6, 4, 3, padding=1),
            delay=4,
        )


def test_forwards_that_tracing_does_not_reach_and_examples_that_do_not_do() -> None:
    def branching(m: Any, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x

    with pytest.raises(ModelError, match=r"Of\.forward cannot be traced: .*without `if`"):
        made(branching)
    conv = nn.Conv1d(6, 4, 33)
    with pytest.raises(DataError, match=r"does not run on .* of the example"):
        made(lambda m, x: m.conv(x.transpose(1, 2)), torch.randn(1, 20, 6), conv=conv)
    with pytest.raises(DataError, match="an example of 7 frames for strides of 2"):
        made(lambda m, x: F.max_pool1d(x.transpose(1, 2), 2), torch.randn(1, 7, 6))
    for shape, frames in (((6,), 0), ((1, 9, 6), 3), ((1, 9, 6, 2), 1)):
        with pytest.raises(DataError, match=r"with frames on axis"):
            streamify(nn.Identity(), torch.randn(shape), frames=frames)
    net = made(lambda m, x: m.linear(x), linear=nn.Linear(6, 2))
    with pytest.raises(EdgernnError, match=r"x is \(1, 3, 5\); need \(batch, frames, 6\)"):
        net(torch.randn(1, 3, 5))
