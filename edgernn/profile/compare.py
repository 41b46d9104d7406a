"""Two profiles of the same: is a step slower now, by a confidence interval, or can't that be told.

Times are told by the medians of rounds. A difference counts if the 95 % interval of the ratio of
medians, by a bootstrap over the rounds, is beyond what the machine's own noise explains: half the
spread of the middle half of the rounds, then and now, and DRIFT between one run and the next.
Counts of instructions are exact: any difference counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgernn.errors import DataError

SCHEMA, VERSION = "edgernn.profile", 1
DRIFT = 0.05  # of the same code from run to run on a shared machine, beyond its noise within one
NEAR = 0.05  # what is within it is the same
DRAWS = 2000  # of the bootstrap
SLOWER, FASTER, SAME, UNSURE = "slower", "faster", "same", "cannot tell"
KEY = ("model", "step", "where", "backend", "number_type")


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


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Verdict]:
    """Verdicts of all that both documents have.

    Raises: DataError for another schema, or if they have nothing in common.
    """
    for document in (old, new):
        found = (document.get("schema"), document.get("version"))
        if found != (SCHEMA, VERSION):
            raise DataError(
                f"a profile of schema {found[0]} {found[1]}; need {SCHEMA} {VERSION}, as "
                "edgernn profile --json writes it: measure it anew"
            )
    before, after = _figures(old), _figures(new)
    common = [key for key in after if key in before]
    if not common:
        raise DataError("the two profiles have no step, code and place in common")
    return [_verdict(key, before[key], after[key]) for key in common]


def apart(document: Mapping[str, Any]) -> list[Verdict]:
    """Steps of several bundles that were measured in turn on one device, each beside the first."""
    found = []
    rows = [
        (profile["bundle"], profile["step"], row)
        for profile in document["profiles"]
        for row in profile["devices"]
    ]
    for at, (bundle, step, row) in enumerate(rows):
        first = next(
            (name, other)
            for name, of, other in rows
            if (of, other["device"]) == (step, row["device"])
        )
        if first[1] is not rows[at][2]:
            key = (step, row["device"], f"{bundle} beside {first[0]}")
            times = (("µs", one["rounds_us"]) for one in (first[1], row))
            found.append(_verdict(key, *times))
    return found


def _figures(document: Mapping[str, Any]) -> dict[tuple[str, ...], tuple[str, Any]]:
    """(unit, medians of rounds or a count) of everything measured, by what it is."""
    found: dict[tuple[str, ...], tuple[str, Any]] = {}
    for profile in document["profiles"]:
        head = (profile["model"], profile["step"])
        for row in profile["host"]:
            place = (*head, "here", row["backend"], row["number_type"])
            found[place] = ("µs", row["rounds_us"])
        for row in profile["devices"]:
            place = (*head, row["device"], row["backend"], row["number_type"])
            found[place] = ("µs", row["rounds_us"])
        for row in profile["chips"]:
            if row["count"]:
                place = (*head, row["target"], "c", row["number_type"])
                found[place] = ("instructions", row["count"]["mean"])
    return found


def _verdict(key: Sequence[str], old: tuple[str, Any], new: tuple[str, Any]) -> Verdict:
    what, unit = " ".join(dict.fromkeys(key)), new[0]
    if unit != "µs":
        ratio = new[1] / old[1]
        verdict = SAME if ratio == 1 else SLOWER if ratio > 1 else FASTER
        return Verdict(what, unit, old[1], new[1], ratio, ratio, ratio, verdict)
    then, now = np.array(old[1]), np.array(new[1])
    rng = np.random.default_rng(0)

    def drawn(rounds: Any) -> Any:
        return np.median(rng.choice(rounds, (DRAWS, len(rounds))), axis=1)

    ratio = float(np.median(now) / np.median(then))
    low, high = (float(x) for x in np.percentile(drawn(now) / drawn(then), [2.5, 97.5]))
    beyond = noise(then) + noise(now) + DRIFT
    verdict = UNSURE
    if low > 1 + beyond:
        verdict = SLOWER
    elif high < 1 - beyond:
        verdict = FASTER
    elif low > 1 - NEAR and high < 1 + NEAR:
        verdict = SAME
    return Verdict(
        what, unit, float(np.median(then)), float(np.median(now)), ratio, low, high, verdict
    )


def noise(rounds: Any) -> float:
    """Half the spread of the middle half of the rounds' medians, as a share of their median."""
    low, middle, high = np.percentile(rounds, [25, 50, 75])
    return float((high - low) / 2 / middle)
