"""What an artifact runs on: `Target` says what the silicon is, `Board` how firmware boots on it.

One target is one file, `targets/NAME.py` holding `TARGET = Target(...)`; it is found by its name.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass

from edgernn.errors import UnknownName
from edgernn.graph.number_type import NUMBER_TYPES


@dataclass(frozen=True, slots=True)
class Board:
    """Memory map of a chip, and the emulators that boot it.

    Sizes in bytes. `qemu_machine` is a machine of qemu-system-arm, `unicorn_cpu` the suffix of a
    UC_CPU_ARM_ constant; None where that emulator lacks the core.
    """

    flash_base: int
    flash_bytes: int
    ram_base: int
    ram_bytes: int
    qemu_machine: str
    unicorn_cpu: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What the silicon is and how C is built for it.

    kind: `library` (a shared library), `archive` (a static one), `firmware` (a linked image),
        `wasm` (a module).
    isa: folders of firmware_stubs/kernels searched before `portable`, best first.
    faster: a folder whose kernels are used where the CPU has what they need, found when it runs.
    zig_target, zig_cpu: zig's -target and -mcpu; empty means the machine we are on.
    gcc_flags: the same for a user's own cross gcc. flags: for any compiler, beside those.
    runner: the file in targets/runners that loads its artifacts.
    cores: those that QEMU can play one by one, where its artifacts run on many.
    """

    name: str
    summary: str
    kind: str
    zig_target: str
    zig_cpu: str = ""
    gcc_flags: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    isa: tuple[str, ...] = ()
    faster: str = ""
    runner: str = "local"
    board: Board | None = None
    clock_hz: int | None = None
    number_types: tuple[str, ...] = tuple(NUMBER_TYPES)
    aliases: tuple[str, ...] = ()
    cores: tuple[str, ...] = ()


def all_targets() -> dict[str, Target]:
    """Every target found in targets/, by name."""
    package = importlib.import_module("edgernn.targets")
    modules = (m.name for m in pkgutil.iter_modules(package.__path__) if not m.ispkg)
    found = (importlib.import_module(f"edgernn.targets.{name}").TARGET for name in sorted(modules))
    return {target.name: target for target in found}


def find_target(name: str) -> Target:
    """The target of this name or alias. Raises: UnknownName with the nearest names."""
    targets = all_targets()
    by_alias = {alias: target for target in targets.values() for alias in target.aliases}
    found = targets.get(name) or by_alias.get(name)
    if found is None:
        raise UnknownName("target", name, [*targets, *by_alias])
    return found


def find_core(name: str) -> tuple[Target, str]:
    """The target of this name and "", or the target that has this core; `TARGET:CORE` is both.

    Raises: UnknownName with the nearest names.
    """
    targets = all_targets()
    name, _, core = name.partition(":")
    of_core = {one: target for target in targets.values() for one in target.cores}
    if name in of_core and not core:
        return of_core[name], name
    try:
        return find_target(name), core
    except UnknownName as cause:
        raise UnknownName("target", name, [*targets, *of_core]) from cause
