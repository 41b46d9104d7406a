"""The simulator of iOS on Macs with an Intel CPU: a static library of portable C."""

from dataclasses import replace

from edgernn.targets.ios_arm64 import TARGET as DEVICE

TARGET = replace(
    DEVICE,
    name="ios-simulator-x86_64",
    summary="the simulator of iOS, Macs with Intel: a static library",
    zig_target="x86_64-ios.13.0-simulator",
    zig_cpu="",
    isa=(),
    faster="",
)
