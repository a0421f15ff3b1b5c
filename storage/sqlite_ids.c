/* sqlite_ids.c - tenants, stamps and the activity of sessions; see sqlite.h. */
#include "clock.h"
#include "sqlite_rows.h"

static bool find_tenant(struct sqlite *d, struct slice name, int64_t *tenant, struct err *err)
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

static bool make_tenant(struct sqlite *d, struct slice name, int64_t *tenant, struct err *err)
{
    struct query q;

    if (!query_begin(d, SQL_TENANT_MAKE, &q, err))
        return false;
    query_blob(&q, name);
    if (!query_run(&q, err))
        return false;
    *tenant = sqlite3_last_insert_rowid(d->db);
    return true;
}

bool sqlite_tenant(struct sqlite *d, struct slice name, bool make, int64_t *tenant, struct err *err)
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

bool sqlite_stamp(struct op *op, int64_t stored, int64_t *stamp, struct err *err)
{
    if (op->stamp > stored) {
        *stamp = op->stamp;
        return true;
    }
    if (op->fence) {
        op->newest = stored;
        return err_set(err, ERR_FENCED, "The store holds a newer change.");
    }
    *stamp = stored + 1;
    stamp_observe(*stamp);
    return true;
}

bool sqlite_session_touch(struct sqlite *d, int64_t tenant, struct slice id, int64_t now_us,
                          struct err *err)
{
    struct session_row row;

    if (!row_find(d, tenant, id, &row, err))
        return false;
    if (!row_live(d, &row, now_us) || row.active_us >= now_us)
        return true;
    row.active_us = now_us;
    return row_advance(d, &row, err);
}
