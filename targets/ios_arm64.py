"""iPhones and iPads (arm64, iOS 13 and later): a static library, since apps link what they run.

Baseline ARMv8-A with NEON; products use dotprod where the core has it (A13, M1 and later), for
which the system is asked. Every function keeps a frame, as Apple's ABI wants it. On the desk the
very machine code is run on an emulated core; no device of Apple's was there.

Source: Apple, "Writing ARM64 code for Apple platforms".
"""

from edgernn.target import Target

TARGET = Target(
    name="ios-arm64",
    summary="iPhones and iPads: a static library to link into an app (emulated elsewhere)",
    kind="archive",
    zig_target="aarch64-ios.13.0",
    zig_cpu="apple_a7",
    flags=("-fno-omit-frame-pointer",),
    isa=("neon",),
    faster="dotprod",
    runner="apple",
)
