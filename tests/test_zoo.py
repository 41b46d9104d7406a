"""Units side by side: the figures are those of the code, and the page of the documents has them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from edgernn.cells.gru import GRU
from edgernn.cells.lru import ComplexDecay
from edgernn.cells.mingru import MinGRU
from edgernn.cli import group
from edgernn.errors import ShapeError, UnknownName
from edgernn.figures import figure
from edgernn.zoo import at_width, described, measured, source_of, unit_classes


def test_units_are_found_by_their_file_and_their_name() -> None:
    assert unit_classes(["gru", "MinGRU", "gru"]) == [GRU, MinGRU]
    assert {GRU, MinGRU, ComplexDecay} <= set(unit_classes())
    with pytest.raises(UnknownName, match=r"unknown unit 'mingur'; did you mean mingru"):
        unit_classes(["mingur"])
    with pytest.raises(ShapeError, match="a width of 0; need at least 1"):
        at_width(GRU, 0)


def test_a_unit_is_the_same_each_time_and_leaves_the_seed_alone() -> None:
    torch.manual_seed(3)
    a, b = (at_width(MinGRU, 4).state_dict() for _ in "ab")
    assert all(torch.equal(a[name], b[name]) for name in a)
    after = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(after, torch.rand(1))


def test_every_unit_says_what_it_is_and_where_it_comes_from() -> None:
    units = [described(sort, 8) for sort in unit_classes()]
    assert [unit.name for unit in units if not unit.what or not unit.source] == []
    assert len({unit.name for unit in units}) == len(units)
    assert source_of(GRU) == "Cho et al. 2014, arXiv:1406.1078"


def test_figures_are_those_of_the_unit() -> None:
    unit = described(GRU, 8)
    assert (unit.parameters, unit.state_bytes, unit.parallel) == (2 * 24 * (8 + 1), 8 * 4, "")
    unit = measured(described(MinGRU, 8), 8)
    assert (unit.macs, unit.parallel) == (8 * 16, "scan")
    errors = unit.number_types
    assert errors["fp32"] < 1e-5 < errors["w8a16"] < errors["w8a8"] < errors["w4a8"]
    both = measured(described(ComplexDecay, 4), 4)  # whose input is twice as wide
    assert (both.macs, both.state_bytes) == (0, 2 * 4 * 4)


def test_a_number_type_that_does_not_hold_a_unit_is_not_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from edgernn import verify

    strict = verify.TOLERANCES | {"w4a8": verify.Tolerance(1e-3, 1e-4)}
    monkeypatch.setattr(verify, "TOLERANCES", strict)
    assert list(measured(described(MinGRU, 8), 8).number_types) == ["fp32", "w8a8", "w8a16"]


def test_the_command_prints_a_table_a_page_and_json() -> None:
    def run(*words: str) -> str:
        return CliRunner().invoke(group, ["cells", "mingru", "--width", "8", *words]).stdout

    (row,) = json.loads(run("--json"))
    assert (row["name"], row["width"], row["macs"], row["parameters"]) == ("MinGRU", 8, 128, 144)
    assert "| MinGRU | minGRU: a GRU whose gate" in run("--markdown")
    assert "144" in run()


def test_the_page_of_the_documents_has_every_unit_as_it_is(root: Path) -> None:
    page = (root / "docs/cells.md").read_text()
    stale = []
    for sort in unit_classes():
        unit = described(sort, 64)
        figures = [unit.name, unit.what, figure(unit.parameters), figure(unit.state_bytes)]
        if f"| {' | '.join(figures)} |" not in page or f"| {unit.source} |" not in page:
            stale.append(unit.name)
    assert stale == [], "run: python -m benchmarks.zoo --only units --write"


def test_of_many_names_a_wrong_one_that_is_near_none_is_a_short_line() -> None:
    with pytest.raises(UnknownName, match=r"unknown unit '0'; there are \d+, from \w+ to \w+$"):
        unit_classes(["0"])
