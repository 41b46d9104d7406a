"""`edgernn models`: the models that come with edgernn."""

from __future__ import annotations

from collections.abc import Sequence

from edgernn.commands._form import command, print_json, print_table

SHOWN = 16  # labels of a model in a table


@command
def models(as_json: bool) -> None:
    """List the models that come with edgernn, trained.

    \b
    edgernn models
    edgernn models --json
    """
    from edgernn.model import find_model, shipped_names

    found = {name: find_model(name) for name in shipped_names()}
    rows = [
        {
            "model": name,
            "what": model.info.variants.get(model.variant or "", model.info.summary),
            "ms a step": model.info.frame_ms,
            "sample rate Hz": model.info.sample_rate_hz,
            "labels": list(model.info.labels) if as_json else _some(model.info.labels),
            "clips": [str(path) for path in model.clips()] if as_json else len(model.clips()),
        }
        for name, model in found.items()
    ]
    if as_json:
        print_json(rows)
    else:
        print_table(rows)


def _some(labels: Sequence[str]) -> list[str]:
    """All labels, or of many the first and how many more there are."""
    if len(labels) <= SHOWN:
        return list(labels)
    return [*labels[: SHOWN // 2], f"... {len(labels) - SHOWN // 2} more"]


COMMAND = models
