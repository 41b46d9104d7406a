"""Model cards: measure a model and its bundles on the data, and write what came out.

models/NAME/evaluate.py says what is measured (`evaluate(run, data)`, `validate(run, data)`,
`from_session` and, if torch itself is measured too, `from_network`, which are handed all steps by
name where there are several; `task(run, data)` is one figure for the parity matrix).
models/NAME/card.py says how it reads (`render(metrics)`, and if it has any the `pictures(metrics)`
beside it, text by file name). No measured number in a card is written by hand: CARD.md is made from
metrics.json, and metrics.json by `measure`.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from edgernn.errors import DataError, ModelError
from edgernn.model import Model, find_model

METRICS, CARD = "metrics.json", "CARD.md"


def measure(
    name: str,
    data: Path,
    bundles: Iterable[Path] = (),
    *,
    say: Callable[[str], object] = lambda line: None,
) -> dict[str, Any]:
    """Figures of the torch network and of each bundle, by a label such as `C w8a8`.

    A variant's bundle is labelled with its name. Sizes are those on a bundle's target.

    Raises: ModelError if the model has no evaluate.py, DataError for data that is not there.
    """
    model = find_model(name)
    evaluate = part_of(model, "evaluate")
    if not data.is_dir():
        raise DataError(f"{data}: no such directory; --data takes the one with the archives")
    steps = model.steps()
    figures, validation, sizes = {}, None, {}
    if hasattr(evaluate, "from_network"):
        run = evaluate.from_network(one_or_all(steps))
        say(f"{name}: measuring torch fp32")
        figures["torch fp32"] = evaluate.evaluate(run, data)
        validation = evaluate.validate(run, data)
    for path in bundles:
        sessions, label = sessions_of(path)
        say(f"{name}: measuring {label} ({path})")
        run = evaluate.from_session(one_or_all(sessions))
        figures[label] = evaluate.evaluate(run, data)
        validation = validation or evaluate.validate(run, data)
        built = next(iter(sessions.values())).bundle.all_built()
        for step, row in built.items():
            where = label if len(built) == 1 else f"{label}, {step}"
            facts = row.get("facts") or {}
            sizes[where] = {name: fact for name, fact in facts.items() if name != "memory_plan"}
    if validation is None:
        raise ModelError(f"{name}: is measured as a bundle; give one that edgernn export made")
    return {
        "model": name,
        "parameters": sum(p.numel() for step in steps.values() for p in step.parameters()),
        "figures": figures,
        "validation": validation,
        "sizes": sizes,
    }


def write_card(name: str, metrics: Mapping[str, Any], folder: Path | None = None) -> Path:
    """Write metrics.json, CARD.md and its pictures into `folder`, else the model's own.

    Gives the path of the card.
    """
    model = find_model(name)
    part = part_of(model, "card")
    text = part.render(metrics)
    pictures = getattr(part, "pictures", None)
    folder = folder or model.folder or Path()
    folder.mkdir(parents=True, exist_ok=True)
    document = json.dumps(metrics, indent=1) + "\n"
    (folder / METRICS).write_text(document, encoding="utf-8")
    (folder / CARD).write_text(text, encoding="utf-8")
    for name, picture in (pictures(metrics) if pictures else {}).items():
        (folder / name).write_text(picture, encoding="utf-8")
    return folder / CARD


def part_of(model: Model, part: str) -> Any:
    """models/NAME/PART.py. Raises: ModelError for a model that has none."""
    if model.folder is None or not (model.folder / f"{part}.py").is_file():
        raise ModelError(f"{model.name}: has no {part}.py; only a model in models/ has a card")
    return importlib.import_module(f"edgernn.models.{model.name}.{part}")


def one_or_all(steps: Mapping[str, Any]) -> Any:
    """The only step of a model, or all of them by name."""
    return steps if len(steps) > 1 else next(iter(steps.values()))


def sessions_of(path: Path) -> tuple[Mapping[str, Any], str]:
    """Sessions over a bundle's own code for this machine, and what to call it in the card."""
    from edgernn.runtime import open_steps

    sessions = open_steps(path)
    last = list(sessions.values())[-1]
    artifact, variant = last.artifact, last.bundle.manifest.get("variant")
    backend = "C" if artifact["backend"] == "c" else artifact["backend"]
    label = f"{backend} {artifact['number_type']}"
    return sessions, f"{variant}: {label}" if variant else label
