"""The keyboard decoder: training asks what the stream answers, and asks the right questions."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from benchmarks import keyboard_training
from edgernn.errors import DataError, ModelError
from edgernn.graph.integer_weights import fewest_bits
from edgernn.keyboard.encoding import INPUTS, encode
from edgernn.keyboard.evaluation_sets import Transcript
from edgernn.keyboard.measured import Measured, in_python
from edgernn.keyboard.typing import Keystroke, Typed
from edgernn.model import find_model
from edgernn.models.keyboard import END, VOCABULARY, card, evaluate, training
from edgernn.models.keyboard.likeness import vectors
from edgernn.models.keyboard.network import Decoder, decoder
from edgernn.models.keyboard.samples import labelled
from edgernn.models.keyboard.spelling import Spelled, parts
from edgernn.models.keyboard.training import (
    NONE,
    TOGETHER,
    Sample,
    Task,
    in_pieces,
    part,
    questions,
    stacked,
)
from edgernn.train.losses.smoothing import Labels, smoothed
from edgernn.train.recipe import Recipe, RecipeError, parse_recipe, recipe_text
from edgernn.train.run import WEIGHTS, run_recipe, save_weights

from ..keyboard import spelling

SIZES = {"embed": 6, "channels": 8, "hidden": 10, "word": 5, "past": 7, "joint": 6}
SIZES |= {"left": 4, "common": 12}


def small(labels: int = 20) -> Decoder:
    torch.manual_seed(0)
    return decoder(**SIZES, labels=labels).eval()


def meant(text: str, typed: str, words: list[int]) -> Typed:
    offsets = np.zeros((len(typed), 2), np.float32)
    return Typed(text, typed, offsets, np.array(words, np.int32))


def asked(text: str, typed: str, words: list[int], within: bool = False) -> list[tuple[int, ...]]:
    draws = np.full(len(typed) + 1, within)
    return questions(meant(text, typed, words), labelled(text), draws).asked


def test_training_asks_what_the_stream_answers() -> None:
    network = small()
    keystrokes, before = torch.randn(2, 9, INPUTS), torch.randint(0, 20, (2, 4))
    at, known = torch.tensor([[0, 5, 5], [8, 2, 3]]), torch.tensor([[0, 1, 2], [3, 0, 1]])
    with torch.no_grad():
        logits = network.words.output(network.asked(keystrokes, before, at, known))
        typed, past = network.keys(keystrokes), network.history(before)
        for row in range(2):
            for at_, known_, wanted in zip(at[row], known[row], logits[row], strict=True):
                state = network.words.initial_state(1)
                for t in range(int(at_) + 1):
                    x = torch.cat([typed[row, t], past[row, known_]])[None, None]
                    told, state = network.words.step(x, state)
                torch.testing.assert_close(told[0, 0], wanted)


def test_every_run_is_asked_for_its_words_and_its_end() -> None:
    the, cat = labelled("the cat")
    assert asked("the cat", "teh cat", [0, 0, 0, 0, 1, 1, 1]) == [
        (3, 0, the, 0),
        (3, 1, cat, 1),
        (7, 1, cat, 0),
        (7, 2, NONE, 1),
    ]


def test_words_run_together_are_told_at_the_end_of_their_run() -> None:
    the, cat = labelled("the cat")
    assert asked("the cat", "thecat", [0, 0, 0, 1, 1, 1]) == [
        (6, 0, the, 0),
        (6, 1, cat, 0),
        (6, 2, NONE, 1),
    ]


def test_a_word_that_a_space_parts_is_told_behind_all_of_it() -> None:
    (movie,) = labelled("movie")
    assert asked("movie", "mo vie", [0] * 6) == [
        (2, 0, movie, 1),
        (6, 0, movie, 0),
        (6, 1, NONE, 1),
    ]


def test_within_a_word_it_is_asked_where_that_is_drawn() -> None:
    the, of = labelled("the of")
    found = asked("the of", "the of", [0, 0, 0, 0, 1, 1], within=True)
    assert [(at, word) for at, _, word, end in found if end == NONE] == [
        *((at, the) for at in range(3)),
        *((at, of) for at in (4, 5)),
    ]


def test_a_batch_is_padded_by_questions_that_want_nothing() -> None:
    some = [
        questions(meant(text, text, [0] * len(text)), labelled(text), np.zeros(9, bool))
        for text in ("the", "movie")
    ]
    batch = stacked(some)
    assert batch["keystrokes"].shape == (2, 6, INPUTS)
    assert batch["before"].tolist() == [[END, *labelled(t)] for t in ("the", "movie")]
    assert batch["word"].shape == batch["end"].shape == (2, 2)
    assert batch["keystrokes"][0, 4:].abs().sum() == 0


def test_sampled_labels_hold_the_wanted_and_their_softmax_is_unbiased() -> None:
    torch.manual_seed(0)
    shares, logits = torch.rand(300).double(), torch.randn(300).double()
    sample = Sample(shares / shares.sum(), 60)
    generator, sums = torch.Generator().manual_seed(0), []
    for _ in range(300):
        wanted = torch.multinomial(sample.shares, 20, replacement=True, generator=generator)
        labels, likely = sample.drawn(wanted, generator)
        assert set(wanted.tolist()) <= set(labels.tolist())
        assert labels.tolist() == sorted(labels.tolist())
        sums.append((logits[labels] - likely).exp().sum())
    assert torch.stack(sums).mean() == pytest.approx(float(logits.exp().sum()), rel=0.02)


def test_texts_are_parted_at_words_and_words_are_those_of_the_vocabulary() -> None:
    assert in_pieces("one two three", 7) == ["one two", "three"]
    assert in_pieces("incomprehensibilities", 7) == ["incomprehensibilities"]
    assert labelled("The, qqqq - cat!")[1:3] == [0, 0]
    assert VOCABULARY.words[labelled("The,")[0] - 1] == "the"


def test_a_share_of_the_texts_is_whole_groups_spread_evenly_and_holds_smaller_ones() -> None:
    texts = [str(i) for i in range(32 * TOGETHER)]
    quarter, sixteenth = part(texts, 1 / 4), part(texts, 1 / 16)
    assert part(texts, 1) == texts
    assert (len(quarter), len(sixteenth)) == (8 * TOGETHER, 2 * TOGETHER)
    assert set(sixteenth) < set(quarter)
    assert quarter[TOGETHER - 1 : TOGETHER + 1] == [texts[TOGETHER - 1], texts[4 * TOGETHER]]
    for share in (0, 1.5):
        with pytest.raises(DataError, match=f"data.share {share}; need above 0, at most 1"):
            part(texts, share)


def test_a_keystroke_is_its_key_its_shift_and_its_place() -> None:
    a, upper, other = encode([Keystroke("a", 0.25, -0.5), Keystroke("A"), Keystroke("\u732b")])
    assert (a[:-3] == upper[:-3]).all()
    assert a[:-3].sum() == other[0] == 1
    assert a[-3:].tolist() == [0, 0.25, -0.5]
    assert upper[-3] == 1


SPOKEN = ["the cat sat on the mat", "movies and a movie", "there is the cat", "i really do"]
TRAINING = Recipe(
    "keyboard",
    steps=4,
    batch_size=2,
    validate_every=2,
    checkpoint_every=1,
    network=SIZES,
    data={"corpora": [], "longest": 40, "within": 0.5, "sample": 50, "salad": 0.0, "errors": {}},
)


def smoothing(**table: Any) -> Recipe:
    return replace(TRAINING, data={**TRAINING.data, "smoothing": table})


@pytest.fixture
def spoken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few sentences in the place of corpora."""
    monkeypatch.setattr(training, "training_texts", lambda *_: SPOKEN)
    monkeypatch.setattr(training, "frequencies", lambda _: Counter())
    monkeypatch.setattr(training, "misspelt", lambda *_: set())


