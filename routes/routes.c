/* The table of all routes, in the order of openapi/openapi.yaml. */
#include "routes.h"

#define BOTH(name) #name, name##_start, name##_finish
#define ANSWER(name) #name, NULL, name##_finish

static const struct route table[] = {
    {"POST", "/sessions", BOTH(session_create), SCOPE_WRITE, ROUTE_EACH_OP},
    {"PUT", "/sessions/{id}", BOTH(session_put), SCOPE_WRITE,
     ROUTE_EACH_OP | ROUTE_MATCH | ROUTE_ABSENT},
    {"GET", "/sessions/{id}", BOTH(session_get), SCOPE_READ, ROUTE_NO_BODY},
    {"GET", "/sessions", BOTH(session_list), SCOPE_READ, ROUTE_NO_BODY},
    {"PATCH", "/sessions/{id}", BOTH(session_patch), SCOPE_WRITE, ROUTE_EACH_OP | ROUTE_MATCH},
    {"POST", "/sessions/{id}/end", BOTH(session_end), SCOPE_WRITE, ROUTE_MATCH | ROUTE_NO_KEY},
    {"DELETE", "/sessions/{id}", BOTH(session_delete), SCOPE_WRITE, ROUTE_NO_BODY | ROUTE_MATCH},
    {"POST", "/batch/sessions/create", BOTH(session_batch_create), SCOPE_WRITE, ROUTE_EACH_OP},
    {"POST", "/batch/sessions/get", BOTH(session_batch_get), SCOPE_READ, ROUTE_EACH_OP},

    {"PUT", "/sessions/{id}/context", BOTH(context_put), SCOPE_WRITE, ROUTE_EACH_OP | ROUTE_MATCH},
    {"GET", "/sessions/{id}/context", BOTH(context_get), SCOPE_READ, ROUTE_NO_BODY},
    {"GET", "/sessions/{id}/context/versions", BOTH(context_versions), SCOPE_READ, ROUTE_NO_BODY},

    {"POST", "/conversations/{id}/messages", BOTH(message_append), SCOPE_WRITE, ROUTE_NO_KEY},
    {"GET", "/conversations/{id}/messages", BOTH(message_list), SCOPE_READ, ROUTE_NO_BODY},
    {"DELETE", "/conversations/{id}/messages", BOTH(message_trim), SCOPE_WRITE, ROUTE_NO_BODY},

    {"PUT", "/checkpoints/{t}/{c}", BOTH(checkpoint_put), SCOPE_WRITE, ROUTE_FRAME},
    {"GET", "/checkpoints/{t}/{c}", BOTH(checkpoint_get), SCOPE_READ, ROUTE_NO_BODY},
    {"GET", "/threads/{t}/latest", BOTH(checkpoint_latest), SCOPE_READ, ROUTE_NO_BODY},
    {"GET", "/checkpoints", BOTH(checkpoint_list), SCOPE_READ, ROUTE_NO_BODY | ROUTE_EACH_OP},
    {"POST", "/checkpoints/query", BOTH(checkpoint_query), SCOPE_READ, ROUTE_EACH_OP},
    {"DELETE", "/threads/{t}", BOTH(thread_delete), SCOPE_WRITE, ROUTE_NO_BODY},
    {"GET", "/threads", BOTH(thread_list), SCOPE_READ, ROUTE_NO_BODY},
    {"GET", "/threads/{t}", BOTH(thread_get), SCOPE_READ, ROUTE_NO_BODY},
    {"POST", "/threads/{t}/copy", BOTH(thread_copy), SCOPE_WRITE, ROUTE_NO_KEY},
    {"PUT", "/writes/{t}/{c}/{task}", BOTH(writes_put), SCOPE_WRITE, ROUTE_FRAME | ROUTE_EACH_OP},
    {"GET", "/writes/{t}/{c}", BOTH(writes_get), SCOPE_READ, ROUTE_NO_BODY},

    {"POST", "/maintenance/cleanup", BOTH(cleanup), SCOPE_ADMIN, 0},
    {"POST", "/maintenance/prune", BOTH(prune), SCOPE_WRITE, 0},
    {"POST", "/maintenance/delete-runs", BOTH(delete_runs), SCOPE_WRITE, 0},

    {"GET", "/health", ANSWER(health), SCOPE_OPEN, ROUTE_NO_BODY | ROUTE_PROBE},
    {"GET", "/health/live", ANSWER(health_live), SCOPE_OPEN, ROUTE_NO_BODY | ROUTE_PROBE},
    {"GET", "/health/ready", ANSWER(health_ready), SCOPE_OPEN, ROUTE_NO_BODY | ROUTE_PROBE},
    {"GET", "/health/startup", ANSWER(health_startup), SCOPE_OPEN, ROUTE_NO_BODY | ROUTE_PROBE},
    {"GET", "/metrics", ANSWER(metrics), SCOPE_OPEN, ROUTE_NO_BODY},
    {"GET", "/stats", BOTH(stats), SCOPE_READ, ROUTE_NO_BODY},
    {"GET", "/openapi.json", ANSWER(openapi), SCOPE_READ, ROUTE_NO_BODY},
    {"GET", "/docs", ANSWER(docs), SCOPE_READ, ROUTE_NO_BODY},
};

struct router routes_table(void)
{
    return (struct router){table, COUNT_OF(table)};
}

bool routes_op_ok(const struct op *op, struct err *err)
{
    if (op->status.kind == ERR_OK)
        return true;
    *err = op->status;
    return false;
}
