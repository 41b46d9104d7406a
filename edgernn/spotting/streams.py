"""A `Run`: samples of a whole stream in, logits of every frame out, from the initial state.

Whatever is measured is one, so torch, C fp32 and C w8a8 go through the same figures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgernn.spotting.sound import Wave

Logits = NDArray[np.float32]
Run = Callable[[Wave], Logits]


def from_network(network: Any) -> Run:
    """Run a torch Streaming network over whole streams."""
    import torch

    def run(audio: Wave) -> Logits:
        device = next((p.device for p in network.parameters()), "cpu")
        with torch.no_grad():
            out = network(torch.from_numpy(audio).to(device).view(1, -1, 1))
        return np.asarray(out[0].cpu().numpy())

    return run


def from_session(session: Any) -> Run:
    """Run an `edgernn.runtime.Session` frame by frame."""

    def run(audio: Wave) -> Logits:
        session.reset()
        frames = audio.reshape(-1, 1, session.timing.block, 1)
        return np.stack([np.asarray(session.step(frame)).reshape(-1) for frame in frames])

    return run
