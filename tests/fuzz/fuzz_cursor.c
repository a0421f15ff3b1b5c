/* Cursors, base64 and times: what decodes is encoded to the same text again. */
#include "cursor.h"

#include "base64.h"
#include "fuzz.h"
#include "json.h"

static void check_parts(const struct slice *parts, size_t n, struct arena *arena)
{
    struct slice text = cursor_encode('x', parts, n, arena), again[3];
    struct err err;

    FUZZ_CHECK(cursor_decode(text, 'x', again, n, arena, &err));
    for (size_t i = 0; i < n; i++)
        FUZZ_CHECK(slice_present(parts[i]) == slice_present(again[i]) &&
                   slice_equal(parts[i], again[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = fuzz_input(data, size), parts[3], bytes;
    struct arena arena = {0};
    struct err err = {0};
    int64_t n, again;

    for (size_t k = 1; k <= COUNT_OF(parts); k++)
        if (cursor_decode(input, 'x', parts, k, &arena, &err))
            check_parts(parts, k, &arena);
    parts[0] = input;
    parts[1] = (struct slice){NULL, 0};
    bytes = cursor_encode('y', parts, 2, &arena);
    FUZZ_CHECK(cursor_decode(bytes, 'y', parts, 2, &arena, &err));
    FUZZ_CHECK(slice_equal(parts[0], input) && !slice_present(parts[1]));
    FUZZ_CHECK(!cursor_decode(bytes, 'z', parts, 2, &arena, &err));
    if (cursor_to_int(input, &n, &err))
        FUZZ_CHECK(cursor_to_int(cursor_int(n, &arena), &again, &err) && again == n);
    if (base64_decode(input, BASE64_URL, &arena, &bytes))
        FUZZ_CHECK(slice_equal(base64_encode_url(bytes, &arena), input));
    if (base64_decode(input, BASE64_STANDARD, &arena, &bytes)) {
        char *text = arena_alloc(&arena, base64_length(bytes.len) + 1);

        FUZZ_CHECK(text && slice_equal((struct slice){text, base64_encode_to(text, bytes)}, input));
    }
    if (json_parse_time(input, &n, &err)) {
        struct text t;

        text_init(&t, &arena);
        json_time(&t, n);
        FUZZ_CHECK(!t.failed && json_parse_time((struct slice){t.at + 1, t.len - 2}, &again, &err));
        FUZZ_CHECK(n == again);
    }
    arena_done(&arena);
    return 0;
}
