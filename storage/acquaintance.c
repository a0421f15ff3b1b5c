/* acquaintance.c - see acquaintance.h. */
#include "acquaintance.h"

#include <stdio.h>

void acquaintance_init(struct acquaintance *a)
{
    *a = (struct acquaintance){.lock = PTHREAD_MUTEX_INITIALIZER, .generation = 1};
}

static void keep(char *to, size_t size, struct slice text)
{
    snprintf(to, size, "%.*s", text.at ? (int)text.len : 0, text.at ? text.at : "");
}

struct met acquaintance_meet(struct acquaintance *a, struct slice incarnation, struct slice pair,
                             int64_t position)
{
    struct met met;

    keep(met.incarnation, sizeof(met.incarnation), incarnation);
    keep(met.pair, sizeof(met.pair), pair);
    pthread_mutex_lock(&a->lock);
    met.early = !a->known;
    met.older = a->known && position < a->position;
    met.generation = a->generation;
    pthread_mutex_unlock(&a->lock);
    return met;
}

static void take(struct acquaintance *a, const struct learnt *what)
{
    a->known = true;
    keep(a->incarnation, sizeof(a->incarnation), what->incarnation);
    keep(a->pair, sizeof(a->pair), what->pair);
    a->position = what->position;
}

void acquaintance_learn(struct acquaintance *a, const struct learnt *what)
{
    if (!a)
        return;
    pthread_mutex_lock(&a->lock);
    take(a, what);
    a->generation += what->forgot;
    pthread_mutex_unlock(&a->lock);
}

void acquaintance_see(struct acquaintance *a, const struct learnt *what)
{
    if (!a)
        return;
    pthread_mutex_lock(&a->lock);
    if (!a->known && slice_present(what->pair))
        take(a, what);
    else if (a->known && slice_equal(what->incarnation, slice_of(a->incarnation)) &&
             what->position > a->position)
        a->position = what->position;
    pthread_mutex_unlock(&a->lock);
}

/* How a connection's store differs from the one that is known; NULL: it does not. */
static const char *difference(const struct acquaintance *a, const struct met *met)
{
    if (!a->known)
        return NULL;
    if (strcmp(a->incarnation, met->incarnation) != 0)
        return "another server";
    if (!met->early && strcmp(a->pair, met->pair) != 0)
        return "of another pair";
    return met->older && met->generation == a->generation ? "older than it was" : NULL;
}

bool acquaintance_admits(struct acquaintance *a, const struct met *met, struct err *err)
{
    const char *is;

    if (!a)
        return true;
    pthread_mutex_lock(&a->lock);
    is = difference(a, met);
    pthread_mutex_unlock(&a->lock);
    return !is || err_set(err, ERR_UNAVAILABLE,
                          "the store is not what it was, and may have lost changes: it is %s", is);
}

unsigned acquaintance_generation(struct acquaintance *a)
{
    unsigned generation;

    if (!a)
        return 0;
    pthread_mutex_lock(&a->lock);
    generation = a->generation;
    pthread_mutex_unlock(&a->lock);
    return generation;
}

/* These ops find out what the store is, and are run on any. */
static bool may_ask(const struct op *op)
{
    return op->type == OP_PAIR_READ || op->type == OP_PAIR_CHANGE || op->type == OP_TENANT_LIST;
}

size_t acquaintance_sort(struct acquaintance *a, const struct met *met, struct op *const ops[],
                         size_t n, struct op **allowed)
{
    struct err why;
    bool admits = acquaintance_admits(a, met, &why);
    unsigned now = acquaintance_generation(a);
    size_t n_allowed = 0;

    for (size_t i = 0; i < n; i++) {
        bool chosen = !ops[i]->generation || ops[i]->generation == now;

        if ((admits && chosen) || may_ask(ops[i]))
            allowed[n_allowed++] = ops[i];
        else if (!admits)
            ops[i]->status = why;
        else
            err_fill(&ops[i]->status, ERR_UNAVAILABLE,
                     "the store was found to have lost changes since it was chosen");
    }
    return n_allowed;
}
