"""A Swift package: an API in Swift, the C as sources and as an XCFramework, an app's source.

The model is linked into the app: code that came later the system would not run. All names of the C
begin with the model's and its id's, since an app may hold several models, or two of one name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgernn.bundle import Bundle
from edgernn.embed.ios.xcframework import framework
from edgernn.errors import DataError
from edgernn.package import OPENED, Code, filled, model_id, package_code, proven, single_header
from edgernn.target import find_target
from edgernn.toolchain import ABI
from edgernn.verify import Say, golden_of

TEMPLATE = Path(__file__).parent / "template"
DEVICE, SIMULATOR, PORTABLE = "ios-arm64", "ios-simulator-arm64", "ios-simulator-x86_64"
FLAGS = ("-ffp-contract=off", "-fno-strict-aliasing")  # what bits, and the scratch memory, hang on
ID_DIGITS = 8  # of the model's id in names of the C
API = ("Errors", "Model", "Stream")
LOOPS = {
    "spotter": ("Blocks", "Spotter"),
    "recognizer": ("Blocks", "Recognizer"),
    "keyboard": ("Keyboard",),
    "": (),
}
SAMPLES = {
    "spotter": ("Microphone.swift", "ListeningApp.swift"),
    "recognizer": ("Microphone.swift", "ListeningApp.swift"),
    "keyboard": ("KeyboardViewController.swift",),
    "": (),
}
GUIDES = {"spotter": "listening.md", "recognizer": "listening.md", "keyboard": "keyboard.md"}
FEEDS = {"keyboard": "", "spotter": " < samples.f32", "recognizer": " < samples.f32"}
USAGES = {
    "spotter": """let spotter = try Spotter()
for word in try spotter.push(samples) { print(word.label, word.timeMs) }  // any number of floats
""",
    "recognizer": """let recognizer = try Recognizer(endMs: 800)
for word in try recognizer.push(samples) { print(word.text, word.timeMs) }  // any number of floats
""",
    "keyboard": """let keyboard = try Keyboard()
text = try keyboard.push("t").on(text)
""",
    "": """let stream = try Model().stream()
let outputs = try stream.step(inputs)
""",
}


@dataclass(frozen=True, slots=True)
class Names:
    """What things of a package are called. prefix: of its C; code: the module of the C."""

    module: str
    code: str
    prefix: str


class Ios:
    """For apps of iPhones and iPads; on Macs and Linux its sources serve."""

    name = "ios"
    summary = "a Swift package, with an XCFramework for iOS and its simulator"

    def files(self, bundle: Bundle, target: str | None, say: Say) -> Mapping[str, bytes]:
        """Path -> content. Raises: DataError, BundleError, ToolError, ParityError."""
        if target is not None:
            raise DataError(
                f"--on {target}: a package for ios holds {DEVICE}, {SIMULATOR} and {PORTABLE}; "
                "leave --on out"
            )
        for each in (DEVICE, PORTABLE):
            proven(bundle, find_target(each), say)
        codes = {each: package_code(bundle, each) for each in (DEVICE, PORTABLE)}
        codes[SIMULATOR] = codes[DEVICE]  # of its own it would say another command alone
        names = names_of(bundle, codes[DEVICE])
        named = {each: own_files(code, names) for each, code in codes.items()}
        words = _words(bundle, codes[DEVICE], names)
        public = {
            f"{names.prefix}.h": renamed(_header(codes[DEVICE]), codes[DEVICE], names),
            "module.modulemap": _template("module.modulemap", words),
        }
        say(f"{names.code}: compiling for {', '.join(named)}")
        texts = {
            **{f"Sources/{names.code}/{k}": v for k, v in named[PORTABLE].items()},
            **{f"Sources/{names.code}/include/{k}": v for k, v in public.items()},
            **_swift(codes[DEVICE].kind, words),
        }
        return {
            **{path: text.encode() for path, text in texts.items()},
            **framework(names.code, named, public),
            **{f"Tests/{names.module}Tests/golden/{k}": v for k, v in golden_files(bundle)},
        }


def names_of(bundle: Bundle, code: Code) -> Names:
    """By the model's name, and in the C by its id too."""
    module = "Edgernn" + "".join(part.capitalize() for part in code.name.split("_"))
    mark = model_id(bundle).hex()[:ID_DIGITS]
    return Names(module, f"C{module}_{mark}", f"{code.name}_{mark}")


