/* split.c - see split.h. */
#include "split.h"

#include "names.h"
#include "scan.h"

enum { LIST_FIRST = 16 };

static const char TOO_MANY[] = "at most 262144 members";

struct list {
    struct arena *arena;
    struct split_member *members;
    size_t n, cap;
};

/* The validating pass. Its functions return where the text continues, or NULL after fail(). */
struct walk {
    const char *start, *end;
    struct list *list;    /* gets the members of the outermost object; or NULL */
    const char *at;       /* where it failed */
    const char *expected; /* what was expected there; NULL: out of memory */
    unsigned depth;
    char close[SPLIT_DEPTH]; /* the brackets that are still open */
};

static COLD const char *fail(struct walk *w, const char *at, const char *expected)
{
    w->at = at;
    w->expected = expected;
    return NULL;
}

static COLD bool report(const struct walk *w, struct err *err)
{
    if (!w->expected)
        return err_no_memory(err);
    return err_set(err, ERR_INVALID, "not JSON at byte %zu: expected %s",
                   (size_t)(w->at - w->start), w->expected);
}

static inline const char *skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
        p++;
    return p;
}

static inline bool is_digit(const char *p, const char *end)
{
    return p < end && *p >= '0' && *p <= '9';
}

static const char *pass_escape(struct walk *w, const char *p)
{
    if (w->end - p >= 2 && p[1] == 'u') {
        for (int i = 2; i < 6; i++)
            if (p + i >= w->end || scan_hex(p[i]) < 0)
                return fail(w, p + i < w->end ? p + i : w->end, "four hexadecimal digits");
        return p + 6;
    }
    if (w->end - p < 2 || p[1] == '\0' || !strchr("\"\\/bfnrt", p[1]))
        return fail(w, p, "a valid escape");
    return p + 2;
}

/* From after the opening quote to after the closing one. */
static const char *pass_string(struct walk *w, const char *p)
{
    for (;;) {
        p = scan_plain(p, w->end);
        if (p == w->end)
            return fail(w, p, "the end of a string");
        if (*p == '"')
            return p + 1;
        if (*p == '\\') {
            p = pass_escape(w, p);
            if (!p)
                return NULL;
            continue;
        }
        if ((unsigned char)*p < 0x20)
            return fail(w, p, "no raw control character in a string");
        do {
            size_t len = scan_utf8(p, w->end);

            if (len == 0)
                return fail(w, p, "valid UTF-8");
            p += len;
        } while (p < w->end && (unsigned char)*p >= 0x80);
    }
}

static const char *pass_digits(struct walk *w, const char *p)
{
    if (!is_digit(p, w->end))
        return fail(w, p, "a digit");
    do
        p++;
    while (is_digit(p, w->end));
    return p;
}

static const char *pass_number(struct walk *w, const char *p)
{
    p += *p == '-';
    if (p < w->end && *p == '0')
        p++;
    else
        p = pass_digits(w, p);
    if (p && p < w->end && *p == '.')
        p = pass_digits(w, p + 1);
    if (p && p < w->end && (*p == 'e' || *p == 'E')) {
        p++;
        p += p < w->end && (*p == '+' || *p == '-');
        p = pass_digits(w, p);
    }
    return p;
}

static const char *pass_word(struct walk *w, const char *p, struct slice word)
{
    if (!slice_starts((struct slice){p, (size_t)(w->end - p)}, word))
        return fail(w, p, "a value");
    return p + word.len;
}

static inline const char *pass_scalar(struct walk *w, const char *p)
{
    if (p == w->end)
        return fail(w, p, "a value");
    switch (*p) {
    case '"':
        return pass_string(w, p + 1);
    case 't':
        return pass_word(w, p, SLICE("true"));
    case 'f':
        return pass_word(w, p, SLICE("false"));
    case 'n':
        return pass_word(w, p, SLICE("null"));
    default:
        if (*p != '-' && !is_digit(p, w->end))
            return fail(w, p, "a value");
        return pass_number(w, p);
    }
}

