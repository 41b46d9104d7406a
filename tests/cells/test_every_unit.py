"""Every unit, found by its file, travels the whole road: torch, ONNX Runtime, C in two types."""

from __future__ import annotations

import importlib
import pkgutil
from contextlib import nullcontext

import pytest
import torch

import edgernn.cells
from edgernn.errors import ContractError, ParityError, ShapeError
from edgernn.streaming import Example
from edgernn.testing import check_backend, check_streaming

pytestmark = pytest.mark.usefixtures("whole_road")

FRAMES = 2_000  # calibration has to see a state as large as a long stream makes it

ENDLESS = ("wave",)  # their waves never fade, so what was rounded to eight bits adds up


def first_examples() -> dict[str, Example]:
    names = [m.name for m in pkgutil.iter_modules(edgernn.cells.__path__)]
    files = {name: importlib.import_module(f"edgernn.cells.{name}") for name in names}
    return {name: next(iter(file.EXAMPLES.values())) for name, file in files.items()}


@pytest.mark.cc
@pytest.mark.parametrize("name", first_examples())
def test_a_unit_is_itself_in_onnx_and_in_c(name: str) -> None:
    example = first_examples()[name]
    torch.manual_seed(0)
    noise = torch.Generator().manual_seed(1)
    x = torch.randn(1, FRAMES, example.channels, generator=noise)
    endless = pytest.raises(ParityError, match="c w8a8 differs")
    with endless if name in ENDLESS else nullcontext():
        check_backend(example.build(), x, number_type=("fp32", "w8a8"))


@pytest.mark.parametrize("name", first_examples())
def test_wrong_widths_and_weights_that_are_no_numbers_are_one_line(name: str) -> None:
    example = first_examples()[name]
    unit, frames = example.build(), 3 * example.build().timing.block
    wrong = torch.zeros(1, frames, example.channels + 1)
    with pytest.raises(ShapeError) as raised:
        unit(wrong)
    assert "\n" not in str(raised.value)
    assert str(example.channels) in str(raised.value)
    weights = [w for w in unit.state_dict().values() if w.is_floating_point() and w.numel()]
    weights[0].fill_(float("nan"))
    with pytest.raises(ContractError, match=r"output frame .* is not finite"):
        check_streaming(unit, torch.randn(2, 4 * unit.timing.block, example.channels))
