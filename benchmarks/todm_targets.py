"""Subnetworks of `todm` compiled: words that their steps get wrong, bytes, instructions, time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.rows import Row
from benchmarks.todm_plan import CHOSEN, base, trained_on
from benchmarks.todm_runs import Bench
from benchmarks.trainings import in_time
from edgernn.audio import read_audio
from edgernn.bundle import open_bundle
from edgernn.errors import DoesNotFit
from edgernn.exporting import export
from edgernn.models.asr import SAMPLE_RATE_HZ
from edgernn.models.asr.augment import framed
from edgernn.models.asr.data import load_an4
from edgernn.models.asr.evaluate import from_session, total
from edgernn.profile.chip import cost
from edgernn.recognition.decode import Recognizer
from edgernn.runtime import open_steps
from edgernn.supernet.extract import cut_out, find_supernet
from edgernn.supernet.space import parse_label
from edgernn.train.recipe import Recipe

CHIPS = ("cortex-m7", "cortex-m55", "aarch64")
ROUNDS = 3  # of the timing


@dataclass(frozen=True, slots=True)
class Form:
    """A way to store a subnetwork.

    zeros: trained on until this share is zero; None: not at all. rounded: for its number type.
    """

    name: str
    number_type: str
    zeros: float | None = None
    rounded: bool = False


FORMS = (
    Form("w8a8", "w8a8"),
    Form("w4a8", "w4a8"),
    Form("w8a8, trained on", "w8a8", 0.0),
    Form("w4a8, trained for", "w4a8", 0.0, rounded=True),
    Form("w8a8, half of the cells' blocks zero", "w8a8", 0.5),
    Form("w4a8, half of the cells' blocks zero", "w4a8", 0.5),
)


def targets(bench: Bench, steps: int | None) -> None:
    """Rows of the chosen subnetworks of the first supernet in every form. Raises: OutOfTime."""
    recipe = base(1, steps)
    for name in CHOSEN:
        for form in FORMS:
            if bench.rows.get(*key(recipe, name, form)) is None:
                run = stored(bench, recipe, name, form)
                row = {"subnetwork": name, "form": form.name, "steps": recipe.steps}
                row |= on_host(bench, run, form.number_type)
                row |= {chip: on_chip(run, chip, form.number_type) for chip in CHIPS}
                bench.rows.note(row, *key(recipe, name, form))


def key(recipe: Recipe, subnetwork: str, form: Form) -> tuple[str, str, str]:
    """Of a row."""
    return recipe.fingerprint()[:16], subnetwork, form.name


def stored(bench: Bench, recipe: Recipe, subnetwork: str, form: Form) -> Path:
    """The folder of a subnetwork, trained on if its form is. Raises: OutOfTime."""
    supernet, choice = bench.trained(recipe), parse_label(subnetwork)
    in_time(bench.deadline)
    sliced = supernet.with_name(f"{supernet.name}-{subnetwork}")
    if not sliced.is_dir():
        net = find_supernet(str(supernet))
        cut_out(net, choice, sliced, net.whole(bench.data))
    if form.zeros is None:
        return sliced
    rounded = form.number_type if form.rounded else ""
    return bench.trained(trained_on(recipe, choice, sliced, form.zeros, rounded))


def built(run: Path, target: str, number_type: str) -> Path:
    """The bundle of a folder."""
    bundle = run / f"{target}-{number_type}.edgernn"
    if not bundle.is_file():
        export(str(run), target, number_type, bundle)
    return bundle


def on_host(bench: Bench, run: Path, number_type: str) -> Row:
    """Word errors of the compiled steps, their bytes, and the real-time factor."""
    bundle = built(run, "host", number_type)
    test = load_an4(bench.data, "test")
    heard = from_session(open_steps(bundle, on="host"))
    words = [heard(framed(one.cepstra)) for one in test]
    return {
        "wer": total(test, words).rate,
        "errors": bench.kinds(test, words),
        **weights_and_state(bundle),
        "real_time_factor": real_time_factor(bundle, bench.model.clips()),
    }


def weights_and_state(bundle: Path) -> dict[str, int]:
    """Bytes of the compiled steps, all together."""
    facts = [row["facts"] for row in open_bundle(bundle).all_built().values()]
    return {name: sum(one[name] for one in facts) for name in ("weights_bytes", "state_bytes")}


def real_time_factor(bundle: Path, clips: list[Path]) -> float:
    """Seconds of computing, Python's loop among them, a second of sound; greedy, one thread."""
    recognizer = Recognizer(open_steps(bundle, on="host"))
    sounds = [read_audio(path, SAMPLE_RATE_HZ) for path in clips]
    factors = []
    for _ in range(ROUNDS):
        taken = heard = 0.0
        for sound in sounds:
            blocks = list(sound.blocks(recognizer.block))
            start = time.process_time()
            recognizer.reset()
            for block in blocks:
                recognizer.push(block)
            recognizer.finish()
            taken += time.process_time() - start
            heard += len(blocks) * recognizer.block / SAMPLE_RATE_HZ
        factors.append(taken / heard)
    return round(median(factors), 5)


def on_chip(run: Path, chip: str, number_type: str) -> Row:
    """The bundle's bytes, those that go into flash, and instructions a second of sound.

    A predictor steps once a word, so at most once in a frame of the encoder: that is counted.
    None: what cannot be counted here, and all of it if the chip does not hold the steps.
    """
    try:
        path = built(run, chip, number_type)
    except DoesNotFit:
        return dict.fromkeys(("bundle_bytes", "flash_bytes", "instructions"))
    bundle = open_bundle(path)
    flash, seconds = 0, 0.0
    counted = True
    for step, entry in bundle.all_built().items():
        found = cost(bundle, step, entry)
        flash += found.flash_bytes or entry["facts"]["binary_bytes"]
        counted = counted and found.count is not None
        if found.count is not None:
            seconds += found.count.mean * 1000 / bundle.frame_ms(step)
    return {
        "bundle_bytes": path.stat().st_size,
        "flash_bytes": flash,
        "instructions": round(seconds) if counted else None,
    }


def sized(bench: Bench, name: str) -> None:
    """A row of the bytes that a trained network takes in w8a8. name: of its folder."""
    if bench.rows.get(name, "", "bytes") is None:
        bundle = built(bench.output / name, "host", "w8a8")
        bench.rows.note(weights_and_state(bundle), name, "", "bytes")
