"""Words that the recogniser gets wrong by how much it hears of its internal language model.

    python -m benchmarks.internal_lm --data PATH asr/small asr asr/large
    python -m benchmarks.internal_lm --data PATH runs/many            # the sizes of a supernet

Each is a model's name or the folder of a training. Greedy, in torch; beside it the CTC head, which
has no such model. `internal_lm` of a recipe's [network] is chosen by the validation's columns.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.document import table
from benchmarks.todm_plan import SIZES
from benchmarks.todm_runs import trained_network
from edgernn.errors import EdgernnError
from edgernn.model import find_model
from edgernn.models.asr.data import Utterance, load_an4
from edgernn.models.asr.evaluate import hypotheses, total
from edgernn.recognition.transducer import LabelEmbedding, Transducer
from edgernn.train.recipe import read_recipe

SHARES = (0.0, 0.1, 0.3, 0.5, 0.7, 1.0)
SPLITS = {"val": "validation", "test": "test"}


def networks(name: str, data: Path) -> Iterator[tuple[str, Transducer]]:
    """What was trained, or the sizes of a supernet. Raises: ModelError, UnknownName, DataError."""
    model = find_model(name)
    assert model.recipe is not None, "a recogniser has a recipe"
    assert model.weights is not None, "and weights"
    recipe = read_recipe(model.name, model.recipe)
    for size in SIZES if recipe.supernet else ("",):
        network = trained_network(model, recipe, model.weights.parent, data, size)
        yield f"{name}: {size}" if size else name, network


@torch.no_grad()
def measured(
    form: str, network: Transducer, splits: Mapping[str, list[Utterance]]
) -> list[dict[str, Any]]:
    """A row for each split: word error rates by share, and of the head."""
    (embed,) = [one for one in network.predictor.modules() if isinstance(one, LabelEmbedding)]
    rows = []
    for split, some in splits.items():
        row: dict[str, Any] = {"form": form, "split": split, "wer": {}}
        for share in SHARES:
            embed.internal_lm = share
            heard = hypotheses(network, some)
            row["wer"][f"{share:g}"] = total(some, heard["wer"]).rate
        rows.append(row | {"ctc_wer": total(some, heard["ctc_wer"]).rate})
    return rows


def mean(rows: Sequence[dict[str, Any]], split: str) -> dict[str, Any]:
    """Of all forms."""
    some = [row for row in rows if row["split"] == split]
    wer = {share: sum(row["wer"][share] for row in some) / len(some) for share in some[0]["wer"]}
    ctc = sum(row["ctc_wer"] for row in some) / len(some)
    return {"form": f"mean of {len(some)}", "split": split, "wer": wer, "ctc_wer": ctc}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Gives the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.internal_lm",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("models", nargs="+", help="names or folders of trainings")
    parser.add_argument("--data", type=Path, required=True, help="folder with an4_mfcc13.npz")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    rows: list[dict[str, Any]] = []
    try:
        splits = {split: load_an4(options.data, split) for split in SPLITS}
        for name in options.models:
            for form, network in networks(name, options.data):
                rows += measured(form, network, splits)
    except EdgernnError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(rows, indent=1))
        return 0
    rows += [mean(rows, split) for split in SPLITS]
    cells = [
        [row["form"], SPLITS[row["split"]]]
        + [f"{100 * rate:.1f}" for rate in (*row["wer"].values(), row["ctc_wer"])]
        for row in rows
    ]
    print("\n".join(table(["", "", *(f"{share:g}" for share in SHARES), "CTC head"], cells)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
