"""Pick the thresholds of a trained network that read the fewest columns within a loss allowed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from edgernn.compress.columns import Read, Stream, columns_read, whole
from edgernn.compress.delta import Delta, held_signals, owner, restful
from edgernn.compress.signals import Signal, deviations
from edgernn.compress.torchs import hides_its_steps, torchs_own
from edgernn.errors import ModelError

Loss = Callable[[nn.Module], float]

HALVINGS = 6  # of the range of multiples
TURN = 1.5  # how much one signal's multiple is tried larger and smaller beside the others
PAYS = 0.99  # of the columns: what a signal's own multiple must bring


@dataclass(frozen=True, slots=True)
class Picked:
    """Thresholds and what they do.

    how: to apply, or to write into a recipe. multiples: of each signal's standard deviation.
    loss, open_loss: with these thresholds and with none. reads: by signal, over the streams.
    """

    how: Delta
    multiples: dict[str, float]
    loss: float
    open_loss: float
    reads: list[Read]

    @property
    def share(self) -> float:
        """Of the weights behind holds: how many are read."""
        return whole(self.reads)


def pick_thresholds(
    network: nn.Module,
    streams: Sequence[Stream],
    loss: Loss,
    *,
    allowed: float,
    names: Sequence[str] = (),
    block: int = 1,
    most: float = 2.0,
) -> Picked:
    """The thresholds whose loss is at most `allowed` above that of the network without any.

    One multiple of every signal's standard deviation, by bisection below `most`; then each
    signal's own, where it pays. `loss` is asked 7 times, and up to 12 for each signal; the network
    is left as it is. names: of cells and layers; all cells if none are given.

    Raises: ModelError for a name that cannot hold, or if there is no cell.
    """
    search = _Search(network, streams, loss, names or restful(network), block)
    bound = search.open_loss + allowed
    best = search.along(dict.fromkeys(search.scales, 1.0), bound, (0.0, most))
    for signal in sorted(search.found, key=lambda s: -s.weights):
        for turn in (TURN, 1 / TURN):
            if not any(best.multiples.values()):
                continue
            direction = {**best.multiples, signal.name: best.multiples[signal.name] * turn}
            tried = search.along(direction, bound, (1 / TURN, TURN))
            if tried.share < PAYS * best.share:
                best = tried
                break
    return best


class _Search:
    """One network, and what thresholds make of it."""

    def __init__(
        self,
        network: nn.Module,
        streams: Sequence[Stream],
        loss: Loss,
        names: Sequence[str],
        block: int,
    ) -> None:
        self.network, self.streams, self.loss, self.block = network, streams, loss, block
        hidden = torchs_own(network)
        if not names and hidden:
            raise hides_its_steps("pick_thresholds", hidden)
        if not names:
            raise ModelError("pick_thresholds: the network has no cell that can hold; give names")
        opened = Delta(dict.fromkeys(names, 0.0), block=block)
        trial = self._with(opened)
        self.found: list[Signal] = held_signals(trial, opened)
        self.scales = deviations(trial, self.found, lambda: [s.through(trial) for s in streams])
        self.open_loss = loss(trial)
        self.opened = self._picked(trial, dict.fromkeys(self.scales, 0.0), self.open_loss)

    def along(
        self, direction: Mapping[str, float], bound: float, ends: tuple[float, float]
    ) -> Picked:
        """The largest multiple of a direction within the bound, by bisection."""
        low, high = ends
        best = self.opened
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            multiples = {name: middle * part for name, part in direction.items()}
            trial = self._with(self._settings(multiples))
            loss = self.loss(trial)
            if loss <= bound:
                low, best = middle, self._picked(trial, multiples, loss)
            else:
                high = middle
        return best

    def _settings(self, multiples: Mapping[str, float]) -> Delta:
        found: dict[str, list[float]] = {}
        for name, multiple in multiples.items():
            found.setdefault(owner(name), []).append(multiple * self.scales[name])
        return Delta(found, block=self.block)

    def _with(self, how: Delta) -> nn.Module:
        trial = copy.deepcopy(self.network).eval()
        how.apply(trial)
        return trial

    def _picked(self, trial: nn.Module, multiples: dict[str, float], loss: float) -> Picked:
        reads = columns_read(trial, self.streams)
        return Picked(self._settings(multiples), multiples, loss, self.open_loss, reads)
