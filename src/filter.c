/*
 * filter.c - see filter.h.
 *
 * Two values are walked side by side, in time linear in their texts (objects: times the logarithm of their
 * members) however deep they are: one pass over each text notes where its arrays and objects end, so that the
 * members of an object, which may come in any order, are found without looking into them.
 */
#include "filter.h"

#include <stdlib.h>

#include "decimal.h"
#include "names.h"
#include "scan.h"

/* An array or object; those of a text are listed in the order of their first bytes. Bodies are less than 4 GiB. */
struct span {
    uint32_t len; /* bytes, with the brackets */
    uint32_t n;   /* how many it holds, itself included */
};

/* A place in a text. */
struct side {
    const char *at, *end;
    const struct span *span; /* of the next array or object */
};

/* A member of an object. */
struct part {
    struct slice name; /* escapes decoded */
    struct side value;
};

/* The members of an object by name; of duplicates the last one counts, as in Python. */
struct object {
    struct part *parts; /* sorted and distinct */
    size_t n;
};

static bool same_value(struct side *a, struct side *b, struct arena *arena, bool *equal,
                       struct err *err);

/* Notes the spans of a valid text. */
static bool side_open(struct slice text, struct arena *arena, struct side *out, struct err *err)
{
    const char *end = text.at + text.len;
    uint32_t open[SPLIT_DEPTH], n = 0;
    struct span *spans;
    size_t most = 0, depth = 0;

    for (const char *p = text.at; p < end; p++)
        most += *p == '[' || *p == '{';
    spans = arena_alloc(arena, most * sizeof(*spans));
    if (!spans)
        return err_no_memory(err);
    for (const char *p = text.at; p < end;) {
        char c = *p++;

        if (c == '"') {
            p = scan_string(p, end);
        } else if (c == '[' || c == '{') {
            spans[n].len = (uint32_t)(p - 1 - text.at); /* for now where it begins */
            open[depth++] = n++;
        } else if (c == ']' || c == '}') {
            struct span *span = &spans[open[--depth]];

            span->len = (uint32_t)(p - text.at) - span->len;
            span->n = (uint32_t)(&spans[n] - span);
        }
    }
    *out = (struct side){text.at, end, spans};
    return true;
}

static void skip_space(struct side *s)
{
    while (s->at < s->end && (unsigned char)*s->at <= ' ')
        s->at++;
}

/* Moves past a value. */
static void pass(struct side *s)
{
    if (*s->at == '[' || *s->at == '{') {
        s->at += s->span->len;
        s->span += s->span->n;
    } else if (*s->at == '"') {
        s->at = scan_string(s->at + 1, s->end);
    } else {
        s->at = scan_scalar(s->at, s->end);
    }
}

/* Moves into an array or object, to the first item or the closing bracket. */
static void enter(struct side *s)
{
    s->at++;
    s->span++;
    skip_space(s);
}

/* Moves from behind an item to the next one or to the closing bracket. */
static void next_item(struct side *s)
{
    skip_space(s);
    if (*s->at == ',') {
        s->at++;
        skip_space(s);
    }
}

/* Moves from the name of a member to its value, and gives the name as it was sent. */
static struct slice take_name(struct side *s)
{
    const char *name = s->at + 1, *after = scan_string(name, s->end);

    s->at = after;
    skip_space(s);
    s->at++; /* the colon */
    skip_space(s);
    return (struct slice){name, (size_t)(after - 1 - name)};
}

static size_t count_members(struct side object)
{
    size_t n = 0;

    for (enter(&object); *object.at != '}'; next_item(&object), n++) {
        (void)take_name(&object);
        pass(&object);
    }
    return n;
}

static int by_name(const void *left, const void *right)
{
    const struct part *a = left, *b = right;
    int order = slice_compare(a->name, b->name);

    return order ? order : (a->value.at > b->value.at) - (a->value.at < b->value.at);
}

/* Moves past an object and lists its members. */
static bool read_object(struct side *s, struct arena *arena, struct object *out, struct err *err)
{
    size_t n = count_members(*s), kept = 0;
    struct part *parts = arena_alloc(arena, n * sizeof(*parts));

    if (!parts)
        return err_no_memory(err);
    enter(s);
    for (size_t i = 0; i < n; i++, next_item(s)) {
        if (!names_decode(take_name(s), arena, &parts[i].name, err))
            return false;
        parts[i].value = *s;
        pass(s);
    }
    s->at++;
    qsort(parts, n, sizeof(*parts), by_name);
    for (size_t i = 0; i < n; i++)
        if (i + 1 == n || !slice_equal(parts[i].name, parts[i + 1].name))
            parts[kept++] = parts[i];
    *out = (struct object){parts, kept};
    return true;
}

static int find_name(const void *name, const void *part)
{
    return slice_compare(*(const struct slice *)name, ((const struct part *)part)->name);
}

