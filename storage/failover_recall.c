/*
 * failover_recall.c - a primary that was filled lacks the ids of requests; see failover_run.h.
 *
 *     the fallback remembers the request -> merged into the primary -> there it is a repeat
 *        `- it does not, or cannot be had -> the primary runs the op
 */
#include "failover_run.h"

#include "clock.h"

bool run_recalls(const struct run *r, const struct item *i)
{
    return i->repeat.present && !i->recalled && !i->rerun && op_writes(i->op) &&
           KEEPS(r->f, RULE_RECALL) && atomic_load(&r->f->recall_until_us) > i->op->now_us &&
           state_is_up(r->f, FALLBACK) && state_usable(r->f);
}

/* Asks the fallback. Leaves in `items` those whose requests it remembers, each with the op that merges that. */
static size_t ask(struct run *r, struct item **items, struct op **ops, size_t n)
{
    size_t asked = 0, known = 0;

    for (size_t i = 0; i < n; i++)
        if (ops_recall(items[i]->op, &items[i]->copy)) {
            items[asked] = items[i];
            ops[asked++] = &items[i]->copy;
        }
    if (asked > 0)
        run_call(r, FALLBACK, ops, asked);
    for (size_t i = 0; i < asked; i++)
        if (ops[i]->status.kind == ERR_OK && ops_bring(items[i]->op, &items[i]->copy)) {
            items[known] = items[i];
            ops[known++] = &items[i]->copy;
        }
    return known;
}

void run_recall(struct run *r)
{
    struct item *items[BATCH_MAX] = {NULL};
    struct op *ops[BATCH_MAX] = {NULL};
    size_t n = run_gather(r, TO_RECALL, items, ops);

    for (size_t i = 0; i < n; i++) {
        items[i]->recalled = true;
        items[i]->stage = AT_PRIMARY;
    }
    n = ask(r, items, ops, n);
    if (n == 0)
        return;
    run_call(r, PRIMARY, ops, n);
    for (size_t i = 0; i < n; i++)
        if (run_is_lost(ops[i])) {
            items[i]->stage = AT_FALLBACK; /* which remembers it */
        } else if (ops[i]->status.kind != ERR_OK) {
            items[i]->op->status = ops[i]->status;
            items[i]->stage = DONE;
        }
}
