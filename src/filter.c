/* filter.c - see filter.h. */
#include "filter.h"

#include "decimal.h"
#include "names.h"

/* The members of an object by name; of duplicates the last one counts, as in Python. */
struct object {
    struct split_member *members;
    struct name *names; /* sorted and distinct */
    size_t n;
};

static bool read_object(struct slice json, struct arena *arena, struct object *out, struct err *err)
{
    struct object o = {0};
    size_t n;

    if (!split_list(json, arena, &o.members, &n, err) ||
        !names_sort(o.members, n, arena, &o.names, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (i + 1 < n && slice_equal(o.names[i].text, o.names[i + 1].text))
            continue;
        o.names[o.n++] = o.names[i];
    }
    *out = o;
    return true;
}

/* Finds the value of a member; absent if there is none. */
static struct slice find(const struct object *o, struct slice name)
{
    size_t low = 0, high = o->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = slice_compare(o->names[middle].text, name);

        if (order == 0)
            return o->members[o->names[middle].index].value;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return (struct slice){NULL, 0};
}

static bool equal_strings(struct slice a, struct slice b, struct arena *arena, bool *equal,
                          struct err *err)
{
    struct slice x, y;

    if (!names_decode((struct slice){a.at + 1, a.len - 2}, arena, &x, err) ||
        !names_decode((struct slice){b.at + 1, b.len - 2}, arena, &y, err))
        return false;
    *equal = slice_equal(x, y);
    return true;
}

static bool equal_arrays(struct slice a, struct slice b, struct arena *arena, bool *equal,
                         struct err *err)
{
    struct slice *x, *y;
    size_t n, m;
    bool same;

    if (!split_elements(a, arena, &x, &n, err) || !split_elements(b, arena, &y, &m, err))
        return false;
    same = n == m;
    for (size_t i = 0; i < n && same; i++)
        if (!filter_equal(x[i], y[i], arena, &same, err))
            return false;
    *equal = same;
    return true;
}

static bool equal_objects(struct slice a, struct slice b, struct arena *arena, bool *equal,
                          struct err *err)
{
    struct object x, y;
    bool same;

    if (!read_object(a, arena, &x, err) || !read_object(b, arena, &y, err))
        return false;
    same = x.n == y.n;
    for (size_t i = 0; i < x.n && same; i++) {
        same = slice_equal(x.names[i].text, y.names[i].text);
        if (same && !filter_equal(x.members[x.names[i].index].value,
                                  y.members[y.names[i].index].value, arena, &same, err))
            return false;
    }
    *equal = same;
    return true;
}

/* A character for the type of a value: its first one, but '0' for all numbers. */
static char type_of(struct slice json)
{
    return *json.at == '-' || (*json.at >= '0' && *json.at <= '9') ? '0' : *json.at;
}

/* Recursion is bounded, as valid JSON is at most SPLIT_DEPTH deep. */
bool filter_equal(struct slice a, struct slice b, struct arena *arena, bool *equal, struct err *err)
{
    char type = type_of(a);

    if (slice_equal(a, b)) {
        *equal = true;
        return true;
    }
    if (type != type_of(b)) {
        *equal = false;
        return true;
    }
    switch (type) {
    case '"':
        return equal_strings(a, b, arena, equal, err);
    case '[':
        return equal_arrays(a, b, arena, equal, err);
    case '{':
        return equal_objects(a, b, arena, equal, err);
    case '0':
        *equal = decimal_equal(a, b);
        return true;
    default: /* true, false or null: equal types are equal values */
        *equal = true;
        return true;
    }
}

bool filter_parse(struct slice text, struct arena *arena, struct filter *out, struct err *err)
{
    struct filter f;

    if (!split_object(text, arena, &f.members, &f.n, err))
        return false;
    *out = f;
    return true;
}

bool filter_matches(const struct filter *f, struct slice metadata, struct arena *arena,
                    bool *matches, struct err *err)
{
    struct object o = {0};
    bool equal = true;

    if (f->n > 0 && slice_present(metadata) && !read_object(metadata, arena, &o, err))
        return false;
    for (size_t i = 0; i < f->n && equal; i++) {
        struct slice name, value;

        if (!names_decode(f->members[i].name, arena, &name, err))
            return false;
        value = find(&o, name);
        if (!slice_present(value))
            value = SLICE("null");
        if (!filter_equal(f->members[i].value, value, arena, &equal, err))
            return false;
    }
    *matches = equal;
    return true;
}
