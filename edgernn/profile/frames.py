"""The frames that a profile is taken on: the bundle's golden inputs, which are real data."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from edgernn.backend import Array, np_dtype
from edgernn.bundle import Bundle
from edgernn.errors import BundleError


def frames(bundle: Bundle, step: str, most: int = 500) -> list[dict[str, Array]]:
    """At most `most` inputs by name, as `Session.step` takes them.

    A bundle without golden vectors is fed seeded noise. Raises: BundleError if they are damaged.
    """
    row = bundle.manifest["steps"][step]
    if row.get("golden") is None:
        return _noise(row, most)
    try:
        with np.load(io.BytesIO(bundle.read(row["golden"])), allow_pickle=False) as golden:
            inputs = {port["name"]: golden[f"in.{port['name']}"] for port in row["inputs"]}
    except BundleError:
        raise
    except Exception as cause:  # numpy's readers raise nearly anything for damaged bytes
        raise BundleError(f"{bundle.path}: golden vectors of {step}: {cause}") from cause
    count = min(most, *(len(array) for array in inputs.values()))
    if count == 0:
        raise BundleError(f"{bundle.path}: golden vectors of {step} are empty")
    return [{name: array[i] for name, array in inputs.items()} for i in range(count)]


def _noise(row: dict[str, Any], most: int) -> list[dict[str, Array]]:
    rng = np.random.default_rng(0)

    def draw(port: dict[str, Any]) -> Array:
        dtype = np_dtype(port["dtype"])
        if dtype.kind == "f":
            noise = rng.standard_normal(port["shape"]) / 10
            return np.asarray(noise, dtype)
        return np.zeros(port["shape"], dtype)  # tokens: 0 is the only one sure to exist

    return [{port["name"]: draw(port) for port in row["inputs"]} for _ in range(most)]