def renamed(text: str, code: Code, names: Names) -> str:
    """A text of the package's C, in which all that a linker sees begins with the prefix."""
    steps = "|".join(code.steps)
    others = [rf"(?:{steps})_(?:{'|'.join(ABI)})", f"{code.name}_package"]
    others += [f"{code.kind}_(?:model|labels)"] if code.kind else []
    made = []
    for line in text.splitlines():
        if not line.startswith("#include"):
            line = re.sub(r"\bedgernn_(?=\w)", f"{names.prefix}_", line)
            line = re.sub(r"\bEDGERNN_(?=\w)", f"{names.prefix.upper()}_", line)
            line = re.sub(rf"\b({'|'.join(others)})\b", rf"{names.prefix}__\1", line)
            line = re.sub(rf"(_STEP\(\w+, )({steps})\)", rf"\1{names.prefix}__\2)", line)
        made.append(line)
    return "\n".join([*made, ""])


def own_files(code: Code, names: Names) -> dict[str, str]:
    """The package's C under its own names, with the function that gives its description."""
    files = {**code.files, "opened.c": OPENED.format(name=code.name)}
    return {name: renamed(text, code, names) for name, text in files.items()}


def golden_files(bundle: Bundle) -> Iterator[tuple[str, bytes]]:
    """Name and content: of each step by its number the ports' numbers, frame by frame."""
    for index, (step, row) in enumerate(bundle.manifest["steps"].items()):
        golden = golden_of(bundle, step)
        for kind, ports in (("in", row["inputs"]), ("out", row["outputs"])):
            arrays = [golden[kind][port["name"]] for port in ports]
            count = len(arrays[0])
            flat = [np.ascontiguousarray(a).reshape(count, -1).view(np.uint8) for a in arrays]
            yield f"{index}.{kind}", np.concatenate(flat, axis=1).tobytes()


def _header(code: Code) -> str:
    opened = "const edgernn_model *edgernn_package(void);"
    return f'{single_header(code)}\n#ifdef __cplusplus\nextern "C"\n#endif\n{opened}\n'


def _words(bundle: Bundle, code: Code, names: Names) -> dict[str, str]:
    return {
        "NAME": code.name,
        "MODULE": names.module,
        "CODE": names.code,
        "PREFIX": names.prefix,
        "UPPER": names.prefix.upper(),
        "RATE": f"{bundle.manifest.get('sample_rate_hz') or 0:g}",
        "STEP": next(iter(bundle.manifest["steps"])),
        "FLAGS": ", ".join(f'"{flag}"' for flag in FLAGS),
        "SUMMARY": f"The model {bundle.manifest['model']} in {bundle.manifest['number_type']}.",
        "LOOP": code.kind.capitalize(),
        "TEXT": "label" if code.kind == "spotter" else "text",
        "USAGE": USAGES[code.kind],
        "FEED": FEEDS.get(code.kind, ""),
    }


def _swift(kind: str, words: Mapping[str, str]) -> dict[str, str]:
    """Path -> text of all that is not C."""
    module = words["MODULE"]
    sources, program = f"Sources/{module}", f"example/{kind or 'steps'}.swift"
    paths = {
        "Package.swift": "Package.swift",
        "README.md": "README.md",
        f"{sources}/PrivacyInfo.xcprivacy": "PrivacyInfo.xcprivacy",
        **{f"{sources}/{name}.swift": f"swift/{name}.swift" for name in (*API, *LOOPS[kind])},
        f"{sources}Example/main.swift": program,
        f"Tests/{module}Tests/GoldenTests.swift": "tests/GoldenTests.swift",
        **{f"Sample/{name}": f"sample/{name}" for name in SAMPLES[kind]},
    }
    if kind:
        paths["Sample/README.md"] = f"sample/{GUIDES[kind]}"
    return {path: _template(name, words) for path, name in paths.items()}


def _template(name: str, words: Mapping[str, str]) -> str:
    return filled((TEMPLATE / name).read_text(encoding="utf-8"), words)


PACKAGE = Ios()
