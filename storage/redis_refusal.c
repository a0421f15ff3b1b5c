/* redis_refusal.c - what the errors of a server mean; see redis_conn.h. */
#include "redis_conn.h"

#include "backend.h"

/* The command between quotes in what the server says about permissions; empty: it names none. */
static struct slice denied_command(struct slice said)
{
    const char *from = memchr(said.at, '\'', said.len), *end = said.at + said.len, *to;

    if (!from)
        return SLICE("");
    from++;
    to = memchr(from, '\'', (size_t)(end - from));
    return to ? (struct slice){from, (size_t)(to - from)} : SLICE("");
}

bool conn_denied(struct slice command, struct err *err)
{
    if (command.len > 0 && command.len < 40)
        return err_set(err, ERR_CONFIG, "redis: this user may not run \"%.*s\"",
                       SLICE_ARGS(command));
    return err_set(err, ERR_CONFIG, "redis: this user may not use keys with this prefix");
}

bool conn_denied_within(const struct reply *reply)
{
    static const struct slice starts[] = {
        SLICE("ERR The user executing the script can't run"), /* 7.0 */
        SLICE("NOPERM The user executing the script can't "),
        SLICE("ERR ACL failure in script"), /* 7.2 */
        SLICE("ERR Error running script"),  /* 6: what was refused comes later */
    };

    if (reply->type != REPLY_ERROR)
        return false;
    for (size_t i = 0; i < COUNT_OF(starts); i++)
        if (slice_starts(reply->text, starts[i]))
            return i + 1 < COUNT_OF(starts) ||
                   memmem(reply->text.at, reply->text.len, "NOPERM", strlen("NOPERM"));
    return false;
}

/* Whether an error begins with this word. Redis 6 puts what a script was refused behind words of its own, and "-". */
static bool says(const struct reply *reply, const char *word)
{
    size_t len = strlen(word);
    const char *at;

    if (reply->type != REPLY_ERROR)
        return false;
    if (!slice_starts(reply->text, SLICE("ERR Error running script")))
        return slice_starts(reply->text, slice_of(word));
    at = memmem(reply->text.at, reply->text.len, word, len);
    return at && at[-1] == '-';
}

bool conn_only_reads(const struct reply *reply)
{
    return says(reply, "OOM ") || says(reply, "MISCONF ") || says(reply, "NOREPLICAS ");
}

bool conn_is_replica(const struct reply *reply)
{
    return says(reply, "READONLY ");
}

bool conn_unknown_script(const struct reply *reply)
{
    return reply->type == REPLY_ERROR && slice_starts(reply->text, SLICE("NOSCRIPT"));
}

bool conn_refused(const struct reply *reply, struct err *err)
{
    static const struct {
        const char *starts;
        enum err_kind kind;
        const char *text;
    } known[] = {
        {"OOM ", ERR_UNAVAILABLE, "redis: its memory is full (maxmemory)"},
        {"LOADING ", ERR_UNAVAILABLE, "redis: it is still loading its data"},
        {"READONLY ", ERR_UNAVAILABLE, "redis: it is a read-only replica"},
        {"MASTERDOWN ", ERR_UNAVAILABLE, "redis: it is a replica without its master"},
        {"MISCONF ", ERR_UNAVAILABLE, "redis: it cannot write to its disk"},
        {"NOREPLICAS ", ERR_UNAVAILABLE, "redis: it has too few replicas to write"},
        {"BUSY ", ERR_UNAVAILABLE, "redis: a script keeps it busy"},
        {"CLUSTERDOWN ", ERR_UNAVAILABLE, "redis: the cluster is down"},
        {"MOVED ", ERR_UNAVAILABLE,
         "redis: this is a node of a cluster, which needs its own client"},
        {"ASK ", ERR_UNAVAILABLE, "redis: this is a node of a cluster, which needs its own client"},
        {"WRONGTYPE ", ERR_DAMAGED, "redis: a key of a record holds another type than it should"},
        {"NOAUTH ", ERR_CONFIG, "redis: it wants a password"},
        {"WRONGPASS ", ERR_CONFIG, "redis: user or password is wrong"},
        {"ERR max number of clients", ERR_UNAVAILABLE, "redis: it has too many clients"},
        {"ERR DB index", ERR_CONFIG, "redis: there is no database of this number"},
        {"ERR AUTH", ERR_CONFIG, "redis: it has no password, but one was given"},
        {"ERR Client sent AUTH", ERR_CONFIG, "redis: it has no password, but one was given"},
    };

    if (conn_denied_within(reply))
        return err_set(err, ERR_CONFIG, "redis: this user may not run all commands of a script");
    if (slice_starts(reply->text, SLICE("NOPERM ")))
        return conn_denied(denied_command(reply->text), err);
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (says(reply, known[i].starts))
            return err_set(err, known[i].kind, "%s", known[i].text);
    return err_set(err, ERR_STORAGE, "redis: %.*s",
                   (int)(reply->text.len < 100 ? reply->text.len : 100), reply->text.at);
}
