/* names.c - see names.h. */
#include "names.h"

#include <stdlib.h>

#include "id.h"
#include "scan.h"

enum { FEW = 16 }; /* up to this, comparing each with each beats sorting */

bool names_decode(struct slice raw, struct arena *arena, struct slice *out, struct err *err)
{
    char *decoded;

    if (raw.len == 0 || !memchr(raw.at, '\\', raw.len)) {
        *out = raw;
        return true;
    }
    decoded = arena_alloc(arena, raw.len);
    if (!decoded)
        return err_no_memory(err);
    *out = (struct slice){decoded, scan_unescape(raw, decoded)};
    return true;
}

struct slice names_shown(struct slice name)
{
    if (name.len > NAMES_SHOWN)
        name.len = NAMES_SHOWN;
    while (name.len > 0 && !id_is_utf8(name)) /* the cut may have split a character */
        name.len--;
    return name;
}

/* In an error text ": " ends the pointer, so a blank after a colon is written as %20. */
void names_pointer(struct slice raw, struct arena *arena, char out[NAMES_POINTER_LEN])
{
    struct slice name;
    struct err ignored;
    size_t n = 0;

    if (!names_decode(raw, arena, &name, &ignored) || !id_is_utf8(name) ||
        memchr(name.at, '\0', name.len))
        name = raw;
    name = names_shown(name);
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];

        if (c == '~' || c == '/') {
            out[n++] = '~';
            out[n++] = c == '~' ? '0' : '1';
        } else if (c == ' ' && i > 0 && name.at[i - 1] == ':') {
            memcpy(out + n, "%20", 3);
            n += 3;
        } else {
            out[n++] = c;
        }
    }
    out[n] = '\0';
}

static int by_name(const void *left, const void *right)
{
    const struct name *a = left, *b = right;
    int order = slice_compare(a->text, b->text);

    return order ? order : (a->index > b->index) - (a->index < b->index);
}

static bool decode_all(const struct split_member *members, size_t n, struct arena *arena,
                       struct name **out, struct err *err)
{
    struct name *names = arena_zalloc(arena, n, sizeof(*names));

    if (!names)
        return err_no_memory(err);
    for (size_t i = 0; i < n; i++) {
        names[i].index = i;
        if (!names_decode(members[i].name, arena, &names[i].text, err))
            return false;
    }
    *out = names;
    return true;
}

bool names_sort(const struct split_member *members, size_t n, struct arena *arena,
                struct name **sorted, struct err *err)
{
    if (!decode_all(members, n, arena, sorted, err))
        return false;
    qsort(*sorted, n, sizeof(**sorted), by_name);
    return true;
}

static bool few_plain(const struct split_member *members, size_t n)
{
    if (n > FEW)
        return false;
    for (size_t i = 0; i < n; i++)
        if (members[i].name.len && memchr(members[i].name.at, '\\', members[i].name.len))
            return false;
    return true;
}

static bool twice(struct slice raw, struct arena *arena, struct err *err)
{
    char pointer[NAMES_POINTER_LEN];

    names_pointer(raw, arena, pointer);
    return err_set(err, ERR_INVALID, "/%s: is given more than once", pointer);
}

bool names_unique(const struct split_member *members, size_t n, struct arena *arena,
                  struct err *err)
{
    struct name *sorted;

    if (few_plain(members, n)) {
        for (size_t i = 1; i < n; i++)
            for (size_t j = 0; j < i; j++)
                if (slice_equal(members[i].name, members[j].name))
                    return twice(members[i].name, arena, err);
        return true;
    }
    if (!names_sort(members, n, arena, &sorted, err))
        return false;
    for (size_t i = 1; i < n; i++)
        if (slice_equal(sorted[i - 1].text, sorted[i].text))
            return twice(members[sorted[i].index].name, arena, err);
    return true;
}
