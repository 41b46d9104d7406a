"""State is data: named, described, saved, restored and reset by row."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from edgernn.cells.gru import GRU, GRUState
from edgernn.cells.lstm import LSTM, LSTMState
from edgernn.errors import ShapeError
from edgernn.state import from_leaves, named_leaves, nbytes, reset_rows, restore, snapshot, specs
from edgernn.streaming import Delay, Sequential


def model() -> Sequential:
    torch.manual_seed(0)
    return Sequential(wait=Delay(2, 4), one=LSTM(4, 6, proj_size=3), two=GRU(3, 5))


def warm(net: Sequential, batch: int = 3) -> Any:
    return net.step(torch.randn(batch, 7, 4), net.initial_state(batch))[1]


def equal(a: Any, b: Any) -> bool:
    left, right = named_leaves(a), named_leaves(b)
    return list(left) == list(right) and all(torch.equal(left[k], right[k]) for k in left)


def test_leaves_have_dotted_names_in_order() -> None:
    assert list(named_leaves(warm(model()))) == ["wait.past", "one.h", "one.c", "two.h"]
    assert list(named_leaves(GRUState(torch.zeros(1, 2)))) == ["h"]
    assert list(named_leaves(torch.zeros(1, 2))) == ["state"]
    assert named_leaves(()) == {}


def test_from_leaves_undoes_named_leaves_and_keeps_the_types() -> None:
    net = model()
    state = warm(net)
    again = from_leaves(net.initial_state(3), named_leaves(state))
    assert equal(again, state)
    assert isinstance(again["one"], LSTMState)


def test_a_missing_or_misshapen_leaf_is_named() -> None:
    net = model()
    leaves = named_leaves(warm(net))
    with pytest.raises(ShapeError, match=r"state one\.c: need \(3, 6\), got \(3, 5\)"):
        from_leaves(net.initial_state(3), {**leaves, "one.c": torch.zeros(3, 5)})
    del leaves["two.h"]
    with pytest.raises(ShapeError, match=r"state two\.h: need \(3, 5\), got nothing"):
        from_leaves(net.initial_state(3), leaves)


def test_specs_describe_one_row() -> None:
    state = warm(model())
    described = {s.name: (s.shape, s.dtype, s.nbytes) for s in specs(state)}
    assert described == {
        "wait.past": ((2, 4), "float32", 32),
        "one.h": ((3,), "float32", 12),
        "one.c": ((6,), "float32", 24),
        "two.h": ((5,), "float32", 20),
    }
    assert nbytes(state) == 88
    assert nbytes(()) == 0


def test_a_stream_goes_on_from_a_snapshot() -> None:
    net, x = model(), torch.randn(2, 10, 4)
    whole = net(x)
    _, state = net.step(x[:, :6], net.initial_state(2))
    restored = restore(net.initial_state(2), snapshot(state))
    assert equal(restored, state)
    torch.testing.assert_close(net.step(x[:, 6:], restored)[0], whole[:, 6:])


def test_a_damaged_snapshot_is_refused() -> None:
    net = model()
    data = snapshot(warm(net))
    for bad in (b"", b"nonsense", data[: len(data) // 2]):
        with pytest.raises(ShapeError, match="state snapshot is damaged"):
            restore(net.initial_state(3), bad)


def test_a_snapshot_of_another_model_or_batch_is_refused() -> None:
    data = snapshot(warm(model()))
    with pytest.raises(ShapeError, match="belongs to a model with other state leaves"):
        restore(GRU(4, 5).initial_state(3), data)
    with pytest.raises(ShapeError, match=r"state wait\.past: need \(2, 2, 4\), got \(3, 2, 4\)"):
        restore(model().initial_state(2), data)


def test_reset_rows_restarts_those_streams_and_no_others() -> None:
    net, x = model(), torch.randn(3, 10, 4)
    _, state = net.step(x[:, :6], net.initial_state(3))
    before = {k: v.clone() for k, v in named_leaves(state).items()}
    mixed = reset_rows(state, net.initial_state(3), torch.tensor([False, True, False]))
    y, _ = net.step(x[:, 6:], mixed)
    torch.testing.assert_close(y[1:2], net(x[1:2, 6:]))
    torch.testing.assert_close(y[::2], net(x[::2])[:, 6:])
    assert all(torch.equal(before[k], v) for k, v in named_leaves(state).items())


def test_resetting_an_empty_state_gives_it_back() -> None:
    assert reset_rows((), (), torch.tensor([True])) == ()
