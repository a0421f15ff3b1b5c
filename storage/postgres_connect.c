/* postgres_connect.c - see postgres_connect.h. */
#include "postgres_connect.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "postgres_hosts.h"
#include "postgres_setup.h"

enum { OPTIONS_MAX = 64 };

/*
 * Messages of libpq, which contain hosts and users, and what we say instead. The first match counts. Servers may
 * speak other languages; then the SQLSTATE is found, which follows the severity and two spaces.
 */
static const struct {
    const char *part;
    enum err_kind kind; /* ERR_CONFIG: somebody has to change something */
    const char *reason;
} reasons[] = {
    {":  53200", ERR_UNAVAILABLE, "the server is out of memory"},
    {"out of memory", ERR_NO_MEMORY, "out of memory"},
    {"password authentication failed", ERR_CONFIG, "the server refuses the user or the password"},
    {"not permitted to log in", ERR_CONFIG, "the server refuses the user or the password"},
    {"not currently accepting", ERR_UNAVAILABLE, "the database takes no connections"},
    {"no password supplied", ERR_CONFIG, "the server wants a password"},
    {"no pg_hba.conf entry", ERR_CONFIG, "the server admits nobody from here (pg_hba.conf)"},
    {"rejects connection", ERR_CONFIG, "the server admits nobody from here (pg_hba.conf)"},
    {"invalid integer value", ERR_CONFIG, "the URL is malformed"},
    {"could not match", ERR_CONFIG, "the URL is malformed"},
    {" value: \"", ERR_CONFIG, "a parameter of the URL has a value that is not known"},
    {"channel binding", ERR_CONFIG, "no channel binding, as channel_binding asks for"},
    {"root certificate", ERR_CONFIG, "sslmode needs a root certificate (sslrootcert)"},
    {"too many", ERR_UNAVAILABLE, "the server has too many connections"},
    {"remaining connection slots", ERR_UNAVAILABLE, "the server has too many connections"},
    {"starting up", ERR_UNAVAILABLE, "the server is starting up"},
    {"shutting down", ERR_UNAVAILABLE, "the server is shutting down"},
    {"recovery mode", ERR_UNAVAILABLE, "the server is recovering"},
    {"does not exist", ERR_CONFIG, "the user or the database does not exist"},
    {"not read-only", ERR_UNAVAILABLE, "the server is not read-only (target_session_attrs)"},
    {"not in hot standby", ERR_UNAVAILABLE, "the server is no standby (target_session_attrs)"},
    {"read-only", ERR_UNAVAILABLE, "the server is read-only (a standby?)"},
    {"hot standby", ERR_UNAVAILABLE, "the server is a standby"},
    {"SSL", ERR_CONFIG, "no connection by TLS as sslmode asks for"},
    {"certificate", ERR_CONFIG, "no connection by TLS as sslmode asks for"},
    {"refused", ERR_UNAVAILABLE, "connection refused"},
    {"could not translate host name", ERR_UNAVAILABLE, "the name of the host is not known"},
    {"unsupported startup parameter", ERR_CONFIG,
     "a pool that stands between refuses what is in the URL"},
    {":  28P01", ERR_CONFIG, "the server refuses the user or the password"},
    {":  28", ERR_CONFIG, "the server does not admit the user, or nobody from here (pg_hba.conf)"},
    {":  3D000", ERR_CONFIG, "the database does not exist"},
    {":  22", ERR_CONFIG, "the server refuses options that are in the URL"},
    {":  42", ERR_CONFIG, "the server refuses options that are in the URL"},
    {":  53300", ERR_UNAVAILABLE, "the server has too many connections"},
    {":  57P03", ERR_UNAVAILABLE, "the server is starting up or shutting down"},
    {":  55000", ERR_UNAVAILABLE, "the database takes no connections"},
    {":  ", ERR_UNAVAILABLE, "the server refuses the connection; its log says why"},
    {"", ERR_UNAVAILABLE, "no connection to the server"},
};

struct options {
    const char *keys[OPTIONS_MAX], *values[OPTIONS_MAX];
    size_t n;
};

static void add(struct options *o, const char *key, const char *value)
{
    if (o->n + 1 < OPTIONS_MAX) {
        o->keys[o->n] = key;
        o->values[o->n] = value;
        o->keys[++o->n] = NULL;
    }
}

/* Whether each port of a list is one; an empty one is the default. */
static bool are_ports(const char *list)
{
    enum { PORT_MAX = 65535 };
    char *end;

    for (const char *at = list;; at = end + 1) {
        long port = strtol(at, &end, 10);

        if ((*end != ',' && *end) || (end > at && (port < 1 || port > PORT_MAX)))
            return false;
        if (!*end)
            return true;
    }
}

/* Checks the ports, too, which libpq does only when it connects. */
bool connect_check(const char *url, struct err *err)
{
    PQconninfoOption *given = hosts_parse(url, err);
    bool ok = true;

    if (!given)
        return false;
    for (PQconninfoOption *p = given; ok && p->keyword; p++)
        ok = strcmp(p->keyword, "port") != 0 || !p->val || are_ports(p->val);
    PQconninfoFree(given);
    return ok || err_set(err, ERR_CONFIG, "postgres: a port is a number from 1 to 65535");
}

