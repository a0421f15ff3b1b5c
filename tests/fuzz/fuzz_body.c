/* Reads bodies and query strings with a table that has a member of every type. */
#include "body.h"

#include "fuzz.h"
#include "id.h"

struct everything {
    struct slice string, id, object, array, any;
    bool flag;
    int64_t number, time;
    double real;
};

static const struct member members[] = {
    MEMBER(struct everything, string, MEMBER_STRING),
    MEMBER(struct everything, id, MEMBER_ID),
    MEMBER(struct everything, object, MEMBER_OBJECT),
    MEMBER(struct everything, array, MEMBER_ARRAY),
    MEMBER(struct everything, any, MEMBER_ANY),
    MEMBER(struct everything, flag, MEMBER_BOOL),
    MEMBER_RANGE(struct everything, number, MEMBER_INT, -5, 1000),
    MEMBER(struct everything, time, MEMBER_TIME),
    MEMBER_RANGE(struct everything, real, MEMBER_NUMBER, 0, 10),
    MEMBER_END,
};

static void check(const struct everything *out)
{
    struct err err;

    FUZZ_CHECK(!slice_present(out->id) || id_check(out->id, &err));
    FUZZ_CHECK(!slice_present(out->string) || id_is_utf8(out->string));
    FUZZ_CHECK(!slice_present(out->object) || out->object.at[0] == '{');
    FUZZ_CHECK(!slice_present(out->array) || out->array.at[0] == '[');
    FUZZ_CHECK(out->number >= -5 && out->number <= 1000);
    FUZZ_CHECK(out->real >= 0 && out->real <= 10);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = fuzz_input(data, size);
    struct arena arena = {0};
    struct everything out = {0};
    struct err err = {0};

    if (body_read(input, members, &out, &arena, &err))
        check(&out);
    else
        FUZZ_CHECK(err.kind == ERR_INVALID && err.text[0]);
    out = (struct everything){0};
    err = (struct err){0};
    if (query_read(input, members, &out, &arena, &err))
        check(&out);
    else
        FUZZ_CHECK(err.kind == ERR_INVALID && err.text[0] == '?');
    arena_done(&arena);
    return 0;
}
