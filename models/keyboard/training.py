"""What the training loop drives to train the keyboard: typed sentences, loss, validation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from edgernn.errors import DataError
from edgernn.keyboard.corpora import frequencies, training_texts
from edgernn.keyboard.encoding import ENTER, INPUTS, encode
from edgernn.keyboard.layout import SPACE
from edgernn.keyboard.lexicon import misspelt, well_spelt
from edgernn.keyboard.typing import Errors, Keystroke, Typed, Typist
from edgernn.models.keyboard import END, LABELS, VOCABULARY
from edgernn.models.keyboard.likeness import vectors
from edgernn.models.keyboard.network import Decoder, decoder
from edgernn.models.keyboard.samples import labelled
from edgernn.models.keyboard.spelling import Spelled
from edgernn.train.losses.smoothing import Labels, Smoothing, smoothed
from edgernn.train.method import Method
from edgernn.train.near_lengths import NearLengths
from edgernn.train.recipe import Recipe, RecipeError, filled

HELD = 400  # texts that are validated on
TOGETHER = 64  # texts beside each other that a share takes or leaves, so that dialogues stay whole
NONE = -1  # a question without a wanted word, or without a wanted end


@dataclass(frozen=True, slots=True)
class Questions:
    """A typed sentence, and what the network is asked in it: rows (at, known, word, end).

    at: the keystroke; known: how many words are known before it; word: the next one's label; end:
    whether the run holds no more of them. NONE: of that nothing is wanted.
    """

    keystrokes: NDArray[np.float32]
    labels: list[int]
    asked: list[tuple[int, int, int, int]]


def questions(typed: Typed, labels: Sequence[int], draws: NDArray[np.bool_]) -> Questions:
    """What is asked: behind every run each word in it and its end; at keystrokes drawn, the word.

    labels: of the words that are meant. draws: for each keystroke, whether it is asked within a
    word too. The sentence ends with ENTER.
    """
    owners = typed.words.tolist()
    keys = [*typed.keystrokes(), Keystroke(ENTER)]
    last = {
        owner: at
        for at, (key, owner) in enumerate(zip(keys, owners, strict=False))
        if key.char != SPACE
    }
    following = [*labels, NONE]
    asked, told, open_ = [], 0, False
    for at, (key, owner) in enumerate(zip(keys, [*owners, NONE], strict=True)):
        if key.char not in (SPACE, ENTER):
            open_ = True
            if draws[at] and owner == told:
                asked.append((at, told, labels[told], NONE))
        elif open_:
            open_ = False
            while told < len(labels) and last.get(told, -1) < at:
                asked.append((at, told, labels[told], 0))
                told += 1
            asked.append((at, told, following[told], 1))
    return Questions(encode(keys), list(labels), asked)


def stacked(some: Sequence[Questions]) -> dict[str, Tensor]:
    """Keystrokes (B, T, INPUTS), words before (B, U), and at, known, word, end (B, M)."""
    size = len(some)
    longest = max(len(one.keystrokes) for one in some)
    keystrokes = np.zeros((size, longest, INPUTS), np.float32)
    before = np.full((size, 1 + max(len(one.labels) for one in some)), END)
    asked = np.full((size, max(len(one.asked) for one in some), 4), NONE)
    asked[..., :2] = 0
    for row, one in enumerate(some):
        keystrokes[row, : len(one.keystrokes)] = one.keystrokes
        before[row, 1 : 1 + len(one.labels)] = one.labels
        asked[row, : len(one.asked)] = one.asked
    at, known, word, end = torch.from_numpy(asked).unbind(2)
    found = {"keystrokes": torch.from_numpy(keystrokes), "before": torch.from_numpy(before)}
    return {**found, "at": at, "known": known, "word": word, "end": end}


@dataclass(frozen=True, slots=True)
class Sample:
    """Labels drawn beside the wanted ones, so that few logits are computed.

    Each logit is less the log of how likely its label is in a batch (Jean et al. 2015,
    arXiv:1412.2007; the shared sample and its inclusion probability are our choice).
    shares: of each label among the words, (labels,); count: of the draws, by shares^(3/4).
    """

    shares: Tensor
    count: int

    def drawn(self, wanted: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Sorted labels that hold all wanted ones, and the log of how likely each is, (C,)."""
        flat = self.shares**0.75
        flat = flat / flat.sum()
        others = torch.multinomial(flat, self.count, replacement=True, generator=generator)
        labels = torch.unique(torch.cat([wanted, others]))
        missed = self.count * torch.log1p(-flat[labels])
        missed = missed + len(wanted) * torch.log1p(-self.shares[labels])
        return labels, torch.log(-torch.expm1(missed))


def in_pieces(text: str, longest: int) -> list[str]:
    """A text in pieces of at most so many characters, or of one word."""
    pieces, piece = [], ""
    for word in text.split():
        both = f"{piece} {word}" if piece else word
        if piece and len(both) > longest:
            pieces.append(piece)
            both = word
        piece = both
    return [*pieces, piece] if piece else pieces


