/* postgres_errors.c - see postgres_errors.h. */
#include "postgres_errors.h"

#include <string.h>

#include "compiler.h"

enum consequence {
    STAYS,
    REPEATS,
    GOES,
    LOST, /* as GOES, but said by a pool in between, which does not know what the server did */
};

static const struct known {
    const char *state; /* SQLSTATE, or a prefix of it */
    enum err_kind kind;
    enum consequence consequence;
    const char *text; /* NULL: the server's own */
} known[] = {
    {"40001", ERR_UNAVAILABLE, REPEATS, "too many others change the same"},
    {"40P01", ERR_UNAVAILABLE, REPEATS, "too many others change the same (deadlock)"},
    {"55P03", ERR_UNAVAILABLE, REPEATS, "too many others change the same (lock_timeout)"},
    {"23505", ERR_UNAVAILABLE, REPEATS, "too many others make the same"},
    {"08", ERR_UNAVAILABLE, LOST, NULL},
    {"25006", ERR_UNAVAILABLE, GOES, "the server is read-only (a standby?)"},
    {"53100", ERR_UNAVAILABLE, STAYS, "the disk of the server is full"},
    {"53200", ERR_UNAVAILABLE, STAYS, "the server is out of memory"},
    {"53300", ERR_UNAVAILABLE, GOES, "the server has too many connections"},
    {"53", ERR_UNAVAILABLE, STAYS, "the server is out of resources"},
    {"57P01", ERR_UNAVAILABLE, GOES, "the server is shutting down"},
    {"57P02", ERR_UNAVAILABLE, GOES, "the server has crashed and restarts"},
    {"57P03", ERR_UNAVAILABLE, GOES, "the server is starting up or shutting down"},
    {"57P05", ERR_UNAVAILABLE, GOES, "the server closed an idle session"},
    {"57014", ERR_UNAVAILABLE, STAYS, "a statement was cancelled (statement_timeout?)"},
    {"25P03", ERR_UNAVAILABLE, GOES, "the server closed an idle transaction"},
    {"42501", ERR_STORAGE, STAYS, "the user may not do this (permission denied)"},
    {"28", ERR_UNAVAILABLE, GOES, "the server refuses the user or the password"},
    {"26000", ERR_UNAVAILABLE, GOES,
     "a prepared statement is gone: does a pool in transaction mode stand between?"},
    {"42P05", ERR_UNAVAILABLE, GOES,
     "a prepared statement exists already: does a pool in transaction mode stand between?"},
    {"0A000", ERR_UNAVAILABLE, GOES, NULL}, /* a cached plan after a migration */
    {"58", ERR_UNAVAILABLE, STAYS, "the server has an input or output error"},
    {"XX001", ERR_DAMAGED, STAYS, NULL}, /* a page, or a value stored out of line */
    {"XX002", ERR_DAMAGED, STAYS, NULL}, /* an index */
    {"XX", ERR_STORAGE, STAYS, NULL},
};

/* The entry of an SQLSTATE; NULL: it is not listed. */
static const struct known *find(const char *state)
{
    for (size_t i = 0; state && i < COUNT_OF(known); i++)
        if (strncmp(state, known[i].state, strlen(known[i].state)) == 0)
            return &known[i];
    return NULL;
}

bool postgres_is_servers(const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const struct known *k = find(state);

    return state && (!k || k->consequence != LOST);
}

void postgres_explain(const PGresult *result, bool *repeatable, bool *gone, struct err *err)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *said = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const struct known *k = find(state);

    *repeatable = k && k->consequence == REPEATS;
    *gone = k && (k->consequence == GOES || k->consequence == LOST);
    if (k)
        err_fill(err, k->kind, "postgres: %s", k->text ? k->text : said);
    else
        err_fill(err, ERR_STORAGE, "postgres: %s (%s)", said ? said : "an error without a text",
                 state ? state : "no state");
}
