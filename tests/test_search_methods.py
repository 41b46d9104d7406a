"""The comparison of search methods: sizes are judged once, searches only read the table."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from benchmarks import search_methods
from benchmarks.search_methods import EVALUATIONS, RANKINGS, compared, lines, main, tables_of
from benchmarks.search_tables import MACS, PARAMETERS, Table, judged, read_tables, write_tables
from edgernn.compress.budget import Budget
from edgernn.errors import CheckpointError
from edgernn.supernet.extract import COVARIANCE, Whole
from edgernn.supernet.search import METHODS

from .supernet.many import edgernn, train_many


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return train_many(tmp_path_factory.mktemp("many"))


@pytest.fixture
def made() -> Table:
    """25 sizes; the most accurate within half of the MACs is small in one dimension."""
    rows = {
        f"wide={a},deep={b}": {
            "val_accuracy": 0.5 + 0.01 * a - 0.002 * b,
            MACS: a * b,
            PARAMETERS: a + b,
            COVARIANCE: a - b,
        }
        for a in range(1, 6)
        for b in range(1, 6)
    }
    return Table("grid", rows)


def test_every_method_is_compared_at_the_evaluations_that_it_was_given(made: Table) -> None:
    rows = list(compared(made, Budget({}), 3))
    assert {row.method for row in rows} == {*METHODS, *RANKINGS}
    assert [row.evaluations for row in rows if row.method == "random"] == [4, 8, 12, 16, 24]
    assert all(row.fewest == row.evaluations for row in rows)
    assert all(min(row.regrets) >= 0 for row in rows)
    best = {row.method: row for row in rows if row.evaluations == 4}
    assert best["hidden covariance"].found == 1  # it orders as the accuracy does
    assert best["most parameters"].regrets == pytest.approx([0.002 * 3])
    assert len(best["random"].regrets) == 3


def test_half_of_the_sizes_meet_the_budget_and_regret_is_measured_within(made: Table) -> None:
    fits = [row for row in made.rows.values() if not made.half.excess(row)]
    assert 12 <= len(fits) <= 14
    rows = list(compared(made, made.half, 2))
    assert max(row.evaluations for row in rows) < len(fits)
    assert min(min(row.regrets) for row in rows) == 0


def test_the_table_tells_regret_and_how_often_the_best_was_found(made: Table) -> None:
    rows = list(compared(made, made.half, 5))
    text = "\n".join(lines(made, rows))
    assert "25 sizes, `val_accuracy` from 50.0 to 54.8 %" in text
    assert f"{made.alike(PARAMETERS):+.2f} most parameters" in text
    assert "| macs <= 8 | 4 | 8 | 12 |" in text
    assert "| hidden covariance | 0.00 (100%) |" in text


def test_a_size_is_judged_once(many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (few,) = tables_of([f"many={many}:hidden=8,16"], many, tmp_path)
    assert list(few.rows) == ["hidden=8", "hidden=16"]
    asked = []
    figures = Whole.figures

    def counted(self: Whole, choice: dict[str, int]) -> dict[str, float]:
        asked.append(choice)
        return figures(self, choice)

    monkeypatch.setattr(Whole, "figures", counted)
    whole = judged("many", str(many), many, tmp_path / "many", {})
    assert asked == [{"hidden": 24}]
    listed = json.loads(edgernn("supernet", "list", many, "--data", many, "--json").stdout)
    named = {row["subnetwork"]: row for row in listed}
    for name, row in whole.rows.items():
        assert row[whole.figure] == named[name][whole.figure]
        assert row[PARAMETERS] == named[name]["parameters"]
    hidden, channels = 24, 6
    assert whole.rows["hidden=24"][MACS] == 3 * hidden * (hidden + channels) + 2 * hidden
    other = tmp_path / "other"
    shutil.copytree(many, other)
    recipe = other / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("steps = 40", "steps = 41"))
    with pytest.raises(CheckpointError, match="was begun otherwise"):
        judged("many", str(other), many, tmp_path / "many", {})


def test_tables_are_kept_and_read_again(made: Table, tmp_path: Path) -> None:
    path = tmp_path / "tables.json"
    write_tables(path, [made, Table("twin", made.rows)])
    assert read_tables(path) == [made, Table("twin", made.rows)]


def test_the_command_searches_what_is_kept_and_writes_the_page(
    made: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page, results = tmp_path / "page.md", tmp_path / "tables.json"
    page.write_text("<!-- search methods: begin -->\n<!-- search methods: end -->\n")
    write_tables(results, [made])
    monkeypatch.setattr(search_methods, "PAGE", page)
    monkeypatch.setattr(search_methods, "RESULTS", results)
    assert main(["--seeds", "2", "--write"]) == 0
    assert "**grid**, 25 sizes" in page.read_text()
    assert (tmp_path / "search_methods.svg").is_file()
    assert main(["--seeds", "2", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {row["evaluations"] for row in rows} <= {*EVALUATIONS}
    for wrong in (["many"], ["many", "--data", "x"], ["many=x:hidden=a", "--data", "x"]):
        assert main(wrong) == 2
    said = capsys.readouterr().err
    assert "give --data PATH" in said
    assert "need TITLE=FOLDER" in said
