/* redis_tenants.c - the names of tenants, and what the server says of itself. */
#include "redis_call.h"
#include "redis_ops.h"
#include "redis_used.h"
#include "sorted.h"

bool redis_tenant_list(struct call *c, struct op *op, struct err *err)
{
    struct op_tenant_list *list = &op->tenant_list;
    struct slice *names;
    size_t n, from = 0;

    if (!used_tenants(c, &names, &n, err))
        return false;
    n = sorted_texts(names, n);
    while (slice_present(list->after) && from < n && slice_compare(names[from], list->after) <= 0)
        from++;
    list->out.items = names + from;
    list->out.more = n - from > (size_t)list->limit;
    list->out.n = list->out.more ? (size_t)list->limit : n - from;
    return true;
}

bool redis_describe(struct call *c, struct op *op, struct err *err)
{
    static const char name[] = "redis_version:";
    struct reply **replies;
    const char *version;

    ASK(c, SLICE("INFO"), SLICE("server"));
    if (!call_answers(c, &replies, err)) {
        if (err->kind != ERR_CONFIG && err->kind != ERR_STORAGE)
            return false;
        c->d->denied = false; /* it works without */
        op->describe.out.server = SLICE("Redis, which does not let this user run \"info\"");
        op->describe.out.schema = 0;
        return true;
    }
    version = memmem(replies[0]->text.at, replies[0]->text.len, name, sizeof(name) - 1);
    version = version ? version + sizeof(name) - 1 : "";
    op->describe.out.server = arena_printf(c->arena, "Redis %.*s", (int)strcspn(version, "\r\n"),
                                           version);
    op->describe.out.schema = 0;
    return op->describe.out.server.at || err_no_memory(err);
}