def test_words_spelled_alike_have_near_vectors_and_the_unknown_is_like_none() -> None:
    table = vectors("spelling")
    assert table is not None
    assert table.shape[0] == END
    torch.testing.assert_close(table.norm(dim=1), torch.ones(END))
    movie, movies, cat = labelled("movie movies cat")
    assert table[movie] @ table[movies] == pytest.approx(5 / math.sqrt(6 * 7))  # " m", .. "ie"
    assert table[movie] @ table[cat] == 0
    assert (table[0] @ table[1:].T).abs().max() == 0
    assert vectors("") is None
    how = keyboard_training.OPTIONS["smoothed labels"].data["smoothing"]
    some = torch.arange(1, 301)
    own = (table[some] @ table.T / how["temperature"]).softmax(1)[range(300), some]
    assert 0.5 < own.median() < 0.8


def test_a_trained_keyboard_lends_its_vectors(tmp_path: Path) -> None:
    net = decoder(**SIZES)
    save_weights(tmp_path / "weights.safetensors", net.state_dict())
    (tmp_path / "recipe.toml").write_text(recipe_text(TRAINING))
    found = vectors(str(tmp_path))
    weight = net.state_dict()["history.embed.embedding.weight"]
    torch.testing.assert_close(found, torch.nn.functional.normalize(weight[:END], dim=1))
    with pytest.raises(ModelError, match=r"data.smoothing: kws has no vectors of 15,002 labels"):
        vectors("kws")


