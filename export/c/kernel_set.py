"""The kernels that one step needs, as C: each once, with what it calls, in an order that compiles.

Where a target may run on a CPU with a faster instruction set, every function that gains by it is
there twice, and a switch picks one by what the CPU says. The answer is kept in one word of the
library: all threads find the same, so it needs no lock.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from edgernn.export.c.kernels import (
    Kernel,
    Strip,
    cpu_header,
    driver,
    find_kernel,
    functions,
    has_kernel,
    header,
    parameters,
    same_form,
)

_CALLS = re.compile(r"\bedgernn_(\w+)\(")
_PART_OF_STRIP = re.compile(r"^(prepare_chunks|prepare|gains|rows)_")
_SWITCH = """{cpu}
/* 0: not asked yet, 1: no, 2: yes */
static int edgernn_cpu_answer;
EDGERNN_INLINE int edgernn_is_{isa}(void) {{
  int answer = __atomic_load_n(&edgernn_cpu_answer, __ATOMIC_RELAXED);
  if (!answer) {{
    answer = edgernn_has_{isa}() ? 2 : 1;
    __atomic_store_n(&edgernn_cpu_answer, answer, __ATOMIC_RELAXED);
  }}
  return answer == 2;
}}
"""


@dataclass
class KernelSet:
    """Functions by name, in the order of their definitions."""

    isas: tuple[str, ...] = ()
    faster: str = ""
    found: dict[str, Kernel] = field(default_factory=dict)
    called: list[str] = field(default_factory=list)
    _strips: dict[str, Strip] = field(default_factory=dict)

    def use(self, name: str) -> None:
        """The step calls this kernel."""
        self._need(name)
        if name not in self.called:
            self.called.append(name)

    def use_driver(self, name: str, strip: Strip, columns: int) -> str:
        """The step calls a driver over a strip, for a matrix of so many columns; gives its name."""
        made = driver(name, strip, columns)
        self._strips.setdefault(f"strip_{strip.form}", strip)
        self._add(made)
        if made.name not in self.called:
            self.called.append(made.name)
        return made.name

    def _add(self, kernel: Kernel) -> None:
        own = functions(kernel.source)
        for called in dict.fromkeys(_CALLS.findall(kernel.source)):
            if called not in own:
                self._need(called)
        self.found.setdefault(kernel.name, kernel)

    def _need(self, name: str) -> None:
        if name in self.found:
            return
        strip = self._strips.get(_PART_OF_STRIP.sub("strip_", name))
        if strip:
            self._add(Kernel(f"strip_{strip.form}", strip.isa, strip.source))
        elif has_kernel(name, self.isas):
            self._add(find_kernel(name, self.isas))

    def _override(self, name: str) -> Kernel | None:
        """The faster instruction set's own source of a function."""
        if not self.faster:
            return None
        if name in self._strips:
            strip = same_form(self._strips[name], self.faster)
            return Kernel(name, self.faster, strip.source) if strip else None
        return (
            find_kernel(name, (self.faster,)) if has_kernel(name, (self.faster,), False) else None
        )

    def _variants(self) -> dict[str, Kernel]:
        """Functions that the faster instruction set has, or whose callees it has."""
        made: dict[str, Kernel] = {}
        own: dict[str, list[str]] = {}
        for name, kernel in self.found.items():
            override = self._override(name)
            calls = {c for c in _CALLS.findall((override or kernel).source) if c != name}
            below = [n for n in made if calls & set(own[n])]
            if override is None and not below:
                continue
            text = (override or kernel).source
            own[name] = functions(text)
            for word in dict.fromkeys([*own[name], *(w for n in below for w in own[n])]):
                text = re.sub(rf"\bedgernn_{word}\b", f"edgernn_{word}_{self.faster}", text)
            made[name] = Kernel(name, self.faster, text)
        return made

    def _uses(self, name: str, isa: str) -> tuple[str, ...]:
        strip = self._strips.get(name)
        if strip is None:
            return ()
        other = same_form(strip, isa) if isa != strip.isa else strip
        return other.uses if other else ()

    def kinds(self) -> dict[str, str]:
        """Instruction set by function, for the manifest."""
        variants = self._variants()
        return {
            name: kernel.isa + (f", {self.faster}" if name in variants else "")
            for name, kernel in self.found.items()
        }

    def text(self) -> str:
        """All of it as C."""
        variants = self._variants()
        switched = [name for name in self.called if name in variants]
        base = cpu_header(self.isas[0]) if self.isas else None
        parts = self._headers(self.found)
        for name, kernel in self.found.items():
            source = kernel.source
            for word in switched:  # a base function calls base functions
                source = re.sub(rf"\bedgernn_{word}\b", f"edgernn_{word}_base", source)
            parts.append(_attributed(source, base[0] if base else "", name in self._strips))
        if switched:
            parts += self._faster(variants, switched)
        return "\n".join(parts)

    def _headers(self, kernels: dict[str, Kernel]) -> list[str]:
        wanted = {
            (kernel.isa, name): None
            for key, kernel in kernels.items()
            for name in kernel.uses or self._uses(key, kernel.isa)
        }
        target = {isa: cpu_header(isa) for isa, _ in wanted}
        return [
            _attributed(header(name, isa), (target[isa] or ("",))[0], False) for isa, name in wanted
        ]

    def _faster(self, variants: dict[str, Kernel], switched: list[str]) -> list[str]:
        found = cpu_header(self.faster)
        assert found, f"{self.faster} is chosen when it runs, so it needs a cpu.h"
        target, cpu = found
        parts = [_SWITCH.format(cpu=cpu, isa=self.faster), *self._headers(variants)]
        for name, kernel in variants.items():
            parts.append(_attributed(kernel.source, target, name in self._strips))
        for name in switched:
            types, names = parameters(self.found[name].source, name)
            result = (
                "return " if re.search(rf"\bint edgernn_{name}\(", self.found[name].source) else ""
            )
            parts.append(
                f"static {'int' if result else 'void'} edgernn_{name}({types}) {{\n"
                f"  if (edgernn_is_{self.faster}())\n"
                f"    {result}edgernn_{name}_{self.faster}({', '.join(names)});\n"
                f"  else\n"
                f"    {result}edgernn_{name}_base({', '.join(names)});\n}}\n"
            )
        return parts


def _attributed(source: str, target: str, inlined: bool) -> str:
    """A text whose functions are compiled for an instruction set; strips are always inlined."""
    before = f'__attribute__((target("{target}"))) ' if target else ""
    inline = "EDGERNN_ALWAYS_INLINE" if inlined else "EDGERNN_INLINE"
    source = re.sub(r"\bEDGERNN_INLINE\b", f"{inline} {before}".rstrip(), source)
    return re.sub(r"^static (?=\w+ edgernn_)", f"static {before}", source, flags=re.M)
