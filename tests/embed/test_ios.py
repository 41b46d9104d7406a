"""The package for iOS: whole, named apart, for the right systems, and with the bundle's bits."""

from __future__ import annotations

import platform
import plistlib
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from edgernn.backend import find_runner
from edgernn.bundle import open_bundle
from edgernn.cli import group
from edgernn.macho import FAT, members, read_object
from edgernn.target import find_target
from edgernn.verify import golden_of

pytestmark = pytest.mark.cc
SYSTEM = {"_memcpy", "_memmove", "_memset", "_sysctlbyname"}  # of every program's own library
SLICES = {"ios-arm64": "ios", "ios-arm64_x86_64-simulator": "ios-simulator"}
TARGETS = ("ios-arm64", "ios-simulator-arm64", "ios-simulator-x86_64")  # as `libraries` gives them
HERE = Path(__file__).parent

# an app of two packages, each added by path; goes on from a state that C saved
APP = """// swift-tools-version:5.9
import PackageDescription
let package = Package(name: "App", dependencies: [
  .package(path: "EdgernnKws"), .package(path: "EdgernnWakeword")],
  targets: [.executableTarget(name: "App", dependencies: ["EdgernnKws", "EdgernnWakeword"])])
"""
MAIN = """import EdgernnKws
import EdgernnWakeword
import Foundation
func file(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: name)) }
let (kws, other) = (try EdgernnKws.Model().stream(), try EdgernnWakeword.Model().stream())
try kws.restore(file("half"))
let given = try file("EdgernnKws/Tests/EdgernnKwsTests/golden/0.in")
let numbers = given.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
let count = kws.about.inputs[0].count
for at in stride(from: numbers.count / 2, to: numbers.count, by: count) {
  _ = try kws.step(Array(numbers[at..<at + count]))
  _ = try other.step([Float](repeating: 0, count: other.about.inputs[0].count))
}
print(try kws.save() == file("end") ? "the same bits" : "other bits")
do { try other.restore(kws.save()) } catch { print(error.localizedDescription) }
"""

Made = Callable[[str], Path]


