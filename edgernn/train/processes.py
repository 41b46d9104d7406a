"""Work on several processes and hosts: of a batch each draws a part, gradients are averaged.

    torchrun --nproc-per-node 2 -m edgernn train kws --data PATH

`torchrun` says in the environment who takes part. Batches of N processes are those of N steps at an
Nth of the size, so that all together see what one alone would see in as many steps. The first
process validates, and writes all files; the others need nothing of its disk.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, distributed, nn

from edgernn.errors import EdgernnError
from edgernn.train.recipe import Recipe, RecipeError


@dataclass(frozen=True, slots=True)
class Processes:
    """Who takes part: this one's number, how many there are, its number on this host."""

    rank: int = 0
    size: int = 1
    local: int = 0

    @property
    def first(self) -> bool:
        """Whether this one validates and writes."""
        return self.rank == 0

    def share(self, recipe: Recipe) -> Recipe:
        """The recipe with this process's part of a batch.

        Raises: RecipeError if that is no whole number.
        """
        if recipe.batch_size % self.size:
            raise RecipeError(
                f"{recipe.name}: batch_size {recipe.batch_size} does not divide among {self.size} "
                "processes"
            )
        return replace(recipe, batch_size=recipe.batch_size // self.size)

    def at(self, step: int) -> int:
        """The number of this process's batch in a step."""
        return step * self.size + self.rank

    def mean(self, tensors: Sequence[Tensor]) -> None:
        """Put the mean over all processes into each tensor."""
        if self.size > 1 and tensors:
            flat = torch.cat([tensor.detach().flatten() for tensor in tensors])
            with self.answered():
                distributed.all_reduce(flat)
            flat /= self.size
            parts = torch.split(flat, [tensor.numel() for tensor in tensors])
            with torch.no_grad():
                for tensor, part in zip(tensors, parts, strict=True):
                    tensor.copy_(part.view_as(tensor))

    def mean_gradients(self, network: nn.Module) -> None:
        """Average all gradients, and the statistics that batch norms have just moved."""
        self.mean([p.grad for p in network.parameters() if p.grad is not None])
        norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm1d)]
        running = [t for norm in norms for t in (norm.running_mean, norm.running_var)]
        self.mean([tensor for tensor in running if tensor is not None])

    def any(self, value: bool, device: torch.device) -> bool:
        """Whether it is so on any process."""
        if self.size == 1:
            return value
        held = torch.tensor(float(value), device=device)
        with self.answered():
            distributed.all_reduce(held)
        return bool(held > 0)

    def of_first(self, value: Any) -> Any:
        """What the first process has, on all."""
        if self.size == 1:
            return value
        held = [value]
        with self.answered():
            distributed.broadcast_object_list(held)
        return held[0]

    def of_all(self, value: Any) -> list[Any]:
        """What each process has, on all."""
        held = [value] * self.size
        if self.size > 1:
            with self.answered():
                distributed.all_gather_object(held, value)
        return held

    @contextmanager
    def answered(self) -> Iterator[None]:
        """While others are waited for. Raises: EdgernnError if one is lost, or none answers."""
        try:
            yield
        except RuntimeError as cause:
            line = str(cause).strip().splitlines()[0]
            raise EdgernnError(
                f"process {self.rank} of {self.size}: another was lost ({line}); start all again "
                "with --resume"
            ) from cause


ALONE = Processes()


def processes() -> Processes:
    """Who takes part, as `torchrun` says; without it this process alone."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return ALONE
    return Processes(int(os.environ["RANK"]), size, int(os.environ.get("LOCAL_RANK", "0")))


@contextmanager
def joined(who: Processes, device: torch.device) -> Iterator[None]:
    """Let the processes talk while it is open: nccl on a GPU, else gloo.

    Raises: EdgernnError if another process is lost, or none answers.
    """
    if who.size == 1:
        yield
        return
    # Imported while a group is there, as torch's exporter would, it keeps that group (its default
    # arguments) and the group's threads, which may abort the process when it ends.
    importlib.import_module("torch.distributed.nn.functional")
    backend = "nccl" if device.type == "cuda" else "gloo"
    try:
        with who.answered():
            distributed.init_process_group(backend, rank=who.rank, world_size=who.size)
        yield
        with who.answered():
            distributed.barrier()
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()
