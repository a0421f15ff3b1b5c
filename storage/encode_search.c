/* encode_search.c - looks for carried values in earlier checkpoints; see encode.h. */
#include "encode.h"

enum { SEARCH_PAGE = 100 }; /* checkpoints that one read looks at */

static bool search(struct encoder *e, struct slice id, const struct checkpoint_pos *after,
                   struct err *err)
{
    e->search = op_before(e->op, OP_CHECKPOINT_LIST);
    if (!e->search)
        return err_no_memory(err);
    e->search->checkpoint_list = (struct op_checkpoint_list){
        .ns = e->asked.ns, .checkpoint_id = id, .limit = slice_present(id) ? 1 : SEARCH_PAGE};
    if (after)
        e->search->checkpoint_list.after = *after;
    return true;
}

static bool learn(struct encoder *e, const struct checkpoint *c, struct err *err)
{
    struct inlining_source from = {c->head.id, c->packed, slice_equal(c->id, e->asked.parent_id),
                                   false};

    e->n_searched++;
    return inlining_learn(&e->inlining, &from, err);
}

/* Takes what was read. If reading has failed, the put fails: carried values are not known to be absent. */
static bool take_found(struct encoder *e, const struct op *found, struct err *err)
{
    const struct op_checkpoint_list *list = &found->checkpoint_list;

    if (found->status.kind != ERR_OK) {
        *err = found->status;
        return false;
    }
    for (size_t i = 0; i < list->out.n && e->n_searched < SEARCH_MAX; i++)
        if (!learn(e, list->out.items[i], err))
            return false;
    return true;
}

static bool is_over(const struct encoder *e)
{
    return e->inlining.n_open == 0 || e->n_searched >= SEARCH_MAX;
}

/* Looks at the parent first, then at the newest checkpoints of the namespace. */
bool encode_search(struct encoder *e, struct err *err)
{
    const struct op *last = e->search, *latest = e->latest;
    struct slice none = {NULL, 0};
    bool read = latest && latest->status.kind == ERR_OK;

    e->search = NULL;
    if (is_over(e))
        return true;
    if (!last && read && !learn(e, latest->checkpoint_get.out.checkpoint, err))
        return false;
    if (last && !take_found(e, last, err))
        return false;
    if (is_over(e))
        return true;
    if (!last && slice_present(e->asked.parent_id) && !read)
        return search(e, e->asked.parent_id, NULL, err);
    if (!last || slice_present(last->checkpoint_list.checkpoint_id))
        return search(e, none, NULL, err);
    if (last->checkpoint_list.out.more)
        return search(e, none, &last->checkpoint_list.out.next, err);
    e->n_searched = SEARCH_MAX; /* there are no more */
    return true;
}
