"""The rows of `todm` as markdown tables; every row says of how many seeds and steps it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from statistics import fmean, stdev

from benchmarks.document import table
from benchmarks.rows import Row
from benchmarks.todm_plan import ABLATION, CHOSEN, FAMILIES, PARTS, SIZES, SUPERNET, base
from benchmarks.todm_runs import Rows
from benchmarks.todm_targets import CHIPS, FORMS, key
from edgernn.recognition.errors import Comparison, WordErrors, paired_bootstrap

BySeed = Mapping[int, Row]
Judged = Sequence[tuple[str, BySeed]]


@dataclass(frozen=True, slots=True)
class Found:
    """What there is of the trainings of so many seeds and steps."""

    rows: Rows
    seeds: int
    steps: int | None = None

    def of(self, part: str, name: str, subnetwork: str = "") -> BySeed:
        """Rows by seed."""
        found = {}
        for seed in range(1, self.seeds + 1):
            trainings = PARTS[part](base(seed, self.steps))
            key = next(one.key for one in trainings if one.name == name)
            row = self.rows.get(key, subnetwork)
            if row is not None:
                found[seed] = {**row, "key": key}
        return found

    def each(self, rows: BySeed) -> list[WordErrors]:
        """Errors of each utterance, those of all seeds added up."""
        return _added(self.rows.errors(row) for row in rows.values())

    def beside(self, some: Judged, others: Judged) -> Comparison | None:
        """Word error rates of some less those of others, over the seeds that both have."""
        one, other = [], []
        for (_, mine), (_, theirs) in zip(some, others, strict=True):
            both = mine.keys() & theirs.keys()
            one += [self.rows.errors(mine[seed]) for seed in sorted(both)]
            other += [self.rows.errors(theirs[seed]) for seed in sorted(both)]
        return paired_bootstrap(_added(one), _added(other)) if one else None


def _added(every: Iterable[list[WordErrors]]) -> list[WordErrors]:
    return [reduce(add, each) for each in zip(*every, strict=True)]


def mean(rows: BySeed, figure: str) -> float:
    """Over the seeds."""
    return fmean(row[figure] for row in rows.values())


def rate(rows: BySeed, figure: str) -> str:
    """A word error rate in per cent, with the deviation between seeds."""
    values = [100 * row[figure] for row in rows.values()]
    apart = f" ± {stdev(values):.1f}" if len(values) > 1 else ""
    return f"{fmean(values):.1f}{apart}" if values else ""


def difference(found: Comparison | None) -> str:
    """In points, with its 95 % interval."""
    if found is None:
        return ""
    low, high = 100 * found.low, 100 * found.high
    return f"{100 * found.difference:+.1f} ({low:+.1f} to {high:+.1f})"


def minutes(rows: BySeed) -> str:
    """Core-minutes of a training in one thread."""
    return f"{mean(counted, 'cpu_s') / 60:.1f}" if (counted := timed(rows)) else ""


def timed(rows: BySeed) -> BySeed:
    """Those whose time was counted: in several threads a core's time is no measure."""
    return {seed: row for seed, row in rows.items() if row["cpu_s"] is not None}


def _runs(*several: BySeed) -> list[str]:
    """Seeds and steps."""
    steps = sorted({row["steps"] for rows in several for row in rows.values()})
    return [" + ".join(str(len(rows)) for rows in several), ", ".join(f"{n:,}" for n in steps)]


def sizes(found: Found) -> list[str]:
    """Each size out of the supernet beside the same one trained by itself; what both cost."""
    head = ["size", "parameters", "seeds, both", "steps", "supernet", "its CTC head", "alone"]
    head += ["its CTC head", "difference", "core-minutes alone"]
    lines = []
    for name in SIZES:
        shared, alone = found.of("sizes", SUPERNET, name), found.of("sizes", name)
        if not shared and not alone:
            continue
        parameters = next(iter({**shared, **alone}.values()))["parameters"]
        apart = difference(found.beside([(name, shared)], [(name, alone)]))
        lines.append(
            [name, f"{parameters:,}", *_runs(shared, alone)]
            + [rate(rows, figure) for rows in (shared, alone) for figure in ("wer", "ctc_wer")]
            + [apart, minutes(alone)]
        )
    return [*table(head, lines), "", *_cost(found)] if lines else []


