/*
 * zip.h - compresses texts as zstd frames, with a prefix that the reader already has.
 *
 *     delta.c, pack.c -> zip_pack() -> store -> zip_unpack()
 *
 * Frames are stored without the magic number, which is the same in all.
 *
 * Threads    each thread has its own compressor, made at first use and freed with the thread.
 * Ownership  results live in the arena.
 * Units      bytes.
 * Errors     ERR_DAMAGED: not what zip_pack() made with this prefix; ERR_NO_MEMORY.
 */
#ifndef ZIP_H
#define ZIP_H

#include "arena.h"
#include "err.h"

/* Packs `plain`; what also occurs in `prefix` (which may be absent) costs next to nothing. The two must not be
 * the same memory. */
bool zip_pack(struct slice prefix, struct slice plain, struct arena *arena, struct slice *packed,
              struct err *err) MUST_USE;

/* Reads the unpacked size from a packed text. Never more than its length can hold. */
bool zip_size(struct slice packed, uint64_t *size, struct err *err) MUST_USE;

/* Unpacks into `out`, which has zip_size() bytes; the prefix must be the one used for packing. The arena holds
 * temporary data. */
bool zip_unpack(struct slice prefix, struct slice packed, struct arena *arena, char *out,
                struct err *err) MUST_USE;

#endif
