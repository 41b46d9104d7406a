"""The keyword spotter's forms through the compiler: what flash each takes, and that it holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgernn.exporting import export

pytestmark = [pytest.mark.cc, pytest.mark.usefixtures("whole_road")]
DENSE = 204_768  # bytes of flash on a Cortex-M4 before it was compressed, in w8a8


@pytest.mark.parametrize(
    ("name", "number_type", "most"),
    [("kws/half", "mixed", DENSE // 2), ("kws/tiny", "w4a8-row", 32 * 1024)],
)
def test_a_form_fits_the_flash_that_it_was_made_for(
    name: str, number_type: str, most: int, tmp_path: Path
) -> None:
    report = export(name, "cortex-m4", number_type, tmp_path / "kws.edgernn")
    assert report.sizes["flash_bytes"] <= most


def test_mixed_finds_the_bits_that_the_shipped_weights_were_trained_for(tmp_path: Path) -> None:
    mixed = export("kws", "host", "mixed", tmp_path / "mixed.edgernn")
    four = export("kws", "host", "w4a8", tmp_path / "four.edgernn")
    assert mixed.sizes["weights_bytes"] == four.sizes["weights_bytes"]
