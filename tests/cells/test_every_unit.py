"""Every unit, found by its file, travels the whole road: torch, ONNX Runtime, C in two types."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
import torch

import edgernn.cells
from edgernn.errors import ParityError
from edgernn.streaming import Example
from edgernn.testing import check_backend

FRAMES = 2_000  # calibration has to see a state as large as a long stream makes it

ENDLESS = {("wave", "w8a8"): "its waves never fade, so what was rounded adds up"}


def first_examples() -> dict[str, Example]:
    names = [m.name for m in pkgutil.iter_modules(edgernn.cells.__path__)]
    files = {name: importlib.import_module(f"edgernn.cells.{name}") for name in names}
    return {name: next(iter(file.EXAMPLES.values())) for name, file in files.items()}


@pytest.mark.cc
@pytest.mark.parametrize("number_type", ["fp32", "w8a8"])
@pytest.mark.parametrize("name", first_examples())
def test_a_unit_is_itself_in_onnx_and_in_c(
    name: str, number_type: str, request: pytest.FixtureRequest
) -> None:
    if (name, number_type) in ENDLESS:
        request.applymarker(
            pytest.mark.xfail(raises=ParityError, reason=ENDLESS[name, number_type])
        )
    example = first_examples()[name]
    torch.manual_seed(0)
    noise = torch.Generator().manual_seed(1)
    x = torch.randn(1, FRAMES, example.channels, generator=noise)
    check_backend(example.build(), x, number_type=number_type)
