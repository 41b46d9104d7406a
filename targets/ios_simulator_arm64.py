"""The simulator of iOS on Macs with an M1 or later: a static library of the device's C."""

from dataclasses import replace

from edgernn.targets.ios_arm64 import TARGET as DEVICE

TARGET = replace(
    DEVICE,
    name="ios-simulator-arm64",
    summary="the simulator of iOS, Macs since the M1: a static library (emulated elsewhere)",
    zig_target="aarch64-ios.13.0-simulator",
)
