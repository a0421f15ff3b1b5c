/* lazy.c - see lazy.h. */
#include "lazy.h"

#include <stdlib.h>

#include "backend_over.h"
#include "clock.h"
#include "drivers.h"

/* Between two tries to open. */
#define PAUSE_NS (500 * MS_NS)

struct lazy {
    struct backend_over over;
    struct backend_config cfg;
    struct err why;  /* the last try failed */
    int64_t next_ns; /* when the next try is due */
};

static bool open_below(struct lazy *l, struct err *err)
{
    if (!l->over.below && clock_now_ns() >= l->next_ns) {
        l->over.below = chain_open(&l->cfg, &l->why);
        l->next_ns = clock_now_ns() + PAUSE_NS;
    }
    if (l->over.below)
        return true;
    return err_set(err, ERR_UNAVAILABLE, "%s", l->why.text);
}

static bool execute(struct backend *self, struct op *const ops[], size_t n, struct err *err)
{
    struct lazy *l = (struct lazy *)self;

    return open_below(l, err) && backend_pass(l->over.below, ops, n, err);
}

static bool probe(struct backend *self, int64_t deadline_ns, struct err *err)
{
    return open_below((struct lazy *)self, err) && backend_over_probe(self, deadline_ns, err);
}

static const struct backend_ops lazy_ops = {
    .name = "lazy",
    .execute = execute,
    .probe = probe,
    .close = backend_over_close,
};

struct backend *lazy_open(const struct backend_config *cfg, struct err *err)
{
    struct lazy *l = malloc(sizeof(*l));

    if (!l) {
        (void)err_no_memory(err);
        return NULL;
    }
    *l = (struct lazy){
        .over = {.base = {.ops = &lazy_ops, .caps = BACKEND_SHARED}}, .cfg = *cfg, .why = *err};
    return &l->over.base;
}
