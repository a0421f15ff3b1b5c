/* Filters: equality is reflexive and symmetric, and a metadata object matches itself. */
#include "filter.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = fuzz_input(data, size), a, b;
    struct arena arena = {0};
    struct filter filter;
    struct err err = {0};
    bool equal, other;
    size_t cut = size ? data[0] % size : 0;

    if (size > 0) {
        struct slice left = {input.at + 1, cut}, right = {input.at + 1 + cut, size - 1 - cut};

        if (split_check(left, &a, &err) && split_check(right, &b, &err)) {
            FUZZ_CHECK(filter_equal(a, a, &arena, &equal, &err) && equal);
            if (filter_equal(a, b, &arena, &equal, &err)) {
                FUZZ_CHECK(filter_equal(b, a, &arena, &other, &err));
                FUZZ_CHECK(equal == other);
            }
        }
    }
    if (filter_parse(input, &arena, &filter, &err) &&
        filter_matches(&filter, input, &arena, &equal, &err))
        FUZZ_CHECK(equal);
    arena_done(&arena);
    return 0;
}
