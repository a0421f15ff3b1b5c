/* Compares the splitter with jansson: it takes what jansson takes; what it takes alone has a known
 * reason. */
#include <jansson.h>

#include "fuzz.h"
#include "split.h"

/* Whether jansson refuses a text for a reason that does not bind us: we keep the text as it was sent. */
static bool ours_only(struct slice text, const json_error_t *error)
{
    enum json_error_code code = json_error_code(error);

    if (code == json_error_numeric_overflow || code == json_error_null_character ||
        code == json_error_null_byte_in_key)
        return true;
    for (size_t i = 0; i + 3 < text.len; i++) /* jansson calls a lone surrogate a syntax error */
        if (text.at[i] == '\\' && text.at[i + 1] == 'u' && (text.at[i + 2] | 32) == 'd' &&
            ((text.at[i + 3] >= '8' && text.at[i + 3] <= '9') ||
             ((text.at[i + 3] | 32) >= 'a' && (text.at[i + 3] | 32) <= 'f')))
            return true;
    return false;
}

static unsigned depth_of(const json_t *value)
{
    unsigned deepest = 0;
    const char *key;
    json_t *child;
    size_t i;

    if (json_is_object(value))
        json_object_foreach((json_t *)(uintptr_t)value, key, child)
        {
            unsigned d = depth_of(child);
            deepest = d > deepest ? d : deepest;
        }
    else if (json_is_array(value))
        json_array_foreach(value, i, child)
        {
            unsigned d = depth_of(child);
            deepest = d > deepest ? d : deepest;
        }
    else
        return 0;
    return deepest + 1;
}

static void check_members(struct slice text, struct slice value, const json_t *oracle)
{
    struct arena arena = {0};
    struct split_member *members;
    struct slice *elements;
    struct err err;
    size_t n;

    if (split_object(text, &arena, &members, &n, &err)) {
        FUZZ_CHECK(value.at[0] == '{');
        for (size_t i = 0; i < n; i++)
            FUZZ_CHECK(fuzz_within(members[i].name, value) && fuzz_within(members[i].value, value));
        if (oracle)
            FUZZ_CHECK(json_object_size(oracle) == n);
    }
    if (value.at[0] == '[') {
        FUZZ_CHECK(split_elements(value, &arena, &elements, &n, &err));
        if (oracle)
            FUZZ_CHECK(json_array_size(oracle) == n);
        for (size_t i = 0; i < n; i++) {
            struct slice again;

            FUZZ_CHECK(split_check(elements[i], &again, &err) && slice_equal(again, elements[i]));
        }
    }
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = fuzz_input(data, size), value = {0};
    struct err err = {0};
    json_error_t error;
    json_t *oracle = json_loadb(text.at ? text.at : "", size, JSON_DECODE_ANY | JSON_ALLOW_NUL,
                                &error);
    bool valid = split_check(text, &value, &err);

    /* jansson takes a NUL byte between values for the end of the text. */
    if (oracle && !valid)
        FUZZ_CHECK(depth_of(oracle) > SPLIT_DEPTH || memchr(text.at, 0, size));
    if (valid && !oracle)
        FUZZ_CHECK(ours_only(text, &error));
    if (valid) {
        FUZZ_CHECK(fuzz_within(value, text) && value.len > 0);
        check_members(text, value, oracle);
    }
    json_decref(oracle);
    return 0;
}