@pytest.mark.usefixtures("spoken")
def test_smoothing_changes_what_is_wanted_of_words_and_nothing_else(tmp_path: Path) -> None:
    plain = Task(TRAINING, tmp_path)
    how = smoothing(alpha=0.2, temperature=0.1, vectors="spelling", rarity=0.5)
    other = Task(how, tmp_path)
    batch, more = plain.batch(0), other.batch(0)
    assert more.keys() - batch.keys() == {"shares", "vectors"}
    assert all(torch.equal(tensor, more[name]) for name, tensor in batch.items())
    torch.manual_seed(0)
    network = plain.build().eval()
    logits = plain.output(network, batch)
    asked = plain.counted(logits, batch)
    (loss, accuracy), (smooth, same) = plain.loss(logits, batch), other.loss(logits, more)
    assert accuracy == same
    words = logits[asked, :-1]
    right = torch.searchsorted(batch["labels"], batch["word"].flatten()[asked])
    assert other.smoothing is not None
    target = smoothed(
        right, Labels(more["shares"], more["vectors"], more["likely"]), other.smoothing
    )
    cross = torch.nn.functional.cross_entropy
    torch.testing.assert_close(smooth - loss, cross(words, target) - cross(words, right))


@pytest.mark.usefixtures("spoken")
def test_texts_that_are_only_read_add_their_loss_and_teach_no_keys(tmp_path: Path) -> None:
    plain = Task(TRAINING, tmp_path)
    other = Task(replace(TRAINING, data={**TRAINING.data, "foretold": 3}), tmp_path)
    batch, more = plain.batch(0), other.batch(0)
    assert more.keys() - batch.keys() == {"told"}
    said = sorted([one for one in row if one != NONE] for row in more["told"].tolist())
    assert len(said) == 3
    assert all(one in [labelled(text) for text in SPOKEN] for one in said)
    assert set(more["told"][more["told"] != NONE].tolist()) <= set(more["labels"].tolist())
    torch.manual_seed(0)
    network = plain.build().eval()
    logits = other.output(network, more)
    count = batch["word"].numel()
    own = {name: tensor for name, tensor in more.items() if name != "told"}
    torch.testing.assert_close(logits[:count], plain.output(network, own))
    words = more["told"].flatten()
    right = torch.searchsorted(more["labels"], words[words != NONE])
    extra = torch.nn.functional.cross_entropy(logits[count:][words != NONE, :-1], right)
    (loss, accuracy), (asked, same) = other.loss(logits, more), plain.loss(logits[:count], own)
    assert accuracy == same
    torch.testing.assert_close(loss - asked, extra)
    extra.backward()
    moved = {name for name, p in network.named_parameters() if p.grad is not None and p.grad.any()}
    assert {name.partition(".")[0] for name in moved} == {"history", "words"}
    assert not any("attention" in name for name in moved)


def test_what_words_share_by_their_spelling_ends_in_their_own_weights() -> None:
    network = small(END + 1)
    output, plain = network.words.output, set(network.state_dict())
    x, some = torch.randn(1, 3, 6), torch.tensor([5, 0, END, *labelled("movie")])
    with torch.no_grad():
        before = output(x)
        method = Spelled()
        method.attach(network)
        assert set(network.state_dict()) - plain == {"words.output.spelling.shared"}
        torch.testing.assert_close(output(x), before)
        shared = network.get_parameter("words.output.spelling.shared")
        shared[:, 2] = 1.0  # of every pair of letters
        moved = output(x)
        of_all = [part[some] for part in output.table()]
        torch.testing.assert_close(list(output.table(some)), of_all)
        method.finish(network)
    assert set(network.state_dict()) == plain
    torch.testing.assert_close(output(x), moved)
    apart = (moved - before).abs().amax((0, 1))
    assert apart[END] < 1e-5, "an end has no spelling"
    assert (apart[:END] > 0.01).all()


