/* lazy.c - see lazy.h. */
#include "lazy.h"

#include <stdlib.h>

#include "clock.h"
#include "drivers.h"

/* Between two tries to open. */
#define PAUSE_NS (500 * MS_NS)

struct lazy {
    struct backend base;
    struct backend_config cfg;
    struct backend *below; /* NULL: not open yet */
    struct err why;        /* the last try failed */
    int64_t next_ns;       /* when the next try is due */
};

static bool open_below(struct lazy *l, struct err *err)
{
    if (!l->below && clock_now_ns() >= l->next_ns) {
        l->below = chain_open(&l->cfg, &l->why);
        l->next_ns = clock_now_ns() + PAUSE_NS;
    }
    if (l->below)
        return true;
    return err_set(err, ERR_UNAVAILABLE, "%s", l->why.text);
}

static bool execute(struct backend *self, struct op *const ops[], size_t n, struct err *err)
{
    struct lazy *l = (struct lazy *)self;

    return open_below(l, err) && l->below->ops->execute(l->below, ops, n, err);
}

static bool probe(struct backend *self, int64_t deadline_ns, struct err *err)
{
    struct lazy *l = (struct lazy *)self;

    if (!open_below(l, err) || !backend_probe(l->below, deadline_ns, err))
        return false;
    self->caps = l->below->caps;
    return true;
}

static void close_both(struct backend *self)
{
    struct lazy *l = (struct lazy *)self;

    backend_close(l->below);
    free(l);
}

static const struct backend_ops lazy_ops = {
    .name = "lazy",
    .execute = execute,
    .probe = probe,
    .close = close_both,
};

struct backend *lazy_open(const struct backend_config *cfg, struct err *err)
{
    struct lazy *l = malloc(sizeof(*l));

    if (!l) {
        (void)err_no_memory(err);
        return NULL;
    }
    *l = (struct lazy){
        .base = {.ops = &lazy_ops, .caps = BACKEND_SHARED}, .cfg = *cfg, .why = *err};
    return &l->base;
}