def _wanted(batch: Mapping[str, Tensor]) -> Tensor:
    """The label that each question wants, or NONE."""
    some = [batch[name].flatten() for name in ("word", "told") if name in batch]
    return torch.cat(some)


def part(texts: Sequence[str], share: float) -> list[str]:
    """A share of the texts, evenly spread and the same each time; a quarter holds a sixteenth.

    Raises: DataError for a share that is none.
    """
    if not 0 < share <= 1:
        raise DataError(f"data.share {share}; need above 0, at most 1")
    starts = range(0, len(texts), TOGETHER)
    taken = [at for i, at in enumerate(starts) if ceil((i + 1) * share) > ceil(i * share)]
    return [text for at in taken for text in texts[at : at + TOGETHER]]


class Task:
    """Sentences typed with slips, in batches of near lengths; those with misspelt words left out.

    A batch holds what `stacked` gives, and `labels` (C,) with `likely` (C,) of a `Sample`.
    Output: logits (questions, C + 1), the last of them that of an end; B M of them are asked, and
    behind those come the words that are foretold.

    Options: `corpora`, `longest` of a piece in characters, `within`, the share of keystrokes that
    are asked within words, `sample`, the labels drawn beside the wanted ones, `salad`, the share of
    sentences of words drawn from the vocabulary, so that rare ones are spelled often enough, and
    `errors`, those of `edgernn.keyboard.typing.Errors`. With `foretold`, so many more texts a step
    are only read: each word is foretold from those before it, at a small part of what typed texts
    cost, and with a loss that counts as much (our choice); a batch then holds their labels `told`
    (F, U), padded by NONE. With `spelled`, words that are spelled alike share a part of their
    weights (`edgernn.models.keyboard.spelling`). With `share`, it is `part` of the texts that is
    learnt from; the vocabulary, and what is misspelt, are those of all. With `smoothing`, a table
    of `Smoothing` whose `vectors` are those of `likeness.vectors`, what is wanted of a word is
    smoothed over the labels drawn; a batch then holds their `shares` (C,) and `vectors` (C, D) too.
    """

    def __init__(self, recipe: Recipe, data: Path) -> None:
        self.recipe, self.data = recipe, data
        self.options = dict(recipe.data)
        table = self.options.get("smoothing")
        where = f"{recipe.name}: data.smoothing"
        self.smoothing = None if table is None else filled(Smoothing, table, where)
        self.vectors = vectors(self.smoothing.vectors) if self.smoothing else None
        self.typist = Typist(Errors(**self.options["errors"]))
        texts = training_texts(data, "train", self.options["corpora"])
        texts = well_spelt(texts, misspelt(texts, frequencies(data)))
        texts = part(texts, self.options.get("share", 1.0))
        longest = self.options["longest"]
        self.texts = [piece for text in texts for piece in in_pieces(text, longest)]
        if not self.texts:
            raise DataError(f"{data}: no training texts")
        self.near = NearLengths([len(text) for text in self.texts])
        counts = np.ones(LABELS - 1)
        for text in self.texts[:: max(1, len(self.texts) // 50000)]:
            np.add.at(counts, labelled(text), 1)
        self.sample = Sample(torch.from_numpy(counts / counts.sum()), self.options["sample"])
        held = training_texts(data, "val", ("self_dialogue",))
        held = held[:: max(1, len(held) // HELD)]
        self.validation = [piece for text in held for piece in in_pieces(text, longest)]

    def methods(self) -> list[Method]:
        """Raises: RecipeError for a compression of the weights that are a sum."""
        if not self.options.get("spelled"):
            return []
        if odd := sorted(self.recipe.compress.keys() - {"start"}):
            raise RecipeError(
                f"{self.recipe.name}: compress.{odd[0]} and data.spelled in one training; compress "
                "what was trained"
            )
        return [Spelled()]

    def build(self) -> Decoder:
        """A network of the recipe's sizes."""
        return decoder(**self.recipe.network)

    def batch(self, step: int) -> dict[str, Tensor]:
        """As the class says."""
        rng = np.random.default_rng([self.recipe.seed, step])
        rows = self.near.rows(step, self.recipe.batch_size, self.recipe.seed)
        texts = [self._salad(rng, self.texts[row]) for row in rows]
        some = [self._asked(self.typist.typed(text, rng), text, rng) for text in texts]
        batch = stacked(some)
        batch |= self._told(step)
        wanted = _wanted(batch)
        wanted = wanted[wanted != NONE]
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        labels, likely = self.sample.drawn(wanted, generator)
        return {**batch, "labels": labels, "likely": likely.float(), **self._alike(labels)}

    @cached_property
    def near_told(self) -> NearLengths:
        """Of texts that are only read."""
        return NearLengths([len(text.split()) for text in self.texts])

    def _told(self, step: int) -> dict[str, Tensor]:
        """Texts whose words are foretold."""
        if not (count := self.options.get("foretold", 0)):
            return {}
        rows = self.near_told.rows(step, count, self.recipe.seed)
        labels = [torch.tensor(labelled(self.texts[row])) for row in rows]
        return {"told": pad_sequence(labels, batch_first=True, padding_value=NONE)}

    def _alike(self, labels: Tensor) -> dict[str, Tensor]:
        """What smoothing asks of the labels drawn."""
        if not self.smoothing:
            return {}
        shares = {"shares": self.sample.shares[labels].float()}
        return shares if self.vectors is None else {**shares, "vectors": self.vectors[labels]}

    def _salad(self, rng: np.random.Generator, text: str) -> str:
        """The text, or now and then as many words of the vocabulary, in no order."""
        if rng.random() >= self.options["salad"]:
            return text
        drawn = rng.integers(0, len(VOCABULARY.words), len(text.split()))
        return " ".join(VOCABULARY.words[at].lower() for at in drawn.tolist())

    def _asked(self, typed: Typed, text: str, rng: np.random.Generator) -> Questions:
        draws = rng.random(len(typed.text) + 1) < self.options["within"]
        return questions(typed, labelled(text), draws)

    def output(self, network: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        """Logits of the sampled labels and of an end."""
        assert isinstance(network, Decoder)
        given = (batch[name] for name in ("keystrokes", "before", "at", "known"))
        made = network.asked(*given).flatten(0, 1)
        if "told" in batch:
            told = batch["told"].clamp(min=0)  # what pads a text is foretold from, and not counted
            made = torch.cat([made, network.foretold(told).flatten(0, 1)])
        labels = torch.cat([batch["labels"], batch["labels"].new_tensor([END])])
        logits = F.linear(made, *network.words.output.table(labels))
        return logits - F.pad(batch["likely"], (0, 1))

    def counted(self, output: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Which questions want a word."""
        return _wanted(batch) != NONE

    def loss(self, output: Tensor, batch: Mapping[str, Tensor]) -> tuple[Tensor, float]:
        """Of a word and of an end, a question; and the share of right words behind runs."""
        words, end = batch["word"].flatten(), batch["end"].flatten()
        typed, told = output[: len(words)], output[len(words) :]
        loss = self._missed(typed, words, batch)
        ends = typed[end != NONE, -1]
        loss = loss + F.binary_cross_entropy_with_logits(ends, end[end != NONE].to(ends.dtype))
        if "told" in batch:
            loss = loss + self._missed(told, batch["told"].flatten(), batch)
        whole = end == 0
        right = batch["labels"][typed[whole, :-1].argmax(1)] == words[whole]
        return loss, float(right.float().mean()) if len(right) else 0.0

    def _missed(self, logits: Tensor, words: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Cross entropy of the words that are wanted."""
        asked = words != NONE
        target = torch.searchsorted(batch["labels"], words[asked])
        if self.smoothing:
            labels = Labels(batch["shares"], batch.get("vectors"), batch["likely"])
            target = smoothed(target, labels, self.smoothing)
        return F.cross_entropy(logits[asked, :-1], target)

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Shares of held-out dialogues, typed with 5 % wrong characters and with none.

        val_words: words read rightly where those before are known; val_sentences: of which all
        words and ends are, so that greedy reading is right; val_clean: words of clean sentences;
        val_completions: words within the first three while they are typed; val_foretold: before
        their first letter.
        """
        wrong, clean = (self._judged(network, rate) for rate in (0.05, 0.0))
        names = ("words", "sentences", "completions", "foretold")
        found = {f"val_{name}": wrong[name] for name in names}
        return {**found, "val_clean": clean["words"]}

    def _judged(self, network: nn.Module, rate: float) -> dict[str, float]:
        assert isinstance(network, Decoder)
        rng = np.random.default_rng(0)
        right: dict[str, list[bool]] = defaultdict(list)
        for first in range(0, len(self.validation), self.recipe.batch_size):
            texts = self.validation[first : first + self.recipe.batch_size]
            some = [self._asked(self.typist.typed(t, rng, rate=rate), t, rng) for t in texts]
            batch = stacked(some)
            device = next(network.parameters()).device
            given = [batch[name].to(device) for name in ("keystrokes", "before", "at", "known")]
            logits = network.words.output(network.asked(*given)).cpu()
            words, ends = logits[..., :-1].topk(3).indices, logits[..., -1] > 0
            word, end = batch["word"], batch["end"]
            same = words[..., 0] == word
            right["words"] += same[end == 0].tolist()
            among = (words == word[..., None]).any(2)
            right["completions"] += among[(end == NONE) & (word != NONE)].tolist()
            right["foretold"] += among[(end == 1) & (word != NONE)].tolist()
            fine = torch.where(end == 0, same & ~ends, torch.where(end == 1, ends, True))
            right["sentences"] += fine.all(1).tolist()
        return {name: float(np.mean(each)) for name, each in right.items()}
