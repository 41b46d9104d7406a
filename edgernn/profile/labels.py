"""What was measured of one step, in all bundles and places, each under a label of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgernn.profile.chip import ChipCost
from edgernn.profile.device import DeviceLatency
from edgernn.profile.gpu import GpuLatency
from edgernn.profile.latency import HostLatency
from edgernn.profile.plots import Reached
from edgernn.profile.report import Profile, Rows

Bars = dict[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Labelled:
    """Rows of a step by their labels: the place, and what tells it from others there."""

    profiles: Sequence[Profile]
    host: Mapping[str, HostLatency]
    devices: Mapping[str, DeviceLatency]
    chips: Mapping[str, ChipCost]

    def times(self) -> Bars:
        """p50 and p99."""
        both: dict[str, HostLatency | DeviceLatency] = {**self.host, **self.devices}
        return {label: (one.p50_us, one.p99_us) for label, one in both.items()}

    def counts(self) -> Bars:
        """Instructions, the mean and the most."""
        return {
            label: (one.count.mean, float(one.count.most))
            for label, one in self.chips.items()
            if one.count
        }

    def throughput(self) -> Bars:
        """Steps a second of all streams of a GPU together."""
        found = {}
        for profile in self.profiles:
            for one in profile.gpus:
                if every := one.steps_per_second:
                    found[_batch(one)] = (every, every)
        return found

    def nodes_us(self) -> dict[str, dict[str, float]]:
        """Time by node."""
        return {label: one.nodes_us for label, one in self.devices.items() if one.nodes_us}

    def nodes_counted(self) -> dict[str, dict[str, float]]:
        """Instructions by node."""
        return {label: one.by_node for label, one in self.chips.items() if one.by_node}

    def ram(self) -> dict[str, dict[str, float]]:
        """Bytes of state, scratch and stack."""
        found: dict[str, dict[str, float]] = {}
        both: dict[str, DeviceLatency | ChipCost] = {**self.devices, **self.chips}
        for label, one in both.items():
            parts = {"state": one.state_bytes, "scratch": one.scratch_bytes}
            if isinstance(one, ChipCost):
                parts["stack"] = one.stack_bytes
            found[label] = {name: float(n) for name, n in parts.items() if n}
        return {label: parts for label, parts in found.items() if parts}

    def flash(self) -> Bars:
        """Bytes that never change."""
        sizes = {label: one.weights_bytes for label, one in self.devices.items()}
        sizes |= {label: one.flash_bytes for label, one in self.chips.items()}
        return {label: (float(n), float(n)) for label, n in sizes.items() if n}

    def plans(self) -> list[tuple[Mapping[str, Any], str]]:
        """Memory plans, those that are alike once, and where they hold."""
        found: list[tuple[Mapping[str, Any], list[str]]] = []
        for one in self.profiles:
            if not one.plan:
                continue
            where = one.plan["target"]
            same = next((w for plan, w in found if _bytes(plan) == _bytes(one.plan)), None)
            if same is None:
                found.append((one.plan, [where]))
            elif where not in same:
                same.append(where)
        return [(plan, ", ".join(where)) for plan, where in found]

    def reached(self, name: str) -> dict[str, list[Reached]]:
        """By device: how near each code comes to what its weights' reading allows."""
        found: dict[str, list[Reached]] = {}
        for label, one in self.devices.items():
            if one.macs and one.weights_bytes and one.read_gb_per_s:
                tells = label.removeprefix(one.device)  # from others there
                point = Reached(
                    f"{name}{tells}",
                    one.macs / one.weights_bytes,
                    1e6 * one.macs / one.p50_us,
                    1e9 * one.read_gb_per_s,
                )
                found.setdefault(one.device, []).append(point)
        return found

    def time_rows(self, name: str) -> Rows:
        """For the overview."""
        both: dict[str, HostLatency | DeviceLatency] = {**self.host, **self.devices}
        return [
            {
                "step": name,
                "where": label,
                "p50 µs": one.p50_us,
                "p99 µs": one.p99_us,
                "times real time": round(1 / one.real_time_factor),
                "noise": f"{one.noise:.1%}" if isinstance(one, DeviceLatency) else None,
            }
            for label, one in both.items()
        ]

    def count_rows(self, name: str) -> Rows:
        """For the overview."""
        return [
            {
                "step": name,
                "where": label,
                "instructions": round(one.count.mean) if one.count else None,
                "per MAC": one.per_mac,
                "flash bytes": one.flash_bytes,
                "RAM bytes": sum(
                    n or 0 for n in (one.state_bytes, one.scratch_bytes, one.stack_bytes)
                ),
                "counted by": one.count.emulator if one.count else None,
            }
            for label, one in self.chips.items()
        ]

    def tables(self) -> list[tuple[str, Rows]]:
        """Every table of the profiles, under their bundles' names."""
        return [
            (f"{one.bundle}: {title.partition(': ')[2] or title}", rows)
            for one in self.profiles
            for title, rows in one.tables()
        ]


def labelled(profiles: Sequence[Profile]) -> Labelled:
    """Label all rows of one step of one model."""
    host = [(one, row, f"here, by Session, {row.backend}") for one in profiles for row in one.host]
    devices = [(one, row, row.device) for one in profiles for row in one.devices]
    chips = [(one, row, _place(row)) for one in profiles for row in one.chips]
    groups: list[list[tuple[Profile, Any, str]]] = [[*host], [*devices], [*chips]]
    many = len({row.number_type for rows in groups for _, row, _ in rows}) > 1
    return Labelled(profiles, *(_named(rows, many=many) for rows in groups))


def _named(rows: Sequence[tuple[Profile, Any, str]], *, many: bool) -> dict[str, Any]:
    """many: there are several number types, so each row's own is told; bundles where need be."""
    names = [f"{where}, {row.number_type}" if many else where for _, row, where in rows]
    counted = Counter(names)
    found = {}
    for name, (profile, row, _) in zip(names, rows, strict=True):
        found[f"{name}, {profile.bundle}" if counted[name] > 1 else name] = row
    return found


def _place(chip: ChipCost) -> str:
    return f"{chip.device}, {chip.target}" if chip.device else chip.target


def _batch(one: GpuLatency) -> str:
    streams = "1 stream" if one.streams == 1 else f"{one.streams:,} streams"
    return f"{one.device}, {one.how}, {streams}"


def _bytes(plan: Mapping[str, Any]) -> Any:
    """What makes two plans alike: all but where they hold."""
    return {key: value for key, value in plan.items() if key != "target"}
