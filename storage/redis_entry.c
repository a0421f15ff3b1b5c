/* redis_entry.c - see redis_entry.h. */
#include "redis_entry.h"

#include "copies.h"
#include "pack.h"

enum { DIGITS = 20 };

static bool join(int64_t number, const struct slice texts[3], struct arena *arena,
                 struct slice *text, struct err *err)
{
    struct slice packed, digits = redis_digits(number, arena);
    char *at;

    if (!redis_pack(&(struct packed){NULL, 0, (struct slice[]){texts[0], texts[1], texts[2]}, 3},
                    arena, &packed, err))
        return false;
    at = arena_alloc(arena, DIGITS + packed.len);
    if (!at || !digits.at)
        return err_no_memory(err);
    memcpy(at, digits.at, DIGITS);
    memcpy(at + DIGITS, packed.at, packed.len);
    *text = (struct slice){at, DIGITS + packed.len};
    return true;
}

bool redis_entry_new(const struct op *op, struct slice tenant, struct slice id, size_t from,
                     struct slice *text, struct err *err)
{
    struct slice texts[3] = {tenant, id};

    return copies_pack(op, from, &texts[2], err) && join(op->stamp, texts, op->arena, text, err);
}

bool redis_entry_text(const struct outbox_entry *e, struct arena *arena, struct slice *text,
                      struct err *err)
{
    struct slice texts[3] = {e->tenant, e->id};

    return pack_names(e->names, e->n_names, arena, &texts[2], err) &&
           join(e->number, texts, arena, text, err);
}

bool redis_entry_take(struct slice text, struct arena *arena, struct outbox_entry *e,
                      struct err *err)
{
    struct slice texts[3];
    struct record_name *names;

    if (text.len < DIGITS)
        return err_set(err, ERR_DAMAGED, "redis: an entry of the outbox is damaged");
    e->number = redis_number((struct slice){text.at, DIGITS});
    if (!redis_unpack((struct slice){text.at + DIGITS, text.len - DIGITS},
                      &(struct packed){NULL, 0, texts, COUNT_OF(texts)}, err) ||
        !unpack_names(texts[2], arena, &names, &e->n_names, err))
        return false;
    e->tenant = texts[0];
    e->id = texts[1];
    e->names = names;
    return true;
}
