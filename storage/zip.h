/*
 * zip.h - texts as zstd frames, with what the reader has already as a prefix.
 *
 *     delta.c, pack.c -> zip_pack() -> store -> zip_unpack()
 *
 * A frame is stored without the magic number that all frames begin with.
 *
 * Threads    each thread has a compressor of its own, made at first use and freed with the thread.
 * Ownership  results live in the arena.
 * Units      bytes.
 * Errors     ERR_DAMAGED: not what zip_pack() made of this prefix; ERR_NO_MEMORY.
 */
#ifndef ZIP_H
#define ZIP_H

#include "arena.h"
#include "err.h"

/* Packs `plain`; what also stands in `prefix` (absent: in nothing) costs next to nothing.
 * The two are not the same memory. */
bool zip_pack(struct slice prefix, struct slice plain, struct arena *arena, struct slice *packed,
              struct err *err) MUST_USE;

/* How long the packed text says it is. Never more than what so many bytes can hold. */
bool zip_size(struct slice packed, uint64_t *size, struct err *err) MUST_USE;

/* Unpacks into the zip_size() bytes at `out`; the prefix is the same as it was. The arena is for
 * what it needs meanwhile. */
bool zip_unpack(struct slice prefix, struct slice packed, struct arena *arena, char *out,
                struct err *err) MUST_USE;

#endif
