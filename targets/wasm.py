"""WebAssembly with 128-bit SIMD (every browser since 2023, node, wasmtime): a bare module."""

from edgernn.target import Target

TARGET = Target(
    name="wasm",
    summary="WebAssembly with SIMD: a module without imports",
    kind="wasm",
    zig_target="wasm32-freestanding",
    zig_cpu="generic+simd128+bulk_memory",
    isa=("simd128",),
    runner="wasm",
)
