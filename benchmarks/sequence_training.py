"""Nets of the sequence tasks, how they are trained, and one-shot magnitude pruning of them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.sequence_tasks import IGNORED, Integers, Labelled, Task
from edgernn.compress.prune import Masked
from edgernn.compress.random_graphs import CELLS, GraphRNN, LayeredGraph, hold_at_zero
from edgernn.layers.embedding import Embedding
from edgernn.layers.linear import Linear
from edgernn.streaming import Sequential, Streaming

LAYERS = 3
POOL = 32  # batches that are sorted by length together
CLIP = 5.0  # norm of a gradient, as in the thesis
TEST_BATCH = 250
GROUPS = {
    "all": ("weight_ih_l0", "weight_hh_l0"),
    "input-to-hidden": ("weight_ih_l0",),
    "hidden-to-hidden": ("weight_hh_l0",),
}


def stacked(task: Task, cell: str, width: int) -> Streaming:
    """An embedding, three cells of equal width, and an output layer."""
    cells = {f"layer{k}": CELLS[cell](width, width) for k in range(LAYERS)}
    return Sequential(
        embedding=Embedding(task.tokens, width), **cells, out=Linear(width, task.classes)
    )


def wired(task: Task, cell: str, graph: LayeredGraph, form: Literal["ours", "thesis"]) -> Streaming:
    """An embedding as wide as the graph has sources, the graph, and an output layer."""
    sources = len(graph.layers[0])
    if form == "ours":
        inner = GraphRNN(sources, graph, cell=cell)
    else:
        inner = GraphRNN(sources, graph, cell=cell, skips="cells", reads="last")
    return Sequential(
        embedding=Embedding(task.tokens, sources),
        graph=inner,
        out=Linear(inner.output_size, task.classes),
    )


def batches(data: Labelled, size: int, rng: np.random.Generator) -> Iterator[Integers]:
    """Row numbers of batches in random order, each of sequences of about one length."""
    order, cut = rng.permutation(len(data)), []
    for start in range(0, len(data), size * POOL):
        pool = order[start : start + size * POOL]
        pool = pool[np.argsort(data.lengths[pool], kind="stable")]
        cut += [pool[k : k + size] for k in range(0, len(pool), size)]
    for k in rng.permutation(len(cut)):
        yield cut[k]


def judged_frames(net: Streaming, data: Labelled, rows: Integers) -> tuple[Tensor, Tensor]:
    """Logits (frames, classes) and targets (frames,) of the frames that have a label."""
    longest = int(data.lengths[rows].max())
    targets = torch.from_numpy(data.targets[rows, :longest])
    y = net(torch.from_numpy(data.tokens[rows, :longest]))
    kept = targets != IGNORED
    return y[kept], targets[kept]


def train_epoch(
    net: Streaming, data: Labelled, optimizer: torch.optim.Optimizer, rng: np.random.Generator,
    batch: int,
) -> None:  # fmt: skip
    """One pass over the data."""
    for rows in batches(data, batch, rng):
        logits, targets = judged_frames(net, data, rows)
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(logits, targets).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(net.parameters(), CLIP)
        optimizer.step()


@torch.no_grad()
def accuracy(net: Streaming, data: Labelled) -> float:
    """Share of the judged frames that are right."""
    right = frames = 0
    for rows in batches(data, TEST_BATCH, np.random.default_rng(0)):
        logits, targets = judged_frames(net, data, rows)
        right += int((logits.argmax(1) == targets).sum())
        frames += len(targets)
    return right / frames


def magnitude_masks(weights: Sequence[Tensor], share: float) -> list[Tensor]:
    """Which weights stay when the smallest `share` of them all, by magnitude, become zero."""
    sizes = torch.cat([weight.detach().abs().flatten() for weight in weights])
    keep = torch.ones(len(sizes), dtype=torch.bool)
    keep[sizes.argsort(stable=True)[: round(share * len(sizes))]] = False
    parts = torch.split(keep, [weight.numel() for weight in weights])
    return [part.view_as(weight) for part, weight in zip(parts, weights, strict=True)]


def pruned(net: Streaming, group: str, share: float) -> Streaming:
    """A copy whose `share` smallest weights of a group of the recurrent layers are held at zero."""
    net = copy.deepcopy(net)
    places = [(f"layer{k}", name) for k in range(LAYERS) for name in GROUPS[group]]
    weights = [net.get_parameter(f"{layer}.rnn.{name}") for layer, name in places]
    for (layer, name), mask in zip(places, magnitude_masks(weights, share), strict=True):
        cell = net.get_submodule(layer)
        assert isinstance(cell, Streaming)
        hold_at_zero(cell, name, mask)
    return net


def live_weights(net: Streaming) -> int:
    """Weights that are not held at zero, biases included."""
    held = sum(int((~module.mask).sum()) for module in net.modules() if isinstance(module, Masked))
    return sum(parameter.numel() for parameter in net.parameters()) - held