static bool list_add(struct list *list, struct slice name)
{
    if (list->n == SPLIT_ITEMS_MAX)
        return false;
    if (list->n == list->cap) {
        size_t size = sizeof(*list->members), cap = list->cap ? list->cap * 2 : LIST_FIRST;
        void *grown = arena_resize(list->arena, list->members, list->cap * size, cap * size);

        if (!grown)
            return false;
        list->members = grown;
        list->cap = cap;
    }
    list->members[list->n++] = (struct split_member){.name = name};
    return true;
}

/* Gives back the room for more members: a body may have very many small objects. */
static void trim(struct list *list)
{
    size_t size = sizeof(*list->members);
    void *less = NULL;

    if (list->n > 0)
        less = arena_resize(list->arena, list->members, list->cap * size, list->n * size);
    if (less)
        list->members = less;
}

/* Passes a member's name and the colon. */
static inline const char *pass_name(struct walk *w, const char *p)
{
    const char *name;

    p = skip_space(p, w->end);
    if (p == w->end || *p != '"')
        return fail(w, p, "a name in quotes");
    name = p + 1;
    p = pass_string(w, name);
    if (!p)
        return NULL;
    if (w->depth == 1 && w->list &&
        !list_add(w->list, (struct slice){name, (size_t)(p - 1 - name)}))
        return fail(w, name - 1, w->list->n == SPLIT_ITEMS_MAX ? TOO_MANY : NULL);
    p = skip_space(p, w->end);
    if (p == w->end || *p != ':')
        return fail(w, p, "':'");
    return p + 1;
}

/* From after a value to the next one, or to the end of the outermost one (then depth is 0). */
static inline const char *pass_on(struct walk *w, const char *p)
{
    while (w->depth > 0) {
        char close = w->close[w->depth - 1];

        if (w->depth == 1 && w->list && w->list->n > 0) {
            struct slice *value = &w->list->members[w->list->n - 1].value;

            value->len = (size_t)(p - value->at);
        }
        p = skip_space(p, w->end);
        if (p < w->end && *p == ',')
            return close == '}' ? pass_name(w, p + 1) : p + 1;
        if (p == w->end || *p != close)
            return fail(w, p, close == '}' ? "',' or '}'" : "',' or ']'");
        w->depth--;
        p++;
    }
    return p;
}

/* From the value at p to after it. */
static const char *pass_value(struct walk *w, const char *p)
{
    w->depth = 0;
    do {
        p = skip_space(p, w->end);
        if (w->depth == 1 && w->list)
            w->list->members[w->list->n - 1].value.at = p;
        if (p < w->end && (*p == '{' || *p == '[')) {
            char close = *p == '{' ? '}' : ']';

            if (w->depth == SPLIT_DEPTH)
                return fail(w, p, "at most 512 levels");
            w->close[w->depth++] = close;
            p = skip_space(p + 1, w->end);
            if (p == w->end || *p != close) {
                if (close == '}')
                    p = pass_name(w, p);
                continue;
            }
        } else {
            p = pass_scalar(w, p);
        }
        if (p)
            p = pass_on(w, p);
    } while (p && w->depth > 0);
    return p;
}

static bool walk_text(struct walk *w, struct slice text, struct list *list, struct slice *value)
{
    const char *first, *p;

    if (!text.at)
        text = SLICE("");
    w->start = text.at;
    w->end = text.at + text.len;
    w->list = list;
    first = skip_space(text.at, w->end);
    if (list && (first == w->end || *first != '{')) {
        fail(w, first, "an object");
        return false;
    }
    p = pass_value(w, first);
    if (!p)
        return false;
    *value = (struct slice){first, (size_t)(p - first)};
    p = skip_space(p, w->end);
    if (p == w->end)
        return true;
    fail(w, p, "the end");
    return false;
}

bool split_check(struct slice text, struct slice *value, struct err *err)
{
    struct slice found;
    struct walk w;

    if (!walk_text(&w, text, NULL, &found))
        return report(&w, err);
    *value = found;
    return true;
}