def test_parts_of_a_spelling_are_its_pairs_and_places() -> None:
    none, tea, eat, eaten = parts(["tea", "eat", "eaten"])
    assert none.count_nonzero() == 1
    assert none @ torch.stack([tea, eat, eaten]).T == pytest.approx([0, 0, 0])
    for each in (tea, eat, eaten):
        assert each @ each == pytest.approx(2)  # pairs and places, each of length 1
    # pairs: "ea" of 4 and 4; places: the length of 7 and 7
    assert tea @ eat == pytest.approx(1 / 4 + 1 / 7)
    # pairs: " e", "ea", "at" of 4 and 6; places: e, a, t from the beginning of 7 and 11
    assert eat @ eaten == pytest.approx(3 / 24**0.5 + 3 / 77**0.5)


def test_a_word_is_foretold_from_those_before_it() -> None:
    network = small(END + 1)
    words = torch.randint(0, END, (2, 5))
    other = words.clone()
    other[:, 2] = (other[:, 2] + 1) % END
    with torch.no_grad():
        a, b = network.foretold(words), network.foretold(other)
    assert torch.equal(a[:, :3], b[:, :3])
    assert (a[:, 3:] != b[:, 3:]).any(2).all()


def test_a_keyboard_learns_from_its_share_of_the_texts(
    tmp_path: Path, spoken: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "TOGETHER", 1)
    half = Task(replace(TRAINING, data={**TRAINING.data, "share": 0.5}), tmp_path)
    assert half.texts == SPOKEN[::2]
    assert half.validation == SPOKEN


@pytest.mark.usefixtures("spoken")
@pytest.mark.parametrize(
    "recipe",
    [
        smoothing(alpha=0.2, temperature=0.1, vectors="spelling"),
        smoothing(alpha=0.1),
        replace(TRAINING, data={**TRAINING.data, "foretold": 3}),
        replace(TRAINING, data={**TRAINING.data, "spelled": True}),
        replace(TRAINING, weight_drop=0.5),
        replace(TRAINING, optimizer="nt_asgd", watch="val_words", learning_rate=0.5),
    ],
    ids=["alike", "uniform", "foretold", "spelled", "weight drop", "nt_asgd"],
)
def test_a_keyboard_trains_by_every_option_and_resumes_to_the_same_bits(
    tmp_path: Path, recipe: Recipe
) -> None:
    class Stopped(Task):
        def batch(self, step: int) -> dict[str, torch.Tensor]:
            if step == 3:
                raise KeyboardInterrupt
            return super().batch(step)

    model = find_model("keyboard")
    whole = run_recipe(model, Task(recipe, tmp_path), tmp_path / "a", quiet=True)
    with pytest.raises(KeyboardInterrupt):
        run_recipe(model, Stopped(recipe, tmp_path), tmp_path / "b", quiet=True)
    again = Task(recipe, tmp_path)
    resumed = run_recipe(model, again, tmp_path / "b", resume=True, quiet=True)
    assert whole.weights.keys() == decoder(**SIZES).state_dict().keys()
    assert all(torch.equal(t, resumed.weights[n]) for n, t in whole.weights.items())
    assert resumed.history == whole.history


@pytest.mark.usefixtures("spoken")
def test_weights_in_half_the_bytes_are_those_of_the_training_rounded(tmp_path: Path) -> None:
    recipe = replace(TRAINING, steps=1, half_weights=True)
    trained = run_recipe(find_model("keyboard"), Task(recipe, tmp_path), tmp_path / "a", quiet=True)
    kept = load_file(tmp_path / "a" / WEIGHTS)
    assert all(torch.equal(kept[name], t.half()) for name, t in trained.weights.items())
    steps = find_model(str(tmp_path / "a")).steps()
    assert all(t.dtype == torch.float32 for step in steps.values() for t in step.parameters())


