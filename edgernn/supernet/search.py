"""Search a space for the best subnetwork within a budget: evolution, a controller, chance.

All three ask for the loss of one subnetwork after another and are given equally many; what does not
fit is never asked for.

Sources: evolution over a supernet: Guo et al. 2020, arXiv:1904.00420; the controller, trained by
REINFORCE with a moving baseline: Zoph and Le 2017, arXiv:1611.01578.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from edgernn.errors import ModelError
from edgernn.supernet.space import Choice, Space, label

Loss = Callable[[Choice], float]
Excess = Callable[[Choice], float]  # by how much a choice exceeds the budget; 0 if it fits

TRIES = 200  # draws in search of one that fits and is new
POPULATION, PARENTS, MUTATION = 20, 6, 0.3  # our choice
HIDDEN, RATE, BASELINE, ENTROPY = 32, 0.006, 0.8, 0.05  # of the controller; our choice


@dataclass(slots=True)
class Trials:
    """What was asked for so far. limit: how many may be. Each subnetwork is asked for once."""

    space: Space
    loss: Loss
    excess: Excess
    limit: int
    found: dict[str, tuple[float, Choice]] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        """Whether no more may be asked for, or nothing is left."""
        return len(self.found) >= min(self.limit, len(self.space))

    def ask(self, choice: Choice) -> float:
        """The loss of a choice that fits."""
        name = label(choice)
        if name not in self.found:
            self.found[name] = (self.loss(choice), choice)
        return self.found[name][0]

    def ranked(self) -> list[tuple[float, Choice]]:
        """All that was asked for, the best first."""
        return sorted(self.found.values(), key=lambda one: one[0])

    def new(self, draws: Iterator[Choice]) -> Choice | None:
        """The first of some draws that fits and was not asked for yet."""
        for _, choice in zip(range(TRIES), draws, strict=False):
            if label(choice) not in self.found and self.excess(choice) <= 0:
                return choice
        return None

    def any_new(self, source: random.Random) -> Choice | None:
        """One that fits, by chance; where chance finds none, the first of all that does."""
        return self.new(draws(self.space, source)) or next(
            (c for c in self.space if label(c) not in self.found and self.excess(c) <= 0), None
        )


def draws(space: Space, source: random.Random) -> Iterator[Choice]:
    """Choices by chance, without end."""
    while True:
        yield space.draw(source)


def search(
    method: str, space: Space, loss: Loss, excess: Excess, evaluations: int, *, seed: int = 0
) -> list[tuple[float, Choice]]:
    """Losses and choices, the best first; at most so many are evaluated.

    method: one of METHODS. Raises: ModelError for another, or if nothing fits, with the nearest.
    """
    if method not in METHODS:
        raise ModelError(f"search: {method!r}; need one of {', '.join(METHODS)}")
    trials = Trials(space, loss, excess, evaluations)
    METHODS[method](trials, random.Random(seed))
    if not trials.found:
        near = min(space, key=excess)
        raise ModelError(
            f"search: nothing in the space fits; the nearest is {label(near)}, "
            f"{excess(near):.3g} too large"
        )
    return trials.ranked()


def by_chance(trials: Trials, source: random.Random) -> None:
    """Evaluate what fits, by chance: what the others are compared with."""
    while not trials.over:
        choice = trials.any_new(source)
        if choice is None:
            return
        trials.ask(choice)


def evolve(trials: Trials, source: random.Random) -> None:
    """From a population by chance on, children of the best: two parents mixed, then mutated."""
    while not trials.over:
        grown = len(trials.found) >= POPULATION
        choice = trials.new(_children(trials, source)) if grown else None
        choice = choice or trials.any_new(source)
        if choice is None:
            return
        trials.ask(choice)


def _children(trials: Trials, source: random.Random) -> Iterator[Choice]:
    parents = [choice for _, choice in trials.ranked()[:PARENTS]]
    while True:
        one, other = source.sample(parents, 2)
        child = {name: source.choice((one[name], other[name])) for name in one}
        for name, values in trials.space.dimensions.items():
            if source.random() < MUTATION:
                child[name] = source.choice(values)
        yield child


class Controller(nn.Module):
    """An LSTM that chooses one dimension's value after the other, each beside those before."""

    def __init__(self, space: Space) -> None:
        super().__init__()
        self.space = space
        self.begin = nn.Parameter(torch.zeros(1, HIDDEN))
        self.cell = nn.LSTMCell(HIDDEN, HIDDEN)
        self.heads = nn.ModuleDict(
            {name: nn.Linear(HIDDEN, len(values)) for name, values in space.dimensions.items()}
        )
        self.embeds = nn.ModuleDict(
            {name: nn.Embedding(len(values), HIDDEN) for name, values in space.dimensions.items()}
        )

    def draw(self, generator: torch.Generator) -> tuple[Choice, Tensor, Tensor]:
        """A choice, the log of its likelihood, and the entropy of what it was drawn from."""
        x, state = self.begin, None
        choice: dict[str, int] = {}
        log_prob = entropy = torch.zeros(())
        for name, values in self.space.dimensions.items():
            h, c = self.cell(x, state)
            state = (h, c)
            log_probs = self.heads[name](h)[0].log_softmax(-1)
            index = torch.multinomial(log_probs.detach().exp(), 1, generator=generator)
            log_prob = log_prob + log_probs[index[0]]
            entropy = entropy - (log_probs.exp() * log_probs).sum()
            choice[name] = values[int(index)]
            x = self.embeds[name](index)
        return choice, log_prob, entropy


def reinforce(trials: Trials, source: random.Random) -> None:
    """A controller that makes likelier what did better than before; what does not fit is worst."""
    with torch.random.fork_rng():
        torch.manual_seed(source.getrandbits(31))
        controller = Controller(trials.space)
    generator = torch.Generator().manual_seed(source.getrandbits(31))
    optimizer = torch.optim.Adam(controller.parameters(), lr=RATE)
    baseline: float | None = None
    worst, repeats = 0.0, 0
    while not trials.over and repeats < TRIES:
        choice, log_prob, entropy = controller.draw(generator)
        before = len(trials.found)
        if trials.excess(choice) > 0:
            reward = -worst - 1.0
        else:
            loss = trials.ask(choice)
            worst, reward = max(worst, loss), -loss
        repeats = 0 if len(trials.found) > before else repeats + 1
        baseline = reward if baseline is None else BASELINE * baseline + (1 - BASELINE) * reward
        optimizer.zero_grad()
        (-(reward - baseline) * log_prob - ENTROPY * entropy).backward()  # type: ignore[no-untyped-call]
        optimizer.step()


METHODS: dict[str, Callable[[Trials, random.Random], None]] = {
    "evolution": evolve,
    "controller": reinforce,
    "random": by_chance,
}