static bool finish(const struct list *list, struct split_member **members, size_t *n,
                   struct err *err)
{
    if (!names_unique(list->members, list->n, list->arena, err))
        return false;
    *members = list->members;
    *n = list->n;
    return true;
}

bool split_object(struct slice text, struct arena *arena, struct split_member **members, size_t *n,
                  struct err *err)
{
    struct list list = {.arena = arena};
    struct slice object;
    struct walk w;

    if (!walk_text(&w, text, &list, &object))
        return report(&w, err);
    return finish(&list, members, n, err);
}

/* The functions below move over text that was validated before. */

static const char *skip_value(const char *p, const char *end)
{
    size_t depth = 0;

    while (p < end) {
        switch (*p++) {
        case '"':
            p = scan_string(p, end);
            break;
        case '{':
        case '[':
            depth++;
            break;
        case '}':
        case ']':
            depth--;
            break;
        default:
            if (depth > 0)
                continue;
            p = scan_scalar(p, end);
        }
        if (depth == 0)
            break;
    }
    return p;
}

/* From after a value to the next one, or to the closing bracket. */
static const char *next_item(const char *p, const char *end)
{
    p = skip_space(p, end);
    return p < end && *p == ',' ? skip_space(p + 1, end) : p;
}

bool split_list(struct slice json, struct arena *arena, struct split_member **members, size_t *n,
                struct err *err)
{
    const char *p, *end, *start;
    struct list list = {.arena = arena};

    if (json.len == 0 || *json.at != '{')
        return err_set(err, ERR_INVALID, "must be an object");
    end = json.at + json.len;
    for (p = skip_space(json.at + 1, end); p < end && *p == '"';) {
        start = p + 1;
        p = scan_string(start, end);
        if (!list_add(&list, (struct slice){start, (size_t)(p - 1 - start)}))
            return list.n == SPLIT_ITEMS_MAX ? err_set(err, ERR_INVALID, "must have %s", TOO_MANY)
                                             : err_no_memory(err);
        start = skip_space(skip_space(p, end) + 1, end);
        p = skip_value(start, end);
        list.members[list.n - 1].value = (struct slice){start, (size_t)(p - start)};
        p = next_item(p, end);
    }
    trim(&list);
    *members = list.members;
    *n = list.n;
    return true;
}

bool split_members(struct slice json, struct arena *arena, struct split_member **members, size_t *n,
                   struct err *err)
{
    struct list list = {.arena = arena};

    return split_list(json, arena, &list.members, &list.n, err) && finish(&list, members, n, err);
}

bool split_elements(struct slice json, struct arena *arena, struct slice **elements, size_t *n,
                    struct err *err)
{
    const char *p, *end, *start;
    struct slice *found = NULL;
    size_t count = 0, cap = 0;

    if (json.len == 0 || *json.at != '[')
        return err_set(err, ERR_INVALID, "must be an array");
    end = json.at + json.len;
    for (p = skip_space(json.at + 1, end); p < end && *p != ']';) {
        if (count == SPLIT_ITEMS_MAX)
            return err_set(err, ERR_INVALID, "must have at most %d elements", SPLIT_ITEMS_MAX);
        if (count == cap) {
            size_t more = cap ? cap * 2 : LIST_FIRST;
            void *grown = arena_resize(arena, found, cap * sizeof(*found), more * sizeof(*found));

            if (!grown)
                return err_no_memory(err);
            found = grown;
            cap = more;
        }
        start = p;
        p = skip_value(p, end);
        found[count++] = (struct slice){start, (size_t)(p - start)};
        p = next_item(p, end);
    }
    *elements = found;
    *n = count;
    return true;
}

bool split_name_is(struct slice name, const char *plain)
{
    size_t len = strlen(plain);
    char decoded[256]; /* long enough for our names, even with each character as \uXXXX */

    if (name.len == 0 || !memchr(name.at, '\\', name.len))
        return name.len == len && memcmp(name.at, plain, len) == 0;
    if (name.len > sizeof(decoded))
        return false;
    return scan_unescape(name, decoded) == len && memcmp(decoded, plain, len) == 0;
}