@pytest.mark.usefixtures("spoken")
def test_the_benchmark_of_options_goes_on_where_it_was_and_writes_its_table(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- keyboards training: begin --><!-- keyboards training: end -->")
    monkeypatch.setattr(keyboard_training, "PAGE", page)
    monkeypatch.setattr(keyboard_training, "RESULTS", tmp_path / "rows.json")
    asked = ["--data", str(tmp_path), "--output", str(tmp_path / "runs"), "--steps", "2"]
    assert keyboard_training.main([*asked, "--minutes", "0", "--write"]) == 0
    assert "the time is over" in capsys.readouterr().err
    assert not (tmp_path / "rows.json").exists()  # there is no table without a training
    assert keyboard_training.main([*asked, "--write"]) == 0
    rows = json.loads((tmp_path / "rows.json").read_text())["rows"]
    assert 0 < rows.pop("as shipped")["val_words"] <= 1
    options = keyboard_training.OPTIONS
    assert list(rows) == [f"{name} {2 * one.times}" for name, one in options.items()]
    assert all(row["step"] == row["steps"] and row["cpu_s"] > 0 for row in rows.values())
    assert page.read_text().count("| weight drop | ") == 1
    assert page.read_text().count("| as shipped, 24,000 steps | ") == 1
    assert all(row["curve"][-1][:2] == [row["steps"], row["val_words"]] for row in rows.values())
    assert "both, to the end" in (tmp_path / keyboard_training.PICTURE).read_text()
    monkeypatch.setattr(keyboard_training, "trained", None)  # nothing is trained again
    assert keyboard_training.main(asked) == 0
    assert "<!-- keyboards training: begin -->" in (root / "docs/keyboards.md").read_text()


@pytest.mark.usefixtures("spoken")
def test_weights_that_are_a_sum_are_not_compressed(tmp_path: Path) -> None:
    data = {**TRAINING.data, "spelled": True}
    how = replace(TRAINING, data=data, compress={"quantize": {"number_type": "w8a8"}})
    with pytest.raises(RecipeError, match=r"compress\.quantize and data.spelled in one training"):
        Task(how, tmp_path).methods()
    assert len(Task(replace(how, compress={"start": "keyboard"}), tmp_path).methods()) == 1
    assert Task(TRAINING, tmp_path).methods() == []


def test_options_of_the_benchmark_are_recipes_of_their_own() -> None:
    recipes = [one.recipe(3000) for one in keyboard_training.OPTIONS.values()]
    assert len({recipe.fingerprint() for recipe in recipes}) == len(recipes)
    assert {recipe.validate_every for recipe in recipes} == {150, 1200}
    for recipe in recipes:
        assert parse_recipe("keyboard", recipe_text(recipe)) == recipe


LITERAL = ["the cat", "I see it", "hello world"]


def test_a_card_tells_what_was_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of steps that spell by distance, on three turns and one sentence of others."""
    copied = [Transcript("1", "2", "The cat.", "The cta.")]
    monkeypatch.setattr(evaluate, "training_texts", lambda data, split, corpora: LITERAL)
    monkeypatch.setattr(evaluate, "transcripts", lambda data: copied)
    run = Measured(*[in_python(spelling.keyboard())] * 2)
    figures = evaluate.evaluate(run, tmp_path)
    assert figures["errors"]["0"]["word_accuracy"] == (1, 0)
    assert figures["errors"]["0.15"]["word_accuracy"][0] < 1
    assert figures["spoilt"][0] == 0
    assert figures["copied"]["typed"]["cer"][0] == 2 / 8
    assert figures["copied"]["read"]["cer"][0] == 0
    metrics = {
        "parameters": 12345,
        "figures": {"C w8a8": figures},
        "validation": evaluate.validate(run, tmp_path),
        "sizes": {},
    }
    text = card.render(json.loads(json.dumps(metrics)))
    assert "12,345 trained parameters" in text
    assert "| C w8a8, touches known | " in text
    assert "as typed\n25.0" in text
    right = 100 * figures["errors"]["0.05"]["word_accuracy"][0]
    assert f"| C w8a8 | {right:.1f} ±" in text


def test_the_small_one_lies_in_four_bits_and_zeros() -> None:
    path = find_model("keyboard/small").weights
    assert path
    weights = load_file(path)
    bits = {
        name: fewest_bits(tensor[:64].movedim(1, -1).flatten(1).double().numpy())[0]  # tap by tap
        for name, tensor in weights.items()
        if tensor.dim() > 1 and "distance" not in name
    }
    wide = {name for name, count in bits.items() if count == 8}
    assert wide == {f"words.output.{part}.linear.weight" for part in ("common", "end")}
    recurrent = [tensor for name, tensor in weights.items() if ".rnn.rnn.weight" in name]
    assert len(recurrent) == 4
    assert all(0.29 < float((tensor == 0).float().mean()) < 0.45 for tensor in recurrent)
