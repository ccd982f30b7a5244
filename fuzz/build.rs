//! Compiles the meters, and has the linker lead every copy and allocation through them.

/// Functions that the meters wrap: the mark of the compiler, and those of the C library.
const WRAPPED: &[&str] = &[
    "__sanitizer_cov_trace_pc",
    "memcpy",
    "memmove",
    "memset",
    "memcmp",
    "bcmp",
    "malloc",
    "calloc",
    "realloc",
    "posix_memalign",
    "aligned_alloc",
    "free",
];

fn main() {
    println!("cargo:rerun-if-changed=src/meters.c");
    // As written, or the compiler makes calls of these functions out of their own bodies.
    cc::Build::new().file("src/meters.c").opt_level(2).flag("-fno-builtin").compile("meters");
    for function in WRAPPED {
        println!("cargo:rustc-link-arg=-Wl,--wrap={function}");
    }
}
