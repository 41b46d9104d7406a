"""Recipes: read, hashed and refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgernn.errors import EdgernnError
from edgernn.train.loop import choose_device, learning_rate
from edgernn.train.recipe import Recipe, RecipeError, parse_recipe, read_recipe, recipe_text


def test_tables_go_where_they_belong() -> None:
    recipe = parse_recipe("m", "[train]\nsteps = 7\n[network]\nhidden = 3\n[data]\nspeed = 0.1")
    assert (recipe.steps, recipe.network, recipe.data) == (7, {"hidden": 3}, {"speed": 0.1})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[train]\nsteps = 7\nlearningrate = 1", "unknown key train.learningrate"),
        ("[train]\nsteps = 7\n[network]\n[extra]", "unknown key extra"),
        ("[train]\nseed = 1", "lacks steps"),
        ("[train]\nsteps = 0", "train.steps is 0"),
        ("[train]\nsteps = 7\nhalf_weights = 1", "train.half_weights is 1; need true or false"),
        ("[train", "not TOML"),
    ],
)
def test_wrong_recipe_is_refused_with_its_key(text: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        parse_recipe("m", text)


def test_what_compresses_need_not_train() -> None:
    recipe = parse_recipe("m", "[train]\nsteps = 0\n[compress.delta.thresholds]\nrnn = 0.1")
    assert parse_recipe("m", recipe_text(recipe.with_steps(0))).steps == 0


def test_absent_recipe_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        read_recipe("m", tmp_path / "recipe.toml")


def test_fingerprint_changes_with_any_value() -> None:
    one = Recipe("m", steps=5)
    others = [Recipe("m", steps=6), Recipe("m", steps=5, seed=2), Recipe("m", 5, data={"a": 1})]
    assert len({r.fingerprint() for r in (one, *others)}) == 4
    assert one.fingerprint() == Recipe("m", steps=5).fingerprint()


def test_learning_rate_rises_then_falls_to_zero() -> None:
    recipe = Recipe("m", steps=100, warmup_steps=10, learning_rate=1.0)
    rates = [learning_rate(recipe, step) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == max(rates[8:14])
    assert rates[100] == pytest.approx(0.0)


def test_absent_device_is_refused() -> None:
    with pytest.raises(EdgernnError, match="'cuda:99' cannot be used"):
        choose_device("cuda:99")
