"""WebAssembly without SIMD, for engines of before 2023: a bare module."""

from edgernn.target import Target

TARGET = Target(
    name="wasm-plain",
    summary="WebAssembly without SIMD: a module without imports",
    kind="wasm",
    zig_target="wasm32-freestanding",
    zig_cpu="mvp+bulk_memory+mutable_globals+nontrapping_fptoint+sign_ext",
    isa=("plain128",),  # so that its tables are those of wasm
    runner="wasm",
)
