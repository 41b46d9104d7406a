"""torch's composite operators are looked up once for a capture, which stays the same."""

from __future__ import annotations

import pytest
import torch
from torch._C import DispatchKey
from torch._export import utils
from torch._ops import OperatorBase

from edgernn.cells.lstm import LSTM
from edgernn.graph import decompositions
from edgernn.graph.capture import capture
from edgernn.layers.attention import EXAMPLES
from edgernn.testing import example_input


def test_they_are_looked_up_once_and_the_bytes_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    look_up, register = utils._materialize_cpp_cia_ops, OperatorBase.py_impl

    def counted() -> None:
        found.append(1)
        look_up()

    monkeypatch.setattr(utils, "_materialize_cpp_cia_ops", counted)
    torch.manual_seed(0)
    example = next(iter(EXAMPLES.values()))
    attention, cell = example.build().eval(), LSTM(3, 4).eval()
    steps = [(cell, torch.zeros(1, 1, 3)), (attention, example_input(attention, example)[:1, :1])]
    ours = [capture(module, x, "step").model.SerializeToString() for module, x in steps]
    assert len(found) == len(steps)
    assert utils._materialize_cpp_cia_ops is counted  # what stood there stands there again
    assert OperatorBase.py_impl is register
    found.clear()
    for name in ("LOOK_UP", "REGISTER"):  # a torch that does it otherwise
        monkeypatch.setattr(decompositions, name, "no_such_name")
    assert ours == [capture(module, x, "step").model.SerializeToString() for module, x in steps]
    assert len(found) > 10 * len(steps)


def test_a_kernel_that_is_there_or_no_kernel_is_torchs_to_refuse() -> None:
    operator = torch.ops.aten.add.Tensor
    with decompositions.ready_at_once():
        operator.py_impl(DispatchKey.HPU)(len)
        assert operator.py_kernels[DispatchKey.HPU] is len
        try:
            with pytest.raises(RuntimeError, match="override a python impl"):
                operator.py_impl(DispatchKey.HPU)(len)
            with pytest.raises(AssertionError, match="register a mode"):
                operator.py_impl(DispatchKey.Python)(len)
        finally:
            del operator.py_kernels[DispatchKey.HPU]
            operator._dispatch_cache.clear()
