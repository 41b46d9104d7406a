"""Which steps of which bundles are measured where: times by a clock, counts under emulation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgernn.backend import find_backend
from edgernn.bundle import Bundle, open_bundle
from edgernn.cuda import SCHEME, need_gpu
from edgernn.device import find_device
from edgernn.errors import DataError, EdgernnError, ToolError
from edgernn.profile.chip import ChipCost, cost
from edgernn.profile.device import DeviceLatency, Job, on_device
from edgernn.profile.gpu import GpuLatency, on_gpu
from edgernn.profile.image import runs_in_qemu
from edgernn.profile.latency import HostLatency, machine, measure
from edgernn.profile.nodes import by_node
from edgernn.profile.report import Profile
from edgernn.profile.runtimes import measured_row
from edgernn.step_code import artifact
from edgernn.target import Target, find_core, find_target

HERE = ("host", "any")
EMULATED = "qemu:"  # what is counted there, and never timed
Say = Callable[[str], None]


def profile(
    paths: Sequence[Path], seconds: float, progress: Say, devices: Sequence[str] = ()
) -> list[Profile]:
    """Measure every step of some bundles, `seconds` for each that runs natively.

    devices: where, by URL, those bundles that have code for it; without one, all artifacts that
        run here natively or under emulation.

    Raises: BundleError if a bundle is not whole, ToolError, UnknownName, DataError if no bundle has
        code for a device.
    """
    bundles = [open_bundle(path) for path in paths]
    jobs = [(bundle, step) for bundle in bundles for step in bundle.manifest["steps"]]
    if not devices:
        return [_every_artifact(bundle, step, seconds, progress) for bundle, step in jobs]
    timed: list[list[DeviceLatency]] = [[] for _ in jobs]
    counted: list[list[ChipCost]] = [[] for _ in jobs]
    batched: list[list[GpuLatency]] = [[] for _ in jobs]
    for url in devices:
        if url.startswith(SCHEME):
            need_gpu(url)
            for at, (bundle, step) in enumerate(jobs):
                progress(f"on {url}: {step} of {bundle.path.name}")
                batched[at] += on_gpu(bundle.path, step, url, seconds, bundle.frame_ms(step))
            continue
        emulated = url.startswith(EMULATED)
        target, core = _target(url)
        places = with_code(jobs, target)
        here = [jobs[at] for at in places]
        progress(f"on {url}: {', '.join(f'{step} of {b.path.name}' for b, step in here)}")
        if emulated:
            for at, (bundle, step) in zip(places, here, strict=True):
                entry = artifact(bundle, step, target.name)
                counted[at].append(_counted(bundle, step, entry, core))
            continue
        for at, row in zip(places, on_device(here, url, seconds), strict=True):
            if row and row.about.emulated:
                counted[at].append(_played(jobs[at], target, row))
            elif row:
                timed[at].append(row)
    rows = zip(jobs, timed, counted, batched, strict=True)
    return [
        _profile(job, (), tuple(chips), tuple(times), tuple(gpus))
        for job, times, chips, gpus in rows
    ]


def _target(url: str) -> tuple[Target, str]:
    """What a device runs, and the core that is asked for; "" is any."""
    if url.startswith(EMULATED):
        return find_core(url.removeprefix(EMULATED))
    return find_target(find_device(url).target), ""


def with_code(jobs: Sequence[Job], target: Target) -> list[int]:
    """Which have code for a target; of twins that several bundles bring along, the first.

    Raises: DataError if none has.
    """
    found, seen = [], set()
    lacking: DataError | None = None
    for at, (bundle, step) in enumerate(jobs):
        try:
            entry = measured_row(bundle, step, target.name)
        except DataError as cause:
            lacking = lacking or cause
            continue
        code = bundle.manifest["members"][entry["main"]]["sha256"]
        if bundle.manifest["target"] == target.name or (step, code) not in seen:
            found.append(at)
        seen.add((step, code))
    if lacking and not found:
        raise lacking
    return found


def _counted(bundle: Bundle, step: str, entry: dict[str, Any], core: str = "") -> ChipCost:
    """A chip's cost, by node where that can be had; else a note says why."""
    found = cost(bundle, step, entry, core)
    if found.count is None or not runs_in_qemu(find_target(entry["target"])):
        return found
    try:
        return replace(found, by_node=by_node(bundle, step, entry, core))
    except EdgernnError as cause:
        return replace(found, notes=(*found.notes, f"not by node: {cause}"))


def _played(job: Job, target: Target, ran: DeviceLatency) -> ChipCost:
    """What a step costs on a device that an emulator plays: its times are dropped."""
    bundle, step = job
    core = ran.about.cpu.lower()
    entry = measured_row(bundle, step, target.name)
    if ran.partial or entry["backend"] != "c":
        raise ToolError(
            ran.partial or f"{ran.device} is emulated, and its times of {entry['backend']} are none"
        )
    found = _counted(bundle, step, entry, core if core in target.cores else "")
    told = (
        f"{ran.device} is emulated, a {ran.about.cpu}: {ran.steps:,} steps ran there, whose times "
        "are no times of such a board"
    )
    return replace(found, device=ran.device, notes=(told, *found.notes))


def _every_artifact(bundle: Bundle, step: str, seconds: float, progress: Say) -> Profile:
    """All that runs here natively or under emulation."""
    host: list[HostLatency] = []
    chips: list[ChipCost] = []
    for entry in bundle.manifest["steps"][step]["artifacts"]:
        progress(f"{step}: {entry['backend']} {entry['number_type']} for {entry['target']}")
        if entry["target"] in HERE:
            host.append(measure(bundle.path, step, entry["target"], seconds))
        elif not find_backend(entry["backend"]).runtime:
            chips.append(_counted(bundle, step, entry))
    return _profile((bundle, step), tuple(host), tuple(chips), ())


def _profile(
    job: Job,
    host: tuple[HostLatency, ...],
    chips: tuple[ChipCost, ...],
    devices: tuple[DeviceLatency, ...],
    gpus: tuple[GpuLatency, ...] = (),
) -> Profile:
    bundle, step = job
    manifest = bundle.manifest
    facts = manifest["steps"][step]["artifacts"][0].get("facts", {})
    plan = {}
    if "memory_plan" in facts:
        sizes = {name: facts[name] for name in ("state_bytes", "scratch_bytes")}
        plan = {"target": manifest["target"], **sizes, **facts["memory_plan"]}
    return Profile(
        bundle.path.name,
        "/".join(filter(None, (manifest["model"], manifest.get("variant")))),
        step,
        bundle.frame_ms(step),
        machine(),
        host,
        chips,
        devices,
        plan,
        gpus,
    )
