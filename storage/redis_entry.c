/* redis_entry.c - see redis_entry.h. */
#include "redis_entry.h"

#include "copies.h"
#include "pack.h"

enum { DIGITS = 20 };

static bool join(struct call *c, int64_t number, const struct slice texts[3], struct slice *text,
                 struct err *err)
{
    struct slice packed;

    if (!redis_pack(&(struct packed){NULL, 0, (struct slice[]){texts[0], texts[1], texts[2]}, 3},
                    c->arena, &packed, err))
        return false;
    *text = call_concat(c, redis_digits(number, c->arena), packed);
    return true;
}

bool redis_entry_new(struct call *c, struct slice *text, struct err *err)
{
    struct slice texts[3] = {c->tenant, c->id};

    return copies_pack(c->op, c->entered, &texts[2], err) &&
           join(c, c->op->stamp, texts, text, err);
}

bool redis_entry_text(struct call *c, const struct outbox_entry *e, struct slice *text,
                      struct err *err)
{
    struct slice texts[3] = {e->tenant, e->id};

    return pack_names(e->names, e->n_names, c->arena, &texts[2], err) &&
           join(c, e->number, texts, text, err);
}

bool redis_entry_take(struct call *c, struct slice text, struct outbox_entry *e, struct err *err)
{
    struct slice texts[3];
    struct record_name *names;

    if (text.len < DIGITS)
        return err_set(err, ERR_STORAGE, "redis: an entry of the outbox is damaged");
    e->number = redis_number((struct slice){text.at, DIGITS});
    if (!redis_unpack((struct slice){text.at + DIGITS, text.len - DIGITS},
                      &(struct packed){NULL, 0, texts, COUNT_OF(texts)}, err) ||
        !unpack_names(texts[2], c->arena, &names, &e->n_names, err))
        return false;
    e->tenant = texts[0];
    e->id = texts[1];
    e->names = names;
    return true;
}

struct redis_bounds redis_entry_bounds(struct call *c, int64_t number)
{
    return (struct redis_bounds){
        .from = call_concat(c, SLICE("["), redis_digits(number, c->arena)),
        .to = call_concat(c, SLICE("("), redis_digits(number + 1, c->arena)),
    };
}
