/* Paths: the parameters of a route are valid ids; an id is the same after the way into a path and back. */
#include "fuzz.h"
#include "id.h"
#include "routes.h"

static void check_match(struct slice method, struct slice path)
{
    struct router table = routes_table();
    struct arena arena = {0};
    struct route_match match = {0};
    struct err err = {0};

    if (router_match(&table, method, path, &arena, &match, &err)) {
        FUZZ_CHECK(match.route != NULL);
        for (size_t i = 0; i < match.n; i++)
            FUZZ_CHECK(id_check(match.values[i], &err));
    } else {
        FUZZ_CHECK(err.kind == ERR_NOT_FOUND || err.kind == ERR_METHOD || err.kind == ERR_INVALID);
        FUZZ_CHECK((err.kind == ERR_METHOD) == (match.allow[0] != '\0'));
    }
    arena_done(&arena);
}

static void check_id(struct slice id)
{
    struct arena arena = {0};
    struct slice segment, back;
    struct err err;

    if (id_check(id, &err)) {
        segment = id_to_segment(id, &arena);
        FUZZ_CHECK(id_from_segment(segment, &arena, &back, &err) && slice_equal(id, back));
    }
    if (id_from_segment(id, &arena, &back, &err))
        FUZZ_CHECK(id_check(back, &err));
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const methods[] = {"GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "TRACE"};
    struct slice input = fuzz_input(data, size);

    check_id(input);
    if (size > 0)
        check_match(slice_of(methods[data[0] % COUNT_OF(methods)]),
                    (struct slice){input.at + 1, size - 1});
    return 0;
}
