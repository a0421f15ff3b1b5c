/* allowance.c - see allowance.h. */
#include "allowance.h"

#include <stdatomic.h>

static _Atomic int64_t in_use;
static struct allowance *_Atomic exempt;

static bool is_exempt(struct allowance *a)
{
    struct allowance *nobody = NULL;

    return exempt == a || atomic_compare_exchange_strong(&exempt, &nobody, a);
}

bool allowance_take(struct allowance *a, size_t bytes)
{
    int64_t more = (int64_t)bytes, own = atomic_fetch_add(&a->taken, more);
    int64_t all = atomic_fetch_add(&in_use, more) + more;

    if (all <= (own ? a->most : a->most / 2) || is_exempt(a))
        return true;
    allowance_give(a, bytes);
    a->refused = true;
    return false;
}

void allowance_add(struct allowance *a, size_t bytes)
{
    a->taken += (int64_t)bytes;
    in_use += (int64_t)bytes;
}

void allowance_give(struct allowance *a, size_t bytes)
{
    struct allowance *self = a;

    in_use -= (int64_t)bytes;
    if (atomic_fetch_sub(&a->taken, (int64_t)bytes) == (int64_t)bytes)
        atomic_compare_exchange_strong(&exempt, &self, NULL);
}

void allowance_explain(const struct allowance *a, struct err *err)
{
    if (a && a->refused && err->kind == ERR_NO_MEMORY)
        err_fill(err, ERR_OVERLOADED, "too many large answers at once (--answer-total)");
}

int64_t allowance_in_use(void)
{
    return in_use;
}
