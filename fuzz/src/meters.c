/* What a run costs: steps and bytes of memory, for each thread.
 *
 * A step is a branch target that the compiler marked (-sanitizer-coverage-trace-pc calls the first function at each, in
 * place of an empty one of libFuzzer), or sixteen bytes that the C library copied, filled or compared. It is the same in
 * every run, however busy the machine is.
 * Memory is what malloc gave, by whatever library. In C, since a marked function would call itself.
 */
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>

#define BYTES_PER_STEP 16

static __thread uint64_t steps;
static __thread int64_t live;
static __thread int64_t peak;

void __wrap___sanitizer_cov_trace_pc(void) { steps++; }

uint64_t wardline_steps(void) { return steps; }
int64_t wardline_live(void) { return live; }
int64_t wardline_peak(void) { return peak; }
void wardline_peak_begin(void) { peak = live; }

void *__real_memcpy(void *, const void *, size_t);
void *__real_memmove(void *, const void *, size_t);
void *__real_memset(void *, int, size_t);
int __real_memcmp(const void *, const void *, size_t);
int __real_bcmp(const void *, const void *, size_t);
void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
int __real_posix_memalign(void **, size_t, size_t);
void *__real_aligned_alloc(size_t, size_t);
void __real_free(void *);

void *__wrap_memcpy(void *to, const void *from, size_t length) {
    steps += length / BYTES_PER_STEP;
    return __real_memcpy(to, from, length);
}

void *__wrap_memmove(void *to, const void *from, size_t length) {
    steps += length / BYTES_PER_STEP;
    return __real_memmove(to, from, length);
}

void *__wrap_memset(void *to, int value, size_t length) {
    steps += length / BYTES_PER_STEP;
    return __real_memset(to, value, length);
}

int __wrap_memcmp(const void *one, const void *other, size_t length) {
    steps += length / BYTES_PER_STEP;
    return __real_memcmp(one, other, length);
}

int __wrap_bcmp(const void *one, const void *other, size_t length) {
    steps += length / BYTES_PER_STEP;
    return __real_bcmp(one, other, length);
}

static void *given(void *block) {
    if (block != NULL) {
        live += (int64_t)malloc_usable_size(block);
        if (live > peak) {
            peak = live;
        }
    }
    return block;
}

static void taken(void *block) {
    if (block != NULL) {
        live -= (int64_t)malloc_usable_size(block);
    }
}

void *__wrap_malloc(size_t length) { return given(__real_malloc(length)); }

void *__wrap_calloc(size_t count, size_t length) { return given(__real_calloc(count, length)); }

void *__wrap_realloc(void *block, size_t length) {
    size_t before = block == NULL ? 0 : malloc_usable_size(block);
    void *moved = __real_realloc(block, length);
    if (moved != NULL) {
        live -= (int64_t)before;
        given(moved);
    }
    return moved;
}

int __wrap_posix_memalign(void **block, size_t alignment, size_t length) {
    int failed = __real_posix_memalign(block, alignment, length);
    if (failed == 0) {
        given(*block);
    }
    return failed;
}

void *__wrap_aligned_alloc(size_t alignment, size_t length) {
    return given(__real_aligned_alloc(alignment, length));
}

void __wrap_free(void *block) {
    taken(block);
    __real_free(block);
}
