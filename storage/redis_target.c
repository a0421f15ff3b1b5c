/* redis_target.c - see redis_target.h. */
#include "redis_target.h"

#include "clock.h"
#include "redis_load.h"
#include "redis_removal.h"
#include "redis_rows.h"

void redis_target_ask(struct call *c, const struct target *t)
{
    call_at(c, c->op->tenant, c->op->id);
    redis_thread_ask(c, t->ns);
    ASK(c, SLICE("HGET"), call_key_ns(c, "checkpoints", t->ns), t->checkpoint_id);
    redis_row_touch_ask(c);
}

/* Removes what has expired in the thread. If something was removed, the op must run anew: false. *none:
 * nothing was. */
static bool expire(struct call *c, bool *none, struct err *err)
{
    bool before = c->changed;

    c->changed = false;
    if (!redis_removal_expired(c, err)) {
        c->changed |= before;
        return false;
    }
    *none = !c->changed;
    c->changed |= before;
    return *none || call_torn(c, err);
}

bool redis_target_take(struct call *c, struct target *t, struct reply *const *replies,
                       struct err *err)
{
    int64_t expired_us = clock_expired_us(c->d->checkpoint_ttl_us, c->op->now_us);
    bool none;

    if (!redis_thread_take(c, t->ns, replies[0], &t->thread, err) ||
        !redis_cp_take(t->checkpoint_id, replies[1], &t->row, err))
        return false;
    t->space = &t->thread.spaces[0];
    t->session = replies[2];
    if (t->row.stored && t->row.created_us <= expired_us && !expire(c, &none, err))
        return false;
    if (t->space->form == FORM_NONE || t->space->form == t->form)
        return true;
    if (!expire(c, &none, err))
        return false;
    return err_set(err, ERR_FORM, "This namespace of the thread holds checkpoints of the %s form.",
                   t->space->form == FORM_CHANNEL ? "channel" : "document");
}

bool redis_target_store(struct call *c, struct target *t, int64_t stamp, struct err *err)
{
    redis_thread_touch(&t->thread, c->op->now_us);
    if (t->space->form == FORM_NONE)
        t->space->form = t->form;
    if (t->space->last_stamp < stamp)
        t->space->last_stamp = stamp;
    return redis_thread_store(c, &t->thread, t->space, err) &&
           redis_row_touch(c, t->session, c->op->now_us, err);
}

/* Whether the put is based on this value, which must stay then. */
static bool is_base(const struct op_checkpoint_put *put, int64_t id)
{
    for (size_t i = 0; put && i < put->n_values; i++)
        if (put->values[i].blob.base_id == id)
            return true;
    return put && put->head.base_id == id;
}

bool redis_target_drop_head(struct call *c, struct space *space, int64_t head,
                            const struct op_checkpoint_put *put, struct err *err)
{
    struct loader l = redis_load_start(c);
    struct value_name name = {.id = head};
    struct reply **replies;
    struct value *value;

    if (head == 0 || is_base(put, head))
        return true;
    ASK(c, SLICE("HGET"), call_key_ns(c, "values", space->ns), call_number(c, head));
    ASK(c, SLICE("HGET"), call_key_ns(c, "bases", space->ns), call_number(c, head));
    if (!call_answers(c, &replies, err))
        return false;
    if (replies[0]->type != REPLY_TEXT || redis_number(replies[1]->text) > 0)
        return true;
    if (!redis_load_value_take(&l, head, replies[0], &value, err))
        return false;
    if (slice_present(value->of.channel))
        return true;
    name.base = value->blob.base_id;
    name.member = redis_value_member(c, &value->blob, NULL);
    redis_value_drop(c, space->ns, &name);
    space->bytes -= (int64_t)value->blob.bytes.len;
    return true;
}
