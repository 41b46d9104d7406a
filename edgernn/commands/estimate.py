"""`edgernn estimate`: what a model will cost on a target, before anything is compiled."""

from __future__ import annotations

from typing import Any

import click

from edgernn.commands._complete import Model, NumberTypeName, on_target
from edgernn.commands._form import command, print_json, print_table, progress


@command
@click.argument("model", type=Model())
@on_target
@click.option(
    "--number-type",
    type=NumberTypeName(),
    help="As `edgernn export` has it; without it fp32, or what a bundle holds.",
)
def estimate(model: str, target: str, number_type: str | None, as_json: bool) -> None:
    """Predict what a MODEL, or a bundle, will take on a target.

    Instructions a step, flash and RAM, by prices fitted on counted kernels; nothing is compiled.
    MACs, weights, state and scratch are exact. Where a chip's manual gives cycles, an estimate of
    them, too. Instructions of a step on Cortex-M and aarch64 alone.

    \b
    edgernn estimate kws --target cortex-m4 --number-type w4a8
    edgernn estimate kws.edgernn --target cortex-m55
    edgernn estimate mine.py:build --target aarch64 --number-type w8a8 --json
    """
    from dataclasses import asdict

    from edgernn.estimate.estimate import estimate as estimated

    found = estimated(model, target, number_type, progress(as_json))
    if as_json:
        print_json([asdict(one) for one in found])
        return
    several = len({one.core for one in found}) > 1
    print_table([_row(asdict(one), several) for one in found])
    for note in dict.fromkeys(note for one in found for note in one.notes):
        click.echo(f"note: {note}")


def _row(one: dict[str, Any], several: bool) -> dict[str, Any]:
    """A line of the table. several: whether cores are told apart."""
    row = {"step": one["step"], **({"core": one["core"]} if several else {})}
    if one["instructions"] is not None:
        told = f"{one['error']:.0%}"
        row |= {"instructions": one["instructions"], "median error": told}
    if one["cycles"] is not None:
        row["cycles, estimated"] = one["cycles"]
    kept = ("macs", "flash_bytes", "weights_bytes", "state_bytes", "scratch_bytes", "ram_bytes")
    names = ("MACs", "flash", "of it weights", "state", "scratch", "RAM")
    found = {name: one[key] for key, name in zip(kept, names, strict=True)}
    return row | {name: value for name, value in found.items() if value is not None}


COMMAND = estimate