@pytest.fixture(scope="module")
def made(bundles: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The package's folder of a model, built once."""
    folder, done = tmp_path_factory.mktemp("ios"), {}

    def build(model: str) -> Path:
        if model not in done:
            done[model] = folder / f"Edgernn{model.capitalize()}"
            ran = CliRunner().invoke(
                group, ["embed", str(bundles[model]), "--as", "ios", "-o", str(done[model])]
            )
            assert ran.exit_code == 0, ran.output
        return done[model]

    return build


MODELS = ["kws", "wakeword", pytest.param("keyboard", marks=pytest.mark.slow)]


def code_of(package: Path) -> tuple[str, str]:
    """The module of the C, and the prefix of its names."""
    (framework,) = package.glob("*.xcframework")
    (header,) = (package / "Sources" / framework.stem / "include").glob("*.h")
    return framework.stem, header.stem


def libraries(package: Path) -> Iterator[tuple[str, bytes]]:
    """Folder of the slice, and each CPU's static library in it."""
    for folder in SLICES:
        (path,) = package.glob(f"*.xcframework/{folder}/*.a")
        data = path.read_bytes()
        if struct.unpack_from(">I", data)[0] != FAT:
            yield folder, data
            continue
        (count,) = struct.unpack_from(">I", data, 4)
        for i in range(count):
            _, _, at, nbytes, align = struct.unpack_from(">5I", data, 8 + 20 * i)
            assert at % (1 << align) == 0
            yield folder, data[at : at + nbytes]


@pytest.mark.parametrize("model", MODELS)
def test_the_manifest_the_module_map_and_the_files_name_one_another(model: str, made: Made) -> None:
    package = made(model)
    code, prefix = code_of(package)
    manifest = (package / "Package.swift").read_text()
    module = package.name
    assert manifest.startswith("// swift-tools-version:5.9\n")
    for path in re.findall(r'path: "(.*?)"', manifest):
        assert (package / path).is_dir(), path
    for target in re.findall(r'(?:target|executableTarget)\(\s*name: "(\w+)"', manifest):
        assert (package / "Sources" / target).is_dir(), target
    for target in re.findall(r'testTarget\(\s*name: "(\w+)"', manifest):
        assert (package / "Tests" / target / "golden/0.in").is_file(), target
    assert (package / "Sources" / module / "PrivacyInfo.xcprivacy").is_file()
    maps = [package / "Sources" / code / "include/module.modulemap"]
    maps += package.glob(f"*.xcframework/*/Headers/{code}/module.modulemap")
    assert len(maps) == 1 + len(SLICES)
    for each in maps:
        assert each.read_text().startswith(f"module {code} {{")
        (header,) = re.findall(r'header "(.*)"', each.read_text())
        assert header == f"{prefix}.h"
        assert (each.parent / header).is_file()
    left = [
        path
        for path in package.rglob("*")
        if path.suffix in (".swift", ".md", ".h", ".c") and re.search(r"@[A-Z]+@", path.read_text())
    ]
    assert left == []


@pytest.mark.parametrize("model", MODELS)
def test_the_framework_s_list_is_what_lies_there(model: str, made: Made) -> None:
    (framework,) = made(model).glob("*.xcframework")
    info = plistlib.loads((framework / "Info.plist").read_bytes())
    assert info["CFBundlePackageType"] == "XFWK"
    rows = {row["LibraryIdentifier"]: row for row in info["AvailableLibraries"]}
    assert {path.name for path in framework.iterdir() if path.is_dir()} == set(rows) == set(SLICES)
    for folder, row in rows.items():
        assert (framework / folder / row["LibraryPath"]).is_file()
        assert (framework / folder / row["HeadersPath"]).is_dir()
        found = [
            read_object(next(members(a))[1]).machine
            for f, a in libraries(made(model))
            if f == folder
        ]
        names = {"EM_AARCH64": "arm64", "EM_X86_64": "x86_64"}
        assert sorted(row["SupportedArchitectures"]) == sorted(names[one] for one in found)
        assert row.get("SupportedPlatformVariant", "") == SLICES[folder].partition("-")[2]


def test_the_privacy_manifest_says_that_nothing_is_tracked_or_collected(made: Made) -> None:
    (path,) = made("kws").rglob("PrivacyInfo.xcprivacy")
    assert plistlib.loads(path.read_bytes()) == {
        "NSPrivacyTracking": False,
        "NSPrivacyTrackingDomains": [],
        "NSPrivacyCollectedDataTypes": [],
        "NSPrivacyAccessedAPITypes": [],
    }


@pytest.mark.parametrize("model", MODELS)
def test_every_object_is_for_its_system_and_asks_it_for_four_names_at_most(
    model: str, made: Made
) -> None:
    _, prefix = code_of(made(model))
    for folder, archive in libraries(made(model)):
        objects = [read_object(data) for _, data in members(archive)]
        assert {one.platform for one in objects} == {SLICES[folder]}
        known = {s.name for one in objects for s in one.symbols if s.section and s.external}
        wanted = {s.name for one in objects for s in one.symbols if not s.section}
        assert {name for name in known if not name.startswith(f"_{prefix}_")} == set()
        assert wanted - known <= SYSTEM
        # a machine's version of iOS may not be below what Package.swift promises
        least = {("EM_AARCH64", "ios"): "13.0"}
        for one in objects:
            assert one.least == least.get((one.machine, one.platform), one.least)
            assert float(one.least) <= 14.0


def test_packages_of_two_models_share_no_name(made: Made) -> None:
    names = [
        {
            s.name
            for _, archive in libraries(made(model))
            for _, data in members(archive)
            for s in read_object(data).symbols
            if s.section and s.external
        }
        for model in ("kws", "wakeword")
    ]
    assert not names[0] & names[1]
    assert len({code_of(made(model))[0] for model in ("kws", "wakeword")}) == 2


@pytest.mark.parametrize("model", MODELS)
def test_what_swift_calls_the_header_declares_with_as_many_arguments(
    model: str, made: Made
) -> None:
    package = made(model)
    code, prefix = code_of(package)
    header = (package / "Sources" / code / "include" / f"{prefix}.h").read_text()
    header = re.sub(r"/\*.*?\*/", " ", header, flags=re.DOTALL)
    declared = {
        name: 0 if arguments.strip() == "void" else arguments.count(",") + 1
        for name, arguments in re.findall(rf"\b({prefix}_\w+)\(([^()]*)\);", header)
    }
    types = set(re.findall(rf"\b({prefix}_\w+);", header))
    constants = set(re.findall(rf"\b({prefix.upper()}_\w+)\b", header))
    called = 0
    for path in (package / "Sources" / package.name).glob("*.swift"):
        text = re.sub(r"//.*", "", path.read_text())
        for found in re.finditer(rf"\b({prefix}_\w+)(\(?)", text):
            name = found[1]
            if name in declared:
                assert found[2], f"{path.name}: {name} is not called"
                assert arguments_of(text, found.end()) == declared[name], f"{path.name}: {name}"
                called += 1
            else:
                assert name in types, f"{path.name}: {name} is not declared"
        assert set(re.findall(rf"\b{prefix.upper()}_\w+", text)) <= constants, path.name
    assert called >= 10


def arguments_of(text: str, start: int) -> int:
    """How many arguments a call has whose bracket is opened before `start`."""
    depth, commas, empty = 1, 0, True
    for character in text[start:]:
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(character, 0)
        if depth == 0:
            return 0 if empty else commas + 1
        commas += depth == 1 and character == ","
        empty = empty and character.isspace()
    raise AssertionError("a bracket is never closed")


@pytest.mark.parametrize("model", MODELS)
def test_the_sources_give_the_golden_bits_through_the_public_header(
    model: str, made: Made, bundles: Mapping[str, Path], tmp_path: Path
) -> None:
    cc = next((c for c in ("gcc", "clang") if shutil.which(c)), None)
    if cc is None:
        pytest.skip("no gcc or clang; run: apt-get install gcc")
    package = made(model)
    code, prefix = code_of(package)
    sources = package / "Sources" / code
    flags = re.findall(r'"(-f[\w=-]+)"', (package / "Package.swift").read_text())
    assert flags
    line = [cc, "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", *flags, f"-I{sources}/include"]
    line += [f'-DHEADER="{prefix}.h"', f"-DPREFIX={prefix}", f"{HERE}/golden_ios.c"]
    subprocess.run([*line, *sources.glob("*.c"), "-o", tmp_path / "golden"], check=True)
    (golden,) = package.glob("Tests/*/golden")
    done = subprocess.run([tmp_path / "golden", golden], check=True, capture_output=True, text=True)
    bundle = open_bundle(bundles[model])
    told = [line.split() for line in done.stdout.splitlines()]
    assert [name for name, _ in told] == list(bundle.manifest["steps"])
    for name, frames in told:
        want = golden_of(bundle, name)["in"].values()
        assert int(frames) == len(next(iter(want))) > 1


@pytest.mark.emulator
@pytest.mark.parametrize(
    ("model", "name"), [("kws", name) for name in TARGETS] + [("wakeword", "ios-arm64")]
)
def test_the_machine_code_in_the_framework_gives_the_golden_bits(
    model: str, name: str, made: Made, bundles: Mapping[str, Path]
) -> None:
    target = find_target(name)
    runner: Any = find_runner(target.runner)
    if missing := runner.missing():
        pytest.skip(missing)
    if name.endswith("x86_64") and (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip("runs on an x86-64 Linux machine; this is none")
    _, prefix = code_of(made(model))
    archives = dict(zip(TARGETS, (data for _, data in libraries(made(model))), strict=True))
    module = runner.load(archives[name], target)
    bundle = open_bundle(bundles[model])
    (step,) = bundle.manifest["steps"]
    golden = golden_of(bundle, step)
    (x,), (y,) = golden["in"].values(), golden["out"].values()
    symbol = f"{prefix}__{step}"
    state = module.alloc(module.call(f"{symbol}_state_size"))
    scratch = module.alloc(module.call(f"{symbol}_scratch_size"))
    given, gave = module.alloc(x[0].nbytes), module.alloc(y[0].nbytes)
    module.call(f"{symbol}_reset", state)
    for frame, want in zip(x[:20], y[:20], strict=True):
        module.write(given, frame.tobytes())
        assert module.call(f"{prefix}_fit", given, frame.size) == 1
        module.call(f"{symbol}_step", state, scratch, given, gave)
        assert module.read(gave, want.nbytes) == want.tobytes()
    module.write(given, np.full(x[0].shape, np.nan, np.float32).tobytes())
    assert module.call(f"{prefix}_fit", given, x[0].size) == 0


def test_a_target_cannot_be_chosen(bundles: Mapping[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "made"
    line = ["embed", str(bundles["kws"]), "--as", "ios", "--on", "wasm", "-o", str(out)]
    done = CliRunner().invoke(group, line)
    assert done.exit_code != 0
    assert "leave --on out" in f"{done.output}{done.exception}"
    assert not out.exists()


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_swift_builds_it_and_its_own_tests_hold(model: str, made: Made) -> None:
    swift = shutil.which("swift")
    if swift is None:
        pytest.skip("no Swift here; Debian 13 has it: apt-get install swiftlang")
    done = subprocess.run(
        [swift, "test"], cwd=made(model), capture_output=True, text=True, timeout=1800
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Executed 4 tests, with 0 failures", done.stdout + done.stderr)


@pytest.mark.slow
def test_an_app_of_two_packages_goes_on_from_a_state_saved_in_c(
    made: Made, bundles: Mapping[str, Path], tmp_path: Path
) -> None:
    swift, cc = shutil.which("swift"), shutil.which("gcc") or shutil.which("clang")
    if swift is None or cc is None:
        pytest.skip("no Swift or no C compiler here; see the tests above")
    for model in ("kws", "wakeword"):
        shutil.copytree(
            made(model), tmp_path / made(model).name, ignore=shutil.ignore_patterns(".build")
        )
    package = tmp_path / "c"
    line = ["embed", str(bundles["kws"]), "-o", str(package)]
    assert CliRunner().invoke(group, line).exit_code == 0
    flags = re.findall(r"^FLAGS := (.*)$", (package / "Makefile").read_text(), re.M)[0].split()
    built = [cc, "-O2", *flags, "-std=gnu11", f"-I{package}/include", '-DHEADER="kws.h"']
    built += ["-DPREFIX=edgernn", "-DPACKAGE=(&kws_package)", f"{HERE}/golden_ios.c"]
    subprocess.run([*built, *package.glob("src/*.c"), "-o", tmp_path / "golden"], check=True)
    golden = tmp_path / "EdgernnKws/Tests/EdgernnKwsTests/golden"
    files = [tmp_path / "half", tmp_path / "end"]
    subprocess.run([tmp_path / "golden", golden, *files], check=True, capture_output=True)
    (tmp_path / "Package.swift").write_text(APP)
    (tmp_path / "Sources/App").mkdir(parents=True)
    (tmp_path / "Sources/App/main.swift").write_text(MAIN)
    done = subprocess.run(
        [swift, "run"], cwd=tmp_path, capture_output=True, text=True, timeout=1800
    )
    assert done.returncode == 0, done.stdout + done.stderr
    same, refused = done.stdout.splitlines()[-2:]
    assert same == "the same bits"
    assert "another model" in refused
