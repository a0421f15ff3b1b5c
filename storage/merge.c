/* merge.c - see merge.h. */
#include "merge.h"

#include "names.h"
#include "text.h"

static bool too_many(struct err *err)
{
    return err_set(err, ERR_TOO_LARGE, "the merged metadata would have more than %d members",
                   SPLIT_ITEMS_MAX);
}

/* Lists the members of both objects, one after the other. */
static bool list_both(const struct slice texts[2], struct arena *arena,
                      struct split_member **members, size_t n[2], struct err *err)
{
    struct split_member *lists[2];

    for (int i = 0; i < 2; i++)
        if (!split_list(texts[i], arena, &lists[i], &n[i], err)) {
            if (err->kind == ERR_INVALID && slice_starts(texts[i], SLICE("{")))
                return too_many(err);
            return false;
        }
    *members = arena_alloc(arena, (n[0] + n[1]) * sizeof(**members));
    if (!*members)
        return err_no_memory(err);
    if (n[0])
        memcpy(*members, lists[0], n[0] * sizeof(**members));
    if (n[1])
        memcpy(*members + n[0], lists[1], n[1] * sizeof(**members));
    return true;
}

/* Gives the first member of each name the value of the last one, and drops the others. Returns how many stay. */
static size_t settle(struct split_member *members, const struct name *sorted, size_t n)
{
    size_t names = 0;

    for (size_t i = 0, next; i < n; i = next, names++) {
        for (next = i + 1; next < n && slice_equal(sorted[next].text, sorted[i].text); next++)
            continue;
        members[sorted[i].index].value = members[sorted[next - 1].index].value;
        for (size_t k = i + 1; k < next; k++)
            members[sorted[k].index].name = (struct slice){NULL, 0};
    }
    return names;
}

static struct slice write_members(const struct split_member *members, size_t n, struct arena *arena)
{
    const char *before = "{\"";
    struct text t;

    text_init(&t, arena);
    for (size_t i = 0; i < n; i++) {
        if (!members[i].name.at)
            continue;
        text_puts(&t, before);
        text_put(&t, members[i].name);
        text_puts(&t, "\":");
        text_put(&t, members[i].value);
        before = ",\"";
    }
    text_puts(&t, "}");
    return t.failed ? (struct slice){NULL, 0} : text_slice(&t);
}

bool merge_objects(struct slice base, struct slice patch, struct arena *arena, struct slice *out,
                   struct err *err)
{
    struct split_member *members;
    struct name *sorted;
    struct slice merged;
    size_t n[2];

    if (!list_both((const struct slice[2]){base, patch}, arena, &members, n, err))
        return false;
    if (n[1] == 0) {
        *out = base;
        return true;
    }
    if (!names_sort(members, n[0] + n[1], arena, &sorted, err))
        return false;
    if (settle(members, sorted, n[0] + n[1]) > SPLIT_ITEMS_MAX)
        return too_many(err);
    merged = write_members(members, n[0] + n[1], arena);
    if (!merged.at)
        return err_no_memory(err);
    *out = merged;
    return true;
}
