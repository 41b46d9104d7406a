"""The keyboard decoder: training asks what the stream answers, and asks the right questions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edgernn.keyboard.encoding import INPUTS, encode
from edgernn.keyboard.typing import Keystroke, Typed
from edgernn.models.keyboard import END, VOCABULARY
from edgernn.models.keyboard.network import Decoder, decoder
from edgernn.models.keyboard.samples import labelled
from edgernn.models.keyboard.training import NONE, Sample, in_pieces, questions, stacked

SIZES = {"embed": 6, "channels": 8, "hidden": 10, "word": 5, "past": 7, "joint": 6, "left": 4}


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
        logits = network.words.output.linear(network.asked(keystrokes, before, at, known))
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


def test_a_keystroke_is_its_key_its_shift_and_its_place() -> None:
    a, upper, other = encode([Keystroke("a", 0.25, -0.5), Keystroke("A"), Keystroke("\u732b")])
    assert (a[:-3] == upper[:-3]).all()
    assert a[:-3].sum() == other[0] == 1
    assert a[-3:].tolist() == [0, 0.25, -0.5]
    assert upper[-3] == 1
