"""As hears.c and types.c, with numpy alone: PACKAGE LOOP save|restore INPUT STATE COUNT.

`refused` tells why a state is not taken, and whether the loop is as it was.
"""

import importlib
import sys
from pathlib import Path

import numpy as np

name, loop_name, way, given, state, counted = sys.argv[1:]
package, count, path = importlib.import_module(name), int(counted), Path(state)
loop = getattr(package, loop_name)()


def bits(number):
    return np.float32(number).view(np.uint32)


def hear():
    samples = np.fromfile(given, np.float32)
    if way == "save":
        loop.push(samples[:count])
        path.write_bytes(loop.save())
        return
    loop.push(np.zeros(1000, np.float32))  # what is restored takes its place
    loop.restore(path.read_bytes())
    words = [*loop.push(samples[count:]), *(loop.finish() if hasattr(loop, "finish") else ())]
    for word in words:
        print(f"{word[0]} {word.time_ms:.3f} {bits(word.score)}")


def type_():
    keys, text, beside = np.fromfile(given, np.uint32).tolist(), "", Path(f"{state}.text")

    def typed(key):
        return loop.back(text) if key == 8 else loop.push(chr(key))

    def show(shown):
        offered = [f"{one.text} {bits(one.share)}" for one in shown.completions]
        print("|".join([text, shown.typing, *offered]))

    if way == "save":
        loop.add("Anneliese", 4.0)
        for key in keys[:count]:
            text = typed(key).on(text)
        path.write_bytes(loop.save(back=12))
        beside.write_text(text, encoding="utf-8")
        return
    loop.push("x")
    shown, text = loop.restore(path.read_bytes()), beside.read_text(encoding="utf-8")
    show(shown)
    for key in keys[count:]:
        shown = typed(key)
        text = shown.on(text)
        show(shown)


def refused():
    loop.push("x" if loop_name == "Keyboard" else np.zeros(1000, np.float32))
    before = loop.save()
    try:
        loop.restore(path.read_bytes())
    except package.EdgernnError as error:
        print(type(error).__name__, loop.save() == before)


sys.stdout.reconfigure(encoding="utf-8")
if way == "refused":
    refused()
    raise SystemExit
type_() if loop_name == "Keyboard" else hear()
