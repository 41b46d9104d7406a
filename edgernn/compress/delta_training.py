"""Train a delta network: measured thresholds, their ramp, and a penalty on what moves."""

from __future__ import annotations

import copy
from contextlib import ExitStack
from dataclasses import asdict, replace
from typing import Any

import torch
from torch import Tensor, nn

from edgernn.compress.delta import Delta, held_signals
from edgernn.compress.signals import Signal, deviations, watched
from edgernn.state import State
from edgernn.train.loop import Task
from edgernn.train.method import Batch, Method
from edgernn.train.recipe import Recipe


class DeltaTrainer(Method):
    """Restructures a network and teaches it to stand still.

    Deviations are those of the first batch, heard by the network that the training begins with;
    so they follow from the recipe and the data, and a resumed training finds the same.
    """

    def __init__(self, how: Delta, task: Task) -> None:
        self.how, self.task = how, task
        self.found: list[Signal] = []
        self.scales: dict[str, float] = {}
        self.moves: list[Tensor] = []  # of this step, in deviations, weighed by weights
        self.watching = ExitStack()

    def attach(self, network: nn.Module) -> None:
        """Measure what is to be measured, and hold. Raises: ModelError as `Delta.apply`."""
        if self.how.relative or self.how.l1:
            self.scales = self._measured(network)
            self.how = self.how.resolved(self.scales)
        self.how.apply(network)
        self.found = held_signals(network, self.how)
        if self.how.l1:
            self.watching.enter_context(watched(network, self.found, self._see))

    def before_step(self, network: nn.Module, step: int) -> None:
        """Raise the thresholds."""
        self.moves.clear()
        if self.how.ramp:
            self.how.scaled(min(1.0, (step + 1) / self.how.ramp)).apply(network)

    def extra(self, network: nn.Module, batch: Batch, output: Tensor) -> Tensor | float:
        """The penalty, the mean over all weights behind holds."""
        return self.how.l1 * torch.stack(self.moves).sum() if self.moves else 0.0

    def finish(self, network: nn.Module) -> None:
        """With the last thresholds, and unwatched."""
        self.how.apply(network)
        self.watching.close()

    def settled(self, recipe: Recipe) -> Recipe:
        """With the thresholds that were measured."""
        return replace(recipe, compress={**recipe.compress, "delta": _table(self.how)})

    def _measured(self, network: nn.Module) -> dict[str, float]:
        trial = copy.deepcopy(network).eval()
        self.how.opened().apply(trial)
        device = next(network.parameters()).device
        batch = {name: tensor.to(device) for name, tensor in self.task.batch(0).items()}
        found = held_signals(trial, self.how)
        return deviations(trial, found, lambda: self.task.output(trial, batch))

    def _see(self, path: str, module: Any, x: Tensor, state: State, y: Tensor) -> None:
        """Keep how much a module's signals move, if this run is one to learn from.

        The input of an LSTM's projection is not seen from outside; its output h stands for it.
        """
        if not torch.is_grad_enabled() or x.shape[1] < 2:
            return
        every = sum(signal.weights for signal in self.found)
        for signal in self.found:
            if signal.path == path and every and signal.leaf != "held_m":
                seen = y if signal.leaf == "held_h" else x
                moves = (seen[:, 1:] - seen[:, :-1]).abs().mean()
                scale = max(self.scales[signal.name], 1e-8)
                self.moves.append(moves * (signal.weights / every / scale))


def _table(how: Delta) -> dict[str, Any]:
    """The settings as they are written in a recipe."""
    return {name: value for name, value in asdict(how).items() if name != "relative"}