bool connect_start(struct postgres *d, struct err *err)
{
    d->connect_end_ns = clock_now_ns() + d->timeout_ms * MS_NS;
    d->status = PGRES_POLLING_WRITING;
    d->hosts = hosts_begin(d->url, err);
    return d->hosts != NULL;
}

/* Notices of the server: our log is for others, and each of its lines is JSON. */
static void drop_notice(void *unused UNUSED, const char *message UNUSED)
{
}

/* Starts to connect to the hosts whose addresses are known. */
static bool connect_to_hosts(struct postgres *d, struct err *err)
{
    const PQconninfoOption *given = hosts_options(d->hosts, d->hung, err);
    struct options o = {.n = 0};

    if (!given)
        return false;
    add(&o, "keepalives_idle", "10");
    add(&o, "keepalives_interval", "5");
    add(&o, "keepalives_count", "3");
    add(&o, "tcp_user_timeout", "25000");
    for (const PQconninfoOption *p = given; p->keyword;
         p++) /* of two values the later one counts */
        if (p->val)
            add(&o, p->keyword, p->val);
    add(&o, "client_encoding", "UTF8");
    add(&o, "fallback_application_name", "stateward");
    d->conn = PQconnectStartParams(o.keys, o.values, 0);
    if (!d->conn)
        return err_no_memory(err);
    PQsetErrorVerbosity(d->conn, PQERRORS_VERBOSE); /* for SQLSTATEs in its messages */
    PQsetNoticeProcessor(d->conn, drop_notice, NULL);
    return true;
}

static bool fail_connect(struct postgres *d, struct err *err)
{
    const char *message = PQerrorMessage(d->conn);
    size_t i = 0;

    while (!strstr(message, reasons[i].part)) /* the last part is "", which always matches */
        i++;
    return err_set(err, reasons[i].kind, "postgres: %s", reasons[i].reason);
}

/* Milliseconds that the caller waits now, of those that are left until `end_ns`. */
static int64_t wait_ms(const struct postgres *d, int64_t end_ns, bool *last)
{
    int64_t left_ms = (end_ns - clock_now_ns()) / MS_NS;

    *last = d->patient || left_ms <= RECONNECT_MS;
    return !*last ? RECONNECT_MS : left_ms > 0 ? left_ms : 0;
}

/* Waits briefly for the connection; *waits: it is not made yet, but a later call may go on. */
static bool wait_some(struct postgres *d, PostgresPollingStatusType status, bool *waits,
                      struct err *err)
{
    struct pollfd fd = {.fd = PQsocket(d->conn),
                        .events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT};
    bool last;

    if (poll(&fd, 1, (int)wait_ms(d, d->connect_end_ns, &last)) > 0)
        return true;
    *waits = !last;
    d->hung += last;
    return err_set(err, ERR_UNAVAILABLE, "postgres: no answer within %lld ms",
                   (long long)d->timeout_ms);
}

/* Lookups may take half of the time; a host whose addresses are not known by then is left out. */
static bool find_hosts(struct postgres *d, bool *waits, struct err *err)
{
    int64_t end_ns = d->connect_end_ns - d->timeout_ms * MS_NS / 2;
    bool last;

    if (!hosts_known(d->hosts, wait_ms(d, end_ns, &last)) && !last) {
        *waits = true;
        return err_set(err, ERR_UNAVAILABLE, "postgres: the addresses of the host are looked up");
    }
    if (!connect_to_hosts(d, err)) {
        d->hung++;
        return false;
    }
    hosts_end(d->hosts);
    d->hosts = NULL;
    return true;
}

bool connect_go_on(struct postgres *d, bool *waits, struct err *err)
{
    *waits = false;
    if (d->hosts && !find_hosts(d, waits, err))
        return false;
    if (PQstatus(d->conn) == CONNECTION_BAD)
        return fail_connect(d, err);
    while (d->status != PGRES_POLLING_OK) {
        if (!wait_some(d, d->status, waits, err))
            return false;
        d->status = PQconnectPoll(d->conn);
        if (d->status == PGRES_POLLING_FAILED)
            return fail_connect(d, err);
    }
    if (PQsetnonblocking(d->conn, 1) != 0)
        return err_no_memory(err);
    return true;
}

bool connect_another(const struct postgres *d, struct postgres *other, struct err *err)
{
    bool waits, ok;

    *other = (struct postgres){
        .url = d->url, .schema = d->schema, .timeout_ms = d->timeout_ms, .patient = true};
    ok = connect_start(other, err) && connect_go_on(other, &waits, err);
    hosts_end(other->hosts);
    other->hosts = NULL;
    return ok;
}

bool connect_sees_work(const struct postgres *d)
{
    char question[sizeof(POSTGRES_AT_WORK) + 24];
    struct postgres other;
    struct err ignored;
    int64_t works = 0;

    snprintf(question, sizeof(question), POSTGRES_AT_WORK, (long long)d->process);
    if (!connect_another(d, &other, &ignored))
        works = other.hung == 0;
    else if (!setup_number(&other, question, &works, &ignored))
        works = 0;
    PQfinish(other.conn);
    return works > 0;
}
