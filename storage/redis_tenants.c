/* redis_tenants.c - OP_TENANT_LIST. */
#include <stdlib.h>

#include "redis.h"

static int order_names(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

bool redis_tenant_list(struct call *c, struct op *op, struct err *err)
{
    struct op_tenant_list *list = &op->tenant_list;
    struct slice *names;
    size_t n, from = 0;

    if (!call_tenants(c, &names, &n, err))
        return false;
    if (n > 1)
        qsort(names, n, sizeof(*names), order_names);
    while (slice_present(list->after) && from < n && slice_compare(names[from], list->after) <= 0)
        from++;
    list->out.items = names + from;
    list->out.more = n - from > (size_t)list->limit;
    list->out.n = list->out.more ? (size_t)list->limit : n - from;
    return true;
}
