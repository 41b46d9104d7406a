"""A recipe with a `[compress]` table replays a compression, and what comes out is exported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from edgernn.compress.delta import Delta
from edgernn.compress.plan import parse_compression
from edgernn.errors import CheckpointError, ModelError, ShapeError
from edgernn.model import find_model
from edgernn.train.recipe import RecipeError, parse_recipe, recipe_text
from edgernn.train.run import CHECKPOINT, train_model

MINE = Path(__file__).with_name("keep.py")
DENSE = """
[train]
steps = 150
batch_size = 64
learning_rate = 0.01
warmup_steps = 10
validate_every = 150
checkpoint_every = 50
ema_decay = 0.9
"""
COMPRESS = """
[compress]
start = "START"
[[compress.prune]]
pattern = "4x4"
sparsity = 0.5
only = ["recurrent"]
[compress.quantize]
number_type = "w4a8"
[compress.quantize.but]
linear = "w8a8"
[compress.distill]
teacher = "START_FOLDER"
"""


@pytest.fixture(scope="module")
def dense(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dense")
    longer = DENSE.replace("steps = 150", "steps = 450")
    (folder / "dense.toml").write_text(f'model = "{MINE}:build"\n{longer}')
    out = folder / "out"
    train_model(f"{MINE}:build", folder, out, recipe=folder / "dense.toml", quiet=True)
    return out


def _compressed(dense: Path, out: Path, *, resume: bool = False) -> Path:
    text = COMPRESS.replace("START_FOLDER", str(dense))
    text = text.replace("START", str(dense / "weights.safetensors"))
    recipe = out.parent / "small.toml"
    recipe.write_text(f'model = "{MINE}:build"\n{DENSE}{text}')
    train_model(str(dense), dense, out, recipe=recipe, quiet=True, resume=resume)
    return out


def test_a_folder_of_a_training_is_a_model(dense: Path) -> None:
    model = find_model(str(dense))
    assert model.name == "keep"
    stored = load_file(dense / "weights.safetensors")
    assert torch.equal(
        model.steps()["keep"].state_dict()["rnn.rnn.weight_hh_l0"], stored["rnn.rnn.weight_hh_l0"]
    )


def test_a_compression_is_replayed_to_the_same_weights(dense: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    (tmp_path / "a").mkdir()
    first = _compressed(dense, tmp_path / "a" / "out")
    again = tmp_path / "again"
    train_model(str(dense), dense, again, recipe=first / "recipe.toml", quiet=True)
    one, two = (load_file(folder / "weights.safetensors") for folder in (first, again))
    assert one.keys() == find_model(str(first)).steps()["keep"].state_dict().keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
    weight = one["rnn.rnn.weight_hh_l0"].reshape(24, 4, 8, 4)
    empty = (weight == 0).all(dim=3).all(dim=1)
    assert float(empty.float().mean()) == 0.5


def test_an_interrupted_compression_ends_in_the_same_weights(dense: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    (tmp_path / "a").mkdir()
    whole = _compressed(dense, tmp_path / "a" / "out")
    part = tmp_path / "b" / "out"
    part.mkdir(parents=True)
    (part / CHECKPOINT).write_bytes((whole / CHECKPOINT).read_bytes())
    saved = torch.load(part / CHECKPOINT, weights_only=True)
    assert any(name.endswith("0.mask") for name in saved["network"])
    _compressed(dense, part, resume=True)
    one, two = (load_file(folder / "weights.safetensors") for folder in (whole, part))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_resuming_with_another_recipe_is_refused(dense: Path, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    whole = _compressed(dense, tmp_path / "a" / "out")
    other = tmp_path / "other.toml"
    other.write_text(
        (whole / "recipe.toml").read_text().replace("sparsity = 0.5", "sparsity = 0.6")
    )
    with pytest.raises(CheckpointError, match="belongs to another recipe"):
        train_model(str(dense), dense, whole, recipe=other, quiet=True, resume=True)


def test_a_recipe_is_written_as_it_is_read(dense: Path, tmp_path: Path) -> None:
    text = COMPRESS.replace("START_FOLDER", "a b").replace("START", 'q"uote')
    recipe = parse_recipe("x", f"{DENSE}{text}".replace('q"uote', 'q\\"uote'))
    assert parse_recipe("x", recipe_text(recipe)) == recipe
    assert parse_recipe("x", recipe_text(recipe)).fingerprint() == recipe.fingerprint()


@pytest.mark.cc
@pytest.mark.slow
def test_what_was_trained_on_four_bits_is_what_runs(dense: Path, tmp_path: Path) -> None:
    from edgernn.exporting import export
    from edgernn.runtime import Session

    (tmp_path / "a").mkdir()
    small = _compressed(dense, tmp_path / "a" / "out")
    bundle = tmp_path / "small.edgernn"
    report = export(str(small), "host", "mixed", bundle)
    assert any("mixed" in check.what for check in report.checks)
    network = find_model(str(small)).steps()["keep"]
    session, x = Session(bundle), torch.randn(1, 12, 6)
    with torch.no_grad():
        wanted = network(x)[0].numpy()
    got = np.concatenate([session.step(x[:, t : t + 1].numpy())[0] for t in range(12)])
    # 8-bit inputs alone; a network of whole weights is off by .13 in this form
    assert np.abs(got - wanted).max() < 0.05 * np.abs(wanted).max()


@pytest.mark.parametrize(
    ("table", "error", "line"),
    [
        (
            {"prun": {}},
            RecipeError,
            "unknown key compress.prun; it takes start, units, low_rank, delta, activations",
        ),
        ({"prune": {"sparsty": 1}}, RecipeError, "compress.prune: unknown key sparsty"),
        ({"prune": {"sparsity": "much"}}, RecipeError, "sparsity is 'much'; need float"),
        ({"prune": {"sparsity": 2}}, ModelError, "sparsity 2; need at least 0 and below 1"),
        ({"quantize": {"number_type": "fp32"}}, ModelError, "fp32 has no integers"),
        ({"quantize": 4}, RecipeError, "compress.quantize is 4; need a table"),
        ({"quantize": {"activations": 4}}, ModelError, "activations 4; need 8, or 0 for none"),
        ({"activations": {"bits": 9}}, ShapeError, "activations: 9 bits; need 2 to 8"),
        ({"quantize": {"ternary": True}}, ModelError, "stored as w2a8, not w8a8"),
    ],
)
def test_bad_tables_are_refused(table: dict[str, object], error: type, line: str) -> None:
    with pytest.raises(error, match=line):
        parse_compression(table, "recipe.toml")


def test_absent_weights_to_start_from_are_named(dense: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text(f'{DENSE}\n[compress]\nstart = "nowhere.safetensors"\n')
    with pytest.raises(
        ModelError, match=r"compress\.start 'nowhere\.safetensors': no such weights"
    ):
        train_model(str(dense), dense, tmp_path / "out", recipe=recipe, quiet=True)


def test_a_delta_network_is_trained_and_found_again(dense: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    start = dense / "weights.safetensors"
    table = "[compress.delta.thresholds]\nrnn = [0.2, 0.1]"
    recipe.write_text(f'model = "{MINE}:build"\n{DENSE}\n[compress]\nstart = "{start}"\n{table}\n')
    trained = train_model(str(dense), dense, tmp_path / "out", recipe=recipe, quiet=True, steps=20)
    assert trained.history[-1]["val_accuracy"] > 0.9
    network = find_model(str(tmp_path / "out")).steps()["keep"]
    assert network.layers["rnn"].thresholds == (0.2, 0.1)
    assert set(network.initial_state(1)["rnn"]._fields) == {"h", "held_x", "held_h"}


def test_a_cell_that_is_not_there_cannot_hold(dense: Path) -> None:
    network = find_model(str(dense)).steps()["keep"]
    with pytest.raises(
        ModelError, match="no cell or layer 'gru' that can hold; there are rnn, head"
    ):
        Delta({"gru": 0.1}).apply(network)
