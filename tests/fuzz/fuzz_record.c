/* fuzz_record.c - lines of an import: a record that was read is written, and read as the same again. */
#include "clock.h"
#include "fuzz.h"
#include "record_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice line = {(const char *)data, size}, tenant, same;
    struct arena arena = {0};
    struct record record, again;
    struct err err = {0};
    struct text t;

    clock_fake(1, INT64_C(1800000000000000));
    if (record_parse(line, &arena, &tenant, &record, &err)) {
        text_init(&t, &arena);
        record_text_write(&t, tenant, &record);
        FUZZ_CHECK(!t.failed);
        if (record_parse(text_slice(&t), &arena, &same, &again, &err)) {
            FUZZ_CHECK(slice_equal(tenant, same));
            FUZZ_CHECK(record_key_compare(&record.key, &again.key) == 0);
            FUZZ_CHECK(record_difference(&record, &again) == NULL);
        } else { /* what came as a string may be nested deeper than JSON may be */
            FUZZ_CHECK(memmem(data, size, "_text", 5) != NULL);
        }
    } else {
        FUZZ_CHECK(err.kind == ERR_INVALID && *err.text);
    }
    arena_done(&arena);
    return 0;
}