def _cost(found: Found) -> list[str]:
    """The supernet beside its sizes by themselves, all together; time over seeds that all have."""
    shared = [found.of("sizes", SUPERNET, name) for name in SIZES]
    every = [found.of("sizes", name) for name in SIZES]
    if not all(shared):
        return []
    line = f"The supernet takes {minutes(shared[-1])} core-minutes"
    if not all(every):
        return [f"{line}."]
    taken = [timed(rows) for rows in (shared[-1], *every)]
    seeds = set.intersection(*(set(rows) for rows in taken))
    if not seeds:
        return [f"{line}."]
    whole, *alone = (fmean(rows[seed]["cpu_s"] for seed in seeds) for rows in taken)
    times = whole / alone[-1]
    pairs = zip(shared, every, strict=True)
    relative = fmean(mean(one, "wer") / mean(other, "wer") for one, other in pairs) - 1
    return [
        f"{line}, {times:.1f} times the largest alone; the {len(SIZES)} alone take "
        f"{sum(alone) / 60:.1f} together. Its word errors are {100 * relative:+.1f} % of theirs, "
        "relative, in the mean of the sizes."
    ]


def ablation(found: Found) -> list[str]:
    """The supernet with one thing changed: sizes, mean, and beside the supernet as it is."""
    head = ["", "seeds", "steps", *SIZES, "mean", "CTC heads, mean", "beside the first"]
    head += ["core-minutes"]
    first = [(name, found.of("ablation", SUPERNET, name)) for name in SIZES]
    lines = []
    for name in ABLATION:
        judged = [(size, found.of("ablation", name, size)) for size in SIZES]
        if not all(rows for _, rows in judged):
            continue
        means = [100 * fmean(mean(rows, f) for _, rows in judged) for f in ("wer", "ctc_wer")]
        apart = "" if name == SUPERNET else difference(found.beside(judged, first))
        rows = judged[-1][1]
        lines.append(
            [name, *_runs(rows), *(rate(rows, "wer") for _, rows in judged)]
            + [f"{one:.1f}" for one in means]
            + [apart, minutes(rows)]
        )
    return table(head, lines) if lines else []


def families(found: Found) -> list[str]:
    """Encoders of about as many bytes by what they wait for."""
    head = ["encoder", "parameters", "bytes, w8a8", "of state", "latency, ms", "seeds", "steps"]
    head += ["RNN-T", "CTC head", "beside LSTM", "core-minutes"]
    lstm = found.of("families", "LSTM")
    lines = []
    for name in FAMILIES:
        rows = found.of("families", name)
        if not rows:
            continue
        one = next(iter(rows.values()))
        taken = next(filter(None, (bytes_of(found, row) for row in rows.values())), {})
        apart = "" if name == "LSTM" else difference(found.beside([(name, rows)], [(name, lstm)]))
        lines.append(
            [name, f"{one['parameters']:,}"]
            + [_whole(taken.get(what)) for what in ("weights_bytes", "state_bytes")]
            + [f"{one['latency_ms']:.0f}", *_runs(rows), rate(rows, "wer"), rate(rows, "ctc_wer")]
            + [apart, minutes(rows)]
        )
    return table(head, lines) if lines else []


def bytes_of(found: Found, row: Row) -> Row:
    """Bytes of a trained network, if they were asked."""
    return found.rows.get(row["key"], "", "bytes") or {}


def compiled(found: Found) -> list[Row]:
    """Rows of the subnetworks that were compiled."""
    recipe = base(1, found.steps)
    rows = [found.rows.get(*key(recipe, name, form)) for name in CHOSEN for form in FORMS]
    return [row for row in rows if row is not None]


def targets(found: Found) -> list[str]:
    """Chosen subnetworks in each form: words wrong, bytes, instructions, time; one seed."""
    head = ["subnetwork", "stored as", "steps", "RNN-T", "bytes of weights", "of state"]
    for chip in CHIPS:
        head += [f"{chip}: flash", "bundle", "million instructions"]
    head += ["real-time factor here"]
    lines = []
    for row in compiled(found):
        chips = [cell for chip in CHIPS for cell in on_chip(row[chip])]
        told = [row["subnetwork"], row["form"], f"{row['steps']:,}", f"{100 * row['wer']:.1f}"]
        told += [_whole(row["weights_bytes"]), _whole(row["state_bytes"])]
        lines.append([*told, *chips, f"{row['real_time_factor']:.4f}"])
    return table(head, lines) if lines else []


def on_chip(row: Row) -> list[str]:
    """Three cells of a chip."""
    if row["bundle_bytes"] is None:
        return ["does not fit", "", ""]
    count = row["instructions"]
    sizes = [_whole(row["flash_bytes"]), _whole(row["bundle_bytes"])]
    return [*sizes, "" if count is None else f"{count / 1e6:.1f}"]


def _whole(count: int | None) -> str:
    return "" if count is None else f"{count:,}"
