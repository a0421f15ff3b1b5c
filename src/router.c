/* router.c - see router.h. */
#include "router.h"

#include <assert.h>

#include "id.h"

/* The end of the segment that begins at p. */
static const char *segment_end(const char *p, const char *end)
{
    const char *slash = p < end ? memchr(p, '/', (size_t)(end - p)) : NULL;

    return slash ? slash : end;
}

/*
 * Whether a path has the form of a pattern. *rank has a bit for each segment that is literal, the highest
 * bit for the first, so that of two matching patterns the one with the earlier literal ranks higher.
 */
static bool matches(const char *pattern, struct slice path, unsigned *rank)
{
    const char *p = path.at, *end = path.at + path.len;
    unsigned bit = 1u << 31;

    *rank = 0;
    for (; *pattern; pattern++) {
        if (*pattern == '{') {
            const char *next = segment_end(p, end);

            if (next == p)
                return false;
            p = next;
            pattern = strchr(pattern, '}');
            continue;
        }
        if (p == end || *p != *pattern)
            return false;
        if (*pattern == '/')
            bit >>= 1;
        else
            *rank |= bit;
        p++;
    }
    return p == end;
}

/* Most routes differ in the first letter after the slash. */
static bool may_match(const char *pattern, struct slice path)
{
    return path.len < 2 || pattern[1] == path.at[1] || pattern[1] == '{';
}

/* A route with the best pattern for this path, or NULL. */
static const struct route *best_path(const struct router *r, struct slice path)
{
    const struct route *best = NULL;
    unsigned best_rank = 0, rank;

    for (size_t i = 0; i < r->n; i++) {
        const char *pattern = r->routes[i].path;

        if (may_match(pattern, path) && matches(pattern, path, &rank) &&
            (!best || rank > best_rank)) {
            best = &r->routes[i];
            best_rank = rank;
        }
    }
    return best;
}

static void add_allowed(char allow[ROUTE_ALLOW_LEN], const char *method)
{
    size_t len = strlen(allow), more = strlen(method) + (len ? 2 : 0);

    if (len + more >= ROUTE_ALLOW_LEN)
        return;
    if (len)
        strcpy(allow + len, ", ");
    strcat(allow, method);
}

static void list_allowed(const struct router *r, const struct route *like,
                         char allow[ROUTE_ALLOW_LEN])
{
    for (size_t i = 0; i < r->n; i++) {
        if (strcmp(r->routes[i].path, like->path) != 0)
            continue;
        add_allowed(allow, r->routes[i].method);
        if (strcmp(r->routes[i].method, "GET") == 0)
            add_allowed(allow, "HEAD");
    }
}

static const struct route *with_method(const struct router *r, const struct route *like,
                                       struct slice method)
{
    if (slice_equal(method, SLICE("HEAD")))
        method = SLICE("GET");
    if (slice_equal(method, slice_of(like->method)))
        return like;
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->routes[i].path, like->path) == 0 &&
            slice_equal(method, slice_of(r->routes[i].method)))
            return &r->routes[i];
    return NULL;
}

static bool decode_param(struct slice segment, struct slice name, struct arena *arena,
                         struct route_match *out, struct err *err)
{
    assert(out->n < ROUTE_PARAMS_MAX);
    if (!id_from_segment(segment, arena, &out->values[out->n], err)) {
        if (err->kind == ERR_INVALID)
            err_fill(err, ERR_INVALID, "{%.*s}: %s", SLICE_ARGS(name), err->text);
        return false;
    }
    out->names[out->n++] = name;
    return true;
}

static bool decode_params(struct slice path, struct arena *arena, struct route_match *out,
                          struct err *err)
{
    const char *p = path.at, *end = path.at + path.len;

    for (const char *pattern = out->route->path; *pattern; pattern++, p++) {
        const char *close, *next;

        if (*pattern != '{')
            continue;
        close = strchr(pattern, '}');
        next = segment_end(p, end);
        if (!decode_param((struct slice){p, (size_t)(next - p)},
                          (struct slice){pattern + 1, (size_t)(close - pattern - 1)}, arena, out,
                          err))
            return false;
        pattern = close;
        p = next - 1;
    }
    return true;
}

bool router_match(const struct router *r, struct slice method, struct slice path,
                  struct arena *arena, struct route_match *out, struct err *err)
{
    const struct route *best = best_path(r, path);

    *out = (struct route_match){0};
    if (!best && (slice_equal(method, SLICE("TRACE")) || slice_equal(method, SLICE("CONNECT")))) {
        strcpy(out->allow, "GET, HEAD, POST, PUT, PATCH, DELETE");
        return err_set(err, ERR_METHOD, "the method is not allowed here");
    }
    if (!best)
        return err_set(err, ERR_NOT_FOUND, "there is no such path");
    out->route = with_method(r, best, method);
    if (!out->route) {
        list_allowed(r, best, out->allow);
        return err_set(err, ERR_METHOD, "the method is not allowed here");
    }
    return decode_params(path, arena, out, err);
}
