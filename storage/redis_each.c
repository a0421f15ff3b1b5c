/* redis_each.c - see redis_each.h. */
#include "redis_each.h"

#include "copies.h"
#include "redis_turns.h"

enum { EACH_AT_ONCE = 64 };

/* A part of the op: one id. It is an op of the same type, so that it can take a turn. */
struct part {
    struct op op;
    struct slice tenant, id;
    redis_one *one;
    void *arg;
    bool changed;
};

static void run(struct call *c)
{
    struct part *part = (struct part *)c->op;
    struct err err;
    int tries = 0;
    bool ok;

    do {
        call_at(c, part->tenant, part->id);
        ok = part->one(c, part->arg, &err);
        call_drain(c);
    } while (!ok && call_again(c, &tries));
    part->op.status = ok ? (struct err){.kind = ERR_OK} : err;
    part->changed = c->changed;
}

/* Takes over the copies of a part. Their outbox entry was written by the commit of the part. */
static bool gather(struct call *c, const struct part *part, struct err *err)
{
    c->changed |= part->changed;
    for (size_t i = 0; i < part->op.n_copies; i++)
        if (!copies_add(c->op, &part->op.copies[i], err))
            return false;
    c->entered = c->op->n_copies;
    return true;
}

static bool run_some(struct call *c, struct part *parts, size_t n, struct err *err)
{
    struct op *ops[EACH_AT_ONCE];
    bool ok = true;

    for (size_t i = 0; i < n; i++)
        ops[i] = &parts[i].op;
    turns_split(c, ops, n, run);
    for (size_t i = 0; i < n; i++) {
        if (!gather(c, &parts[i], err))
            return false;
        if (ok && ops[i]->status.kind != ERR_OK) {
            ok = false;
            c->op->newest = ops[i]->newest;
            *err = ops[i]->status;
        }
    }
    return ok;
}

bool redis_each(struct call *c, struct slice tenant, const struct slice *ids, size_t n,
                redis_one *one, void *arg, struct err *err)
{
    struct part *parts = arena_alloc(c->arena, EACH_AT_ONCE * sizeof(*parts));

    if (!parts)
        return err_no_memory(err);
    for (size_t done = 0, some; done < n; done += some) {
        some = n - done < EACH_AT_ONCE ? n - done : EACH_AT_ONCE;
        for (size_t i = 0; i < some; i++) {
            parts[i] = (struct part){
                .op = *c->op, .tenant = tenant, .id = ids[done + i], .one = one, .arg = arg};
            copies_reset(&parts[i].op);
        }
        if (!run_some(c, parts, some, err))
            return false;
    }
    return true;
}
