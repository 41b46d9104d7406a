"""Subnetworks evaluated on a Ray cluster, by a worker on each of its free CPUs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from edgernn.errors import MissingExtra, ToolError
from edgernn.supernet.evaluating import Evaluate, Figures
from edgernn.supernet.extract import Trained, find_supernet
from edgernn.supernet.space import Choice

LOST = 3  # times that a worker which is lost is begun anew


class Worker:
    """Holds the trained supernet and the data; paths mean what they mean where the search runs."""

    def __init__(self, here: str, folder: str, data: str) -> None:
        os.chdir(here)
        self.whole = find_supernet(folder).whole(Path(data))

    def figures(self, choice: Choice) -> Figures:
        """Of one subnetwork."""
        return self.whole.figures(choice)


@contextmanager
def on_ray(net: Trained, data: Path, address: str) -> Iterator[Evaluate]:
    """Evaluate on the cluster at `address`; "": on the one that Ray finds, else one begun here.

    Its machines need edgernn, and the folder and the data at the paths that they have here.

    Raises: MissingExtra; ToolError if no cluster answers, or a worker fails.
    """
    try:
        import ray
    except ImportError:
        raise MissingExtra("ray", "ray") from None
    from ray.util import ActorPool

    try:
        ray.init(address or None, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as cause:
        line = str(cause).strip().splitlines()[0]
        raise ToolError(f"Ray at {address or 'any address'}: {line}") from cause
    try:
        make = ray.remote(num_cpus=1, max_restarts=LOST, max_task_retries=LOST)(Worker).remote
        count = max(1, int(ray.available_resources().get("CPU", 1)))
        pool = ActorPool([make(os.getcwd(), net.model.reference, str(data)) for _ in range(count)])

        def evaluate(choices: Sequence[Choice]) -> Iterator[Figures]:
            yield from pool.map(lambda worker, choice: worker.figures.remote(choice), choices)

        yield evaluate
    except ray.exceptions.RayError as cause:
        line = str(cause).strip().splitlines()[-1].strip()
        raise ToolError(f"Ray: a worker failed: {line}; --resume goes on") from cause
    finally:
        ray.shutdown()
