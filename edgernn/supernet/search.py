"""Search a space for the best subnetwork within a budget: evolution, a controller, chance.

All three ask for equally many losses, round by round; what does not fit is never asked for. How
large a round is depends on nothing but the search, so that its result is the same wherever, and by
however many at once, the losses are found. benchmarks/search_methods.py compares them.

Sources: evolution over a supernet: Guo et al. 2020, arXiv:1904.00420; the controller, trained by
REINFORCE with a moving baseline: Zoph and Le 2017, arXiv:1611.01578.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from edgernn.errors import ModelError
from edgernn.supernet.space import Choice, Space, label

Losses = Callable[[Sequence[Choice]], Sequence[float]]
Excess = Callable[[Choice], float]  # how many times the budget a choice takes; 0 if it fits

TRIES = 200  # draws in search of one that fits and is new
ROUND = 8  # losses that are asked for at once; our choice
POPULATION, PARENTS, MUTATION = 8, 3, 0.3  # our choice
HIDDEN, RATE, BASELINE, ENTROPY = 32, 0.1, 0.8, 0.5  # of the controller; our choice
REPEATS = 5  # rounds without anything new, after which chance draws one


@dataclass(slots=True)
class Trials:
    """What was asked for so far. limit: how many may be. Each subnetwork is asked for once."""

    space: Space
    losses: Losses
    excess: Excess
    limit: int
    found: dict[str, tuple[float, Choice]] = field(default_factory=dict)

    @property
    def left(self) -> int:
        """How many more may be asked for."""
        return min(self.limit, len(self.space)) - len(self.found)

    def ask(self, choices: Iterable[Choice]) -> None:
        """Find the losses of choices that fit, of each once."""
        fresh = {label(choice): choice for choice in choices if label(choice) not in self.found}
        for name, loss in zip(fresh, self.losses(list(fresh.values())), strict=True):
            self.found[name] = (loss, fresh[name])

    def ranked(self) -> list[tuple[float, Choice]]:
        """All that was asked for, the best first."""
        return sorted(self.found.values(), key=lambda one: one[0])

    def new(self, choices: Iterable[Choice], most: int) -> list[Choice]:
        """The first that fit and were not asked for yet."""
        chosen: dict[str, Choice] = {}
        for choice in choices:
            if len(chosen) == min(most, self.left):
                break
            if label(choice) not in self.found.keys() | chosen and self.excess(choice) <= 0:
                chosen[label(choice)] = choice
        return list(chosen.values())

    def any_new(self, source: random.Random, most: int) -> list[Choice]:
        """Some that fit, by chance; where chance finds none, the first of all that do."""
        return self.new(draws(self.space, source), most) or self.new(self.space, most)


def draws(space: Space, source: random.Random) -> Iterator[Choice]:
    """Choices by chance."""
    for _ in range(TRIES):
        yield space.draw(source)


def search(
    method: str, space: Space, losses: Losses, excess: Excess, evaluations: int, *, seed: int = 0
) -> list[tuple[float, Choice]]:
    """Losses and choices, the best first; at most so many are evaluated.

    method: one of METHODS. Raises: ModelError for another, or if nothing fits, with the nearest.
    """
    if method not in METHODS:
        raise ModelError(f"search: {method!r}; need one of {', '.join(METHODS)}")
    trials = Trials(space, losses, excess, evaluations)
    METHODS[method](trials, random.Random(seed))
    if not trials.found:
        near = min(space, key=excess)
        raise ModelError(
            f"search: nothing in the space fits; the nearest is {label(near)}, "
            f"{excess(near):.3g} times the budget"
        )
    return trials.ranked()


def by_chance(trials: Trials, source: random.Random) -> None:
    """Evaluate what fits, by chance: what the others are compared with."""
    while choices := trials.any_new(source, ROUND):
        trials.ask(choices)


def evolve(trials: Trials, source: random.Random) -> None:
    """From a population by chance on, children of the best: two parents mixed, then mutated."""
    while choices := _generation(trials, source):
        trials.ask(choices)


def _generation(trials: Trials, source: random.Random) -> list[Choice]:
    missing = POPULATION - len(trials.found)
    children = [] if missing > 0 else trials.new(_children(trials, source), ROUND)
    return children or trials.any_new(source, max(missing, ROUND))


def _children(trials: Trials, source: random.Random) -> Iterator[Choice]:
    parents = [choice for _, choice in trials.ranked()[:PARENTS]]
    for _ in range(TRIES):
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

    def draw(self, count: int, generator: torch.Generator) -> tuple[list[Choice], Tensor, Tensor]:
        """Choices, the logs of their likelihoods, the entropies of what they were drawn from."""
        x, state = self.begin.expand(count, -1), None
        drawn: list[list[int]] = []
        log_prob = entropy = torch.zeros(count)
        for name, values in self.space.dimensions.items():
            state = self.cell(x, state)
            log_probs = self.heads[name](state[0]).log_softmax(-1)
            index = torch.multinomial(log_probs.detach().exp(), 1, generator=generator)
            log_prob = log_prob + log_probs.gather(1, index)[:, 0]
            entropy = entropy - (log_probs.exp() * log_probs).sum(-1)
            drawn.append([values[at] for at in index[:, 0].tolist()])
            x = self.embeds[name](index[:, 0])
        names = self.space.dimensions
        return (
            [dict(zip(names, one, strict=True)) for one in zip(*drawn, strict=True)],
            log_prob,
            entropy,
        )


def reinforce(trials: Trials, source: random.Random) -> None:
    """A controller that makes likelier what did better than before; what does not fit is worst.

    Rewards are in standard deviations of the losses so far, so that neither their unit nor their
    spread matters. Where it draws nothing new for long, chance does.
    """
    with torch.random.fork_rng():
        torch.manual_seed(source.getrandbits(31))
        controller = Controller(trials.space)
    generator = torch.Generator().manual_seed(source.getrandbits(31))
    optimizer = torch.optim.Adam(controller.parameters(), lr=RATE)
    baseline: float | None = None
    repeats = 0
    while trials.left:
        drawn, log_probs, entropies = controller.draw(ROUND, generator)
        fresh = trials.new(drawn, ROUND)
        repeats = 0 if fresh else repeats + 1
        if repeats == REPEATS:
            repeats, fresh = 0, trials.any_new(source, ROUND)
            if not fresh:
                return
        trials.ask(fresh)
        rewards = _rewards(trials, drawn)
        mean = float(rewards.mean())
        baseline = mean if baseline is None else BASELINE * baseline + (1 - BASELINE) * mean
        total = -((rewards - baseline) * log_probs + ENTROPY * entropies).sum()
        optimizer.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def _rewards(trials: Trials, drawn: Sequence[Choice]) -> Tensor:
    """Of choices that were evaluated; of the others one deviation below the worst."""
    known = [loss for loss, _ in trials.found.values()] or [0.0]
    mean, deviation = statistics.fmean(known), statistics.pstdev(known) or 1.0
    worst = (mean - max(known)) / deviation - 1
    found = [trials.found.get(label(choice)) for choice in drawn]
    return torch.tensor([(mean - one[0]) / deviation if one else worst for one in found])


METHODS: dict[str, Callable[[Trials, random.Random], None]] = {
    "evolution": evolve,
    "controller": reinforce,
    "random": by_chance,
}
