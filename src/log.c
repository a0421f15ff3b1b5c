/* log.c - see log.h. */
#include "log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "clock.h"

enum {
    FLUSH_AT = 16 * 1024,
    GATHER = 24 * 1024, /* in memory of the thread; a longer line takes memory for itself */
};

/* Lines that one thread has gathered; the last one may be unfinished. */
struct gathered {
    _Alignas(16) char first[GATHER];
    struct arena arena;
    struct text text;
    size_t begun; /* where the unfinished line begins */
    unsigned lines;
    bool ready;
};

static _Thread_local struct gathered own;
static enum log_level highest = LOG_INFO;
static atomic_uint_fast64_t dropped;
static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER; /* a line is never torn by another */

static void start_empty(void)
{
    arena_init(&own.arena, own.first, sizeof(own.first));
    text_init(&own.text, &own.arena);
    own.lines = 0;
    own.ready = true;
}

void log_set_level(enum log_level level)
{
    highest = level;
}

static const char *level_name(enum log_level level)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};

    return names[level];
}

struct text *log_line(enum log_level level, const char *event)
{
    struct text *t = &own.text;

    if (level > highest)
        return NULL;
    if (!own.ready)
        start_empty();
    own.begun = t->len;
    t->comma = false;
    json_open(t, '{');
    json_member_time(t, "time", clock_now_us());
    json_member_string(t, "level", slice_of(level_name(level)));
    json_member_string(t, "event", slice_of(event));
    return t;
}

void log_write(struct text *line)
{
    if (!line)
        return;
    json_close(line, '}');
    text_puts(line, "\n");
    if (line->failed) {
        atomic_fetch_add(&dropped, 1);
        line->failed = false;
        line->len = own.begun;
        return;
    }
    own.lines++;
    if (line->len >= FLUSH_AT)
        log_flush();
}

static bool write_all(const char *at, size_t len)
{
    while (len > 0) {
        ssize_t n = write(STDERR_FILENO, at, len);

        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        }
    }
    return true;
}

void log_flush(void)
{
    if (own.lines == 0)
        return;
    pthread_mutex_lock(&output);
    if (!write_all(own.text.at, own.text.len))
        atomic_fetch_add(&dropped, own.lines);
    pthread_mutex_unlock(&output);
    arena_done(&own.arena);
    start_empty();
}

void log_message(enum log_level level, const char *event, const char *fmt, ...)
{
    struct text *line = log_line(level, event);
    char message[512];
    va_list args;

    if (!line)
        return;
    va_start(args, fmt);
    vsnprintf(message, sizeof(message), fmt, args);
    va_end(args);
    json_member_string(line, "message", slice_of(message));
    log_write(line);
    log_flush();
}

uint64_t log_dropped(void)
{
    return atomic_load(&dropped);
}
