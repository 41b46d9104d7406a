"""Two profiles of the same: is a step slower now, by a confidence interval, or can't that be told.

Times are told by the medians of rounds, each in a process of its own: a bootstrap over them gives
a 95 % interval of the ratio of medians. It is made twice, of the times as they are, and of the
times by the core's own pace in the same round: the clock of a shared machine differs by a tenth
from one minute to the next. A step is slower if both intervals are beyond DRIFT, by which the same
code differs all the same; the same if the second one is within NEAR; else it can't be told. Where
no pace was told, what the rounds' own noise explains then and now comes to DRIFT. Counts of
instructions are exact: any difference counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgernn.backend import Array
from edgernn.errors import DataError

SCHEMA, VERSION = "edgernn.profile", 1
DRIFT = 0.06  # of the same code from run to run on a shared machine; see docs/profile.md
NEAR = 0.05  # what is within it is the same
DRAWS = 2000  # of the bootstrap
SLOWER, FASTER, SAME, UNSURE = "slower", "faster", "same", "cannot tell"
Key = tuple[str, ...]  # model, step, where, backend, number type


@dataclass(frozen=True, slots=True)
class Verdict:
    """One step by one code in one place. ratio: now over then; low, high: its interval."""

    what: str
    unit: str
    then: float
    now: float
    ratio: float
    low: float
    high: float
    verdict: str

    def row(self) -> dict[str, Any]:
        """A table's."""
        return {
            "what": self.what,
            "unit": self.unit,
            "then": self.then,
            "now": self.now,
            "change": f"{self.ratio - 1:+.1%}",
            "95 %": f"{self.low - 1:+.1%} to {self.high - 1:+.1%}",
            "verdict": self.verdict,
        }


@dataclass(frozen=True, slots=True)
class Rounds:
    """A step's times by round, and the core's pace meanwhile, where it was told."""

    times: Array
    paces: Array | None


def checked(document: Any, source: str) -> dict[str, Any]:
    """A document that `compare` reads. Raises: DataError for another schema, or for none."""
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise DataError(f"{source}: is no profile; edgernn profile --json writes one")
    found = document.get("version")
    if found == VERSION:
        return document
    made = f"{source}: a profile of version {found}"
    if isinstance(found, int) and found > VERSION:
        by = document.get("edgernn", "a newer one")
        raise DataError(f"{made}, made by edgernn {by}; this one reads {VERSION}: update edgernn")
    raise DataError(f"{made}; this edgernn reads {VERSION}: measure it anew")


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Verdict]:
    """Verdicts of all that both documents have, which are checked.

    Raises: DataError if one lacks something, or if they have nothing in common.
    """
    before, after = _figures(old), _figures(new)
    common = [key for key in after if key in before]
    if not common:
        raise DataError("the two profiles have no step, code and place in common")
    return [_verdict(key, before[key], after[key]) for key in common]


def apart(document: Mapping[str, Any]) -> list[Verdict]:
    """Steps of several bundles that were measured in turn on one device, each beside the first."""
    found = []
    first: dict[tuple[str, str], tuple[str, Any]] = {}
    for profile in document["profiles"]:
        for row in profile["devices"]:
            step, device, bundle = profile["step"], row["device"], profile["bundle"]
            name, other = first.setdefault((step, device), (bundle, row))
            if other is not row:
                key = (step, device, f"{bundle} beside {name}")
                found.append(_verdict(key, _rounds(other), _rounds(row)))
    return found


def _figures(document: Mapping[str, Any]) -> dict[Key, Rounds | float]:
    """Rounds or a count of everything measured, by what it is."""
    found: dict[Key, Rounds | float] = {}
    try:
        for profile in document["profiles"]:
            head = (profile["model"], profile["step"])
            for row in profile["host"]:
                found[*head, "here", row["backend"], row["number_type"]] = _rounds(row)
            for row in profile["devices"]:
                found[*head, row["device"], row["backend"], row["number_type"]] = _rounds(row)
            for row in profile.get("gpus", ()):
                if row["rounds_us"]:
                    where = f"{row['device']} {row['streams']} streams"
                    found[*head, where, row["how"], row["number_type"]] = _rounds(row)
            for row in profile["chips"]:
                if row["count"]:
                    where = " ".join(filter(None, (row.get("device"), row["target"])))
                    found[*head, where, "c", row["number_type"]] = float(row["count"]["mean"])
    except (KeyError, TypeError, ValueError) as cause:
        said = f"lacks {cause}" if isinstance(cause, KeyError) else str(cause)
        raise DataError(f"a profile that is not whole: {said}; measure it anew") from cause
    return found


def _rounds(row: Mapping[str, Any]) -> Rounds:
    times = np.array(row["rounds_us"], np.float64)
    if times.ndim != 1 or not (times > 0).all() or not len(times):
        raise ValueError("rounds_us is no list of times")
    paces = np.array(row.get("paces_us") or [], np.float64)
    return Rounds(times, paces if len(paces) == len(times) else None)


def _verdict(key: Sequence[str], old: Rounds | float, new: Rounds | float) -> Verdict:
    what = " ".join(dict.fromkeys(key))
    if not isinstance(old, Rounds) or not isinstance(new, Rounds):
        assert isinstance(old, float)
        assert isinstance(new, float)
        ratio = new / old
        verdict = SAME if ratio == 1 else SLOWER if ratio > 1 else FASTER
        return Verdict(what, "instructions", old, new, ratio, ratio, ratio, verdict)
    spans, beyond = [_interval(old.times, new.times)], DRIFT
    if old.paces is not None and new.paces is not None:
        spans.append(_interval(old.times / old.paces, new.times / new.paces))
    else:
        beyond += noise(old.times) + noise(new.times)
    low, high = min(low for low, _ in spans), max(high for _, high in spans)
    verdict = UNSURE
    if low > 1 + beyond:
        verdict = SLOWER
    elif high < 1 - beyond:
        verdict = FASTER
    elif spans[-1][0] > 1 - NEAR and spans[-1][1] < 1 + NEAR:
        verdict = SAME
    then, now = float(np.median(old.times)), float(np.median(new.times))
    return Verdict(what, "µs", then, now, now / then, low, high, verdict)


def _interval(then: Array, now: Array) -> tuple[float, float]:
    """95 % of the ratio of medians, now over then."""
    rng = np.random.default_rng(0)
    drawn = [np.median(rng.choice(one, (DRAWS, len(one))), axis=1) for one in (now, then)]
    low, high = np.percentile(drawn[0] / drawn[1], [2.5, 97.5])
    return float(low), float(high)


def noise(rounds: Any) -> float:
    """Half the spread of the middle half of the rounds' medians, as a share of their median."""
    low, middle, high = np.percentile(rounds, [25, 50, 75])
    return float((high - low) / 2 / middle)