static bool same_strings(struct slice a, struct slice b, struct arena *arena, bool *equal,
                         struct err *err)
{
    struct slice x, y;

    if (!names_decode((struct slice){a.at + 1, a.len - 2}, arena, &x, err) ||
        !names_decode((struct slice){b.at + 1, b.len - 2}, arena, &y, err))
        return false;
    *equal = slice_equal(x, y);
    return true;
}

/* A character for the type of a value: its first one, but '0' for all numbers. */
static char type_at(const char *json)
{
    return *json == '-' || (*json >= '0' && *json <= '9') ? '0' : *json;
}

/* Compares values of one type that hold no others, and moves past them. */
static bool same_scalars(struct side *a, struct side *b, struct arena *arena, bool *equal,
                         struct err *err)
{
    struct slice x = {a->at, 0}, y = {b->at, 0};

    pass(a);
    pass(b);
    x.len = (size_t)(a->at - x.at);
    y.len = (size_t)(b->at - y.at);
    *equal = true; /* for true, false and null the type says it */
    if (*x.at == '"')
        return slice_equal(x, y) || same_strings(x, y, arena, equal, err);
    if (type_at(x.at) == '0')
        *equal = decimal_equal(x, y);
    return true;
}

static bool same_arrays(struct side *a, struct side *b, struct arena *arena, bool *equal,
                        struct err *err)
{
    *equal = true;
    enter(a);
    enter(b);
    while (*equal && *a->at != ']' && *b->at != ']') {
        if (!same_value(a, b, arena, equal, err))
            return false;
        if (*equal) {
            next_item(a);
            next_item(b);
        }
    }
    if (*equal)
        *equal = *a->at++ == *b->at++;
    return true;
}

static bool same_objects(struct side *a, struct side *b, struct arena *arena, bool *equal,
                         struct err *err)
{
    struct object x, y;

    if (!read_object(a, arena, &x, err) || !read_object(b, arena, &y, err))
        return false;
    *equal = x.n == y.n;
    for (size_t i = 0; i < x.n && *equal; i++) {
        *equal = slice_equal(x.parts[i].name, y.parts[i].name);
        if (*equal && !same_value(&x.parts[i].value, &y.parts[i].value, arena, equal, err))
            return false;
    }
    return true;
}

/*
 * Compares two values and, if they are equal, moves past them. Recursion is bounded, as valid JSON is at most
 * SPLIT_DEPTH deep.
 */
static bool same_value(struct side *a, struct side *b, struct arena *arena, bool *equal,
                       struct err *err)
{
    if (type_at(a->at) != type_at(b->at)) {
        *equal = false;
        return true;
    }
    if (*a->at == '[')
        return same_arrays(a, b, arena, equal, err);
    if (*a->at == '{')
        return same_objects(a, b, arena, equal, err);
    return same_scalars(a, b, arena, equal, err);
}

bool filter_equal(struct slice a, struct slice b, struct arena *arena, bool *equal, struct err *err)
{
    bool same = slice_equal(a, b);
    struct side x, y;

    if (!same && type_at(a.at) == type_at(b.at) &&
        (!side_open(a, arena, &x, err) || !side_open(b, arena, &y, err) ||
         !same_value(&x, &y, arena, &same, err)))
        return false;
    *equal = same;
    return true;
}

bool filter_parse(struct slice text, struct arena *arena, struct filter *out, struct err *err)
{
    struct filter f;

    if (!split_object(text, arena, &f.members, &f.n, err))
        return false;
    *out = f;
    return true;
}

/* Finds the value of a member, "null" if there is none. */
static struct slice find(const struct object *o, struct slice name)
{
    const struct part *part = o->n ? bsearch(&name, o->parts, o->n, sizeof(*part), find_name)
                                   : NULL;
    struct side value;

    if (!part)
        return SLICE("null");
    value = part->value;
    pass(&value);
    return (struct slice){part->value.at, (size_t)(value.at - part->value.at)};
}

bool filter_matches(const struct filter *f, struct slice metadata, struct arena *arena,
                    bool *matches, struct err *err)
{
    struct object o = {0};
    struct err ignored;
    struct side side;
    bool equal = true;

    if (f->n > 0 && slice_present(metadata)) {
        /* It comes from a store, and the walk trusts its text. */
        equal = split_check(metadata, &metadata, &ignored) && *metadata.at == '{';
        if (equal &&
            (!side_open(metadata, arena, &side, err) || !read_object(&side, arena, &o, err)))
            return false;
    }
    for (size_t i = 0; i < f->n && equal; i++) {
        struct slice name;

        if (!names_decode(f->members[i].name, arena, &name, err) ||
            !filter_equal(f->members[i].value, find(&o, name), arena, &equal, err))
            return false;
    }
    *matches = equal;
    return true;
}
