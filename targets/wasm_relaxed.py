"""WebAssembly with relaxed SIMD, whose dot product of bytes may be the CPU's own: a bare module."""

from edgernn.target import Target

TARGET = Target(
    name="wasm-relaxed",
    summary="WebAssembly with relaxed SIMD: a module without imports",
    kind="wasm",
    zig_target="wasm32-freestanding",
    zig_cpu="generic+simd128+relaxed_simd+bulk_memory",
    flags=("-mrelaxed-simd",),
    isa=("simd128",),
    faster="relaxed128",
    runner="wasm",
)
