"""A compiled model in the place of the network that it was made from, to be judged by a Task."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from edgernn.backend import Array
from edgernn.runtime import Session, open_steps
from edgernn.state import State
from edgernn.streaming import Streaming


def compiled(network: nn.Module, bundle: Path) -> nn.Module:
    """A bundle's steps, as they run here, in the places of those of the network.

    Of several steps the task's network has those that it trains as children of their names.
    """
    played = {name: Played(one) for name, one in open_steps(bundle, on="host").items()}
    if len(played) == 1:
        return next(iter(played.values()))
    made = copy.deepcopy(network)
    for name in played.keys() & dict(made.named_children()).keys():
        setattr(made, name, played[name])
    return made


class Played(Streaming):
    """Steps a session, row by row.

    Shapes: as the step's, x (B, T, ...) -> y (B, T * ratio, ...).
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session, self.timing = session, session.timing

    def initial_state(self, batch: int) -> State:
        """The session's leaves by name, (B, ...) of them; () if it has none."""
        self.session.reset()
        return _stacked([self.session.state] * batch)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        leaves, outputs, states = dict(state), [], []
        for at, row in enumerate(x.detach().cpu().numpy()):
            self.session.load_state({name: leaf[at].numpy() for name, leaf in leaves.items()})
            outputs.append(self._row(row))
            states.append(self.session.state)
        return torch.from_numpy(np.stack(outputs)), _stacked(states)

    def _row(self, row: Any) -> Any:
        block = self.timing.block
        frames = [row[None, at : at + block] for at in range(0, len(row), block)]
        outputs = [np.asarray(self.session.step(frame)) for frame in frames]
        return np.concatenate([y.reshape(-1, *y.shape[2:]) for y in outputs])


def _stacked(rows: Sequence[Mapping[str, Array]]) -> State:
    return {name: torch.from_numpy(np.stack([row[name] for row in rows])) for name in rows[0]} or ()
