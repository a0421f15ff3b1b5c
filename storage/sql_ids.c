/* sql_ids.c - tenants, and the store's description of itself; see sql_ops.h. */
#include "clock.h"
#include "sql_ops.h"

static bool find_tenant(struct sql *d, struct slice name, int64_t *tenant, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!query_begin(d, SQL_TENANT_FIND, &q, err))
        return false;
    query_blob(&q, name);
    if (!query_step(&q, &found, err))
        return false;
    *tenant = found ? query_col_int(&q, 0) : 0;
    return true;
}

static bool make_tenant(struct sql *d, struct slice name, int64_t *tenant, struct err *err)
{
    struct query q;

    if (!query_begin(d, SQL_TENANT_MAKE, &q, err))
        return false;
    query_blob(&q, name);
    return query_make(&q, tenant, err);
}

bool sql_tenant(struct sql *d, struct slice name, bool make, int64_t *tenant, struct err *err)
{
    if (d->tenant && slice_equal(name, (struct slice){d->tenant_name, d->tenant_len})) {
        *tenant = d->tenant;
        return true;
    }
    if (!find_tenant(d, name, tenant, err) ||
        (*tenant == 0 && make && !make_tenant(d, name, tenant, err)))
        return false;
    if (*tenant && name.len <= sizeof(d->tenant_name)) {
        memcpy(d->tenant_name, name.at, name.len);
        d->tenant_len = name.len;
        d->tenant = *tenant;
    }
    return true;
}

bool sql_tenant_list(struct sql *d, struct op *op, struct err *err)
{
    struct op_tenant_list *list = &op->tenant_list;
    AUTO(query_end) struct query q = {0};
    size_t n = 0;
    bool found;

    list->out.items = arena_alloc(op->arena, (size_t)list->limit * sizeof(*list->out.items));
    if (!list->out.items)
        return err_no_memory(err);
    if (!query_begin(d, SQL_TENANT_LIST, &q, err))
        return false;
    query_blob(&q, slice_present(list->after) ? list->after : SLICE(""));
    query_int(&q, list->limit + 1);
    for (;; n++) {
        if (!query_step(&q, &found, err))
            return false;
        if (!found || n == (size_t)list->limit)
            break;
        if (!query_copy(&q, 0, op->arena, &list->out.items[n], err))
            return false;
    }
    list->out.n = n;
    list->out.more = found;
    return true;
}

bool sql_tenant_forget(struct sql *d, struct op *op, struct err *err)
{
    int64_t tenant, changes = 0;

    if (!sql_tenant(d, op->tenant, false, &tenant, err))
        return false;
    d->tenant = 0; /* the row of the tenant may be removed */
    if (tenant != 0 &&
        (!query_do(d, SQL_TENANT_NO_SESSIONS, tenant, 0, err) ||
         !query_do(d, SQL_TENANT_NO_THREADS, tenant, 0, err) ||
         !query_do_change(d, SQL_TENANT_DROP, (int64_t[]){tenant, 0}, &changes, err)))
        return false;
    op->tenant_forget.out.removed = tenant == 0 || changes > 0;
    return true;
}

bool sql_describe(struct sql *d, struct op *op, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!query_begin(d, SQL_DESCRIBE, &q, err) || !query_step(&q, &found, err))
        return false;
    op->describe.out.schema = query_col_int(&q, 1);
    return query_copy(&q, 0, op->arena, &op->describe.out.server, err);
}
