/* arena.c - see arena.h. */
#include "arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    ALIGN = 16,
    BLOCK_FIRST = 4096,
    GROW_FIRST = 8,
    BLOCK_LIMIT = 64 * 1024, /* the largest block, except for a larger request */
};

struct arena_block {
    struct arena_block *next;
    size_t size; /* of the bytes after this header */
    _Alignas(ALIGN) char bytes[];
};

/* How many bytes an allocation takes; 0 when it is impossible. */
static size_t rounded(size_t size)
{
    if (size > PTRDIFF_MAX - BLOCK_LIMIT)
        return 0;
    return size ? (size + ALIGN - 1) & ~(size_t)(ALIGN - 1) : ALIGN;
}

static void use_first(struct arena *a)
{
    size_t skip = -(uintptr_t)a->first & (ALIGN - 1);

    a->at = a->end = NULL;
    if (a->first_size > skip) {
        a->at = a->first + skip;
        a->end = a->at + ((a->first_size - skip) & ~(size_t)(ALIGN - 1));
    }
}

void arena_init(struct arena *a, void *first, size_t size)
{
    *a = (struct arena){.first = first, .first_size = size};
    use_first(a);
}

/* What a block of this size counts: small ones nothing, so that small answers are never refused. */
static size_t counted(const struct arena *a, size_t size)
{
    return a->allowance && size >= BLOCK_LIMIT ? size : 0;
}

/* malloc() and realloc() of a block, within the allowance; `had` bytes of it are counted so far. */
static struct arena_block *allocate(struct arena *a, struct arena_block *old, size_t had,
                                    size_t size)
{
    size_t more = counted(a, size) - had;
    struct arena_block *block;

    if (more && a->insists)
        allowance_add(a->allowance, more);
    else if (more && !allowance_take(a->allowance, more))
        return NULL;
    block = realloc(old, sizeof(*block) + size);
    if (!block && more)
        allowance_give(a->allowance, more);
    return block;
}

void arena_limit(struct arena *a, struct allowance *allowance)
{
    assert(!a->blocks || a->blocks->size < BLOCK_LIMIT);
    a->allowance = allowance;
}

void arena_insist(struct arena *a)
{
    a->insists = true;
}

static bool add_block(struct arena *a, size_t need)
{
    size_t size = a->blocks ? a->blocks->size * 2 : BLOCK_FIRST;
    struct arena_block *block;

    if (size > BLOCK_LIMIT)
        size = BLOCK_LIMIT;
    if (size < need)
        size = need;
    block = allocate(a, NULL, 0, size);
    if (!block)
        return false;
    block->next = a->blocks;
    block->size = size;
    a->blocks = block;
    a->at = block->bytes;
    a->end = block->bytes + size;
    return true;
}

void *arena_alloc(struct arena *a, size_t size)
{
    size_t need = rounded(size);
    char *p;

    if (need == 0 || (need > (size_t)(a->end - a->at) && !add_block(a, need)))
        return NULL;
    p = a->at;
    a->at += need;
    return p;
}

void *arena_zalloc(struct arena *a, size_t n, size_t size)
{
    size_t total;
    void *p;

    if (__builtin_mul_overflow(n, size, &total))
        return NULL;
    p = arena_alloc(a, total);
    return p ? memset(p, 0, total) : NULL;
}

/* If the newest block holds a single allocation, realloc() grows it; this is how texts grow. */
static void *grow_block(struct arena *a, size_t need)
{
    struct arena_block *block = allocate(a, a->blocks, counted(a, a->blocks->size), need);

    if (!block)
        return NULL;
    block->size = need;
    a->blocks = block;
    a->at = a->end = block->bytes + need;
    return block->bytes;
}

void *arena_resize(struct arena *a, void *old, size_t old_size, size_t new_size)
{
    size_t had = rounded(old_size), need = rounded(new_size);
    char *start = old;
    void *moved;

    if (!old)
        return arena_alloc(a, new_size);
    if (need == 0)
        return NULL;
    if (need <= had && start + had != a->at)
        return old;
    if (start + had == a->at) {
        if (need <= (size_t)(a->end - start)) {
            a->at = start + need;
            return old;
        }
        if (a->blocks && start == a->blocks->bytes)
            return grow_block(a, need);
    }
    moved = arena_alloc(a, new_size);
    return moved ? memcpy(moved, old, old_size < new_size ? old_size : new_size) : NULL;
}

void *arena_grow(struct arena *a, void *items, size_t n, size_t size, size_t *cap)
{
    size_t more = *cap ? *cap * 2 : GROW_FIRST, bytes;
    void *grown;

    if (n < *cap)
        return items;
    if (__builtin_mul_overflow(more, size, &bytes))
        return NULL;
    grown = arena_resize(a, items, *cap * size, bytes);
    if (grown)
        *cap = more;
    return grown;
}

struct slice arena_copy(struct arena *a, struct slice s)
{
    char *p = arena_alloc(a, s.len + 1);

    if (!p)
        return (struct slice){NULL, 0};
    if (s.len)
        memcpy(p, s.at, s.len);
    p[s.len] = '\0';
    return (struct slice){p, s.len};
}

bool arena_keep(struct arena *a, struct slice *s)
{
    if (!slice_present(*s))
        return true;
    *s = arena_copy(a, *s);
    return slice_present(*s);
}

struct slice arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list args, again;
    int len;
    char *p;

    va_start(args, fmt);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, fmt, args);
    p = len < 0 ? NULL : arena_alloc(a, (size_t)len + 1);
    if (p)
        vsnprintf(p, (size_t)len + 1, fmt, again);
    va_end(again);
    va_end(args);
    return (struct slice){p, p ? (size_t)len : 0};
}

void arena_reset(struct arena *a)
{
    while (a->blocks) {
        struct arena_block *next = a->blocks->next;
        size_t size = counted(a, a->blocks->size);

        if (size)
            allowance_give(a->allowance, size);
        free(a->blocks);
        a->blocks = next;
    }
    use_first(a);
}

void arena_done(struct arena *a)
{
    arena_reset(a);
    *a = (struct arena){0};
}
