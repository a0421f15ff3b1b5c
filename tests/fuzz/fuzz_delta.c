/* Stored values: decoding ends whatever the bytes are; what was encoded decodes to the same. */
#include "delta.h"
#include "fuzz.h"

static void decode(int encoding, struct slice bytes, struct slice base)
{
    struct arena arena = {0};
    struct delta d = {(enum blob_encoding)encoding, bytes};
    struct slice out;
    struct err err;
    uint32_t place;

    if (delta_place(encoding, bytes, &place, &err))
        FUZZ_CHECK(place < DELTA_CHAIN);
    if (!delta_decode(&d, delta_has_base(encoding) ? base : (struct slice){NULL, 0}, &arena, &out,
                      &err))
        FUZZ_CHECK(err.kind == ERR_DAMAGED || err.kind == ERR_NO_MEMORY);
    arena_done(&arena);
}

static void round_trip(struct slice base, struct slice whole)
{
    struct arena arena = {0};
    struct delta_input in = {.whole = whole, .base = base, .place = 1};
    struct delta d;
    struct slice out;
    struct err err;

    FUZZ_CHECK(delta_encode(&in, &arena, &d, &err));
    FUZZ_CHECK(delta_decode(&d, delta_has_base(d.encoding) ? base : (struct slice){NULL, 0}, &arena,
                            &out, &err));
    FUZZ_CHECK(slice_equal(out, whole));
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice all = fuzz_input(data, size), base, rest;

    if (size < 2)
        return 0;
    base.len = data[1] % (size - 1);
    base.at = all.at + 2;
    if (base.len > size - 2)
        base.len = size - 2;
    rest = (struct slice){base.at + base.len, size - 2 - base.len};
    decode(data[0] % 5, rest, base);
    round_trip(base, rest);
    return 0;
}
