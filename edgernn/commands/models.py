"""`edgernn models`: the models that come with edgernn."""

from __future__ import annotations

from edgernn.commands._form import command, print_json, print_table


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
            "labels": list(model.info.labels),
            "clips": [str(path) for path in model.clips()] if as_json else len(model.clips()),
        }
        for name, model in found.items()
    ]
    if as_json:
        print_json(rows)
    else:
        print_table(rows)


COMMAND = models
