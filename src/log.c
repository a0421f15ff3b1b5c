/* log.c - see log.h. */
#include "log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "clock.h"

enum {
    FLUSH_AT = 16 * 1024,
    GATHER = 24 * 1024, /* in thread-local memory; a longer line is allocated */
    WRITE_MS = 100,
};

/* The lines that a thread has gathered; the last one may be unfinished. */
struct gathered {
    _Alignas(16) char first[GATHER];
    struct arena arena;
    struct text text;
    size_t begun; /* offset of the unfinished line */
    unsigned lines;
    bool ready;
};

static _Thread_local struct gathered own;
static enum log_level highest = LOG_INFO;
static atomic_uint_fast64_t dropped;
/* Keeps lines whole; guards `stuck` and `torn`. */
static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;
static bool stuck; /* the last text was not written to its end */
static bool torn;  /* nor was its last line */

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

/* If a pipe is writable, writing PIPE_BUF bytes to it does not block. */
static bool wait_writable(int64_t until_ns)
{
    struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
    int n;

    do {
        int64_t left_ms = (until_ns - clock_now_ns()) / MS_NS;

        n = poll(&p, 1, left_ms > 0 ? (int)left_ms : 0);
    } while (n < 0 && errno == EINTR);
    return n > 0 && (p.revents & POLLOUT);
}

/* As many whole lines as fit into PIPE_BUF, or a part of a long one. */
static size_t piece_len(struct slice text)
{
    size_t len = text.len < PIPE_BUF ? text.len : PIPE_BUF;
    const char *end = memrchr(text.at, '\n', len);

    return end ? (size_t)(end - text.at) + 1 : len;
}

/* Returns how much was written before an error or the end of the time. */
static size_t write_until(struct slice text, int64_t until_ns)
{
    size_t done = 0;

    while (done < text.len && wait_writable(until_ns)) {
        struct slice rest = {text.at + done, text.len - done};
        ssize_t n = write(STDERR_FILENO, rest.at, piece_len(rest));

        if (n > 0)
            done += (size_t)n;
        else if (errno != EINTR)
            break;
    }
    return done;
}

static uint64_t count_lines(const char *at, const char *end)
{
    uint64_t n = 0;

    for (; at < end; at++)
        n += *at == '\n';
    return n;
}

/* If nobody reads the log any more, a write waits up to WRITE_MS once, and not at all after that. */
static void write_lines(struct slice text)
{
    int64_t until_ns = clock_now_ns() + (stuck ? 0 : WRITE_MS * MS_NS);
    size_t done = 0;

    if (torn)
        torn = write_until(SLICE("\n"), until_ns) == 0;
    if (!torn) {
        done = write_until(text, until_ns);
        torn = done > 0 && text.at[done - 1] != '\n';
    }
    stuck = done < text.len;
    if (stuck)
        atomic_fetch_add(&dropped, count_lines(text.at + done, text.at + text.len));
}

void log_flush(void)
{
    if (own.lines == 0)
        return;
    pthread_mutex_lock(&output);
    write_lines(text_slice(&own.text));
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
