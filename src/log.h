/*
 * log.h - one JSON object a line, to standard error.
 *
 *     log_line() -> json_member_*() on its text -> log_write()
 *
 * Lines are gathered per thread and written with one write() by log_flush(), or when 16 KiB have
 * gathered. A line is never torn.
 *
 * Threads    any; a line belongs to the thread that began it.
 * Ownership  the text is the log's, until log_write().
 * Units      `time` is RFC 3339 with microseconds.
 * Errors     none: a line that cannot be written, or not soon, is dropped and counted (log_dropped).
 */
#ifndef LOG_H
#define LOG_H

#include "json.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* Sets what is written; default LOG_INFO. Before threads start. */
void log_set_level(enum log_level level);

/* Begins a line with time, level and event; NULL when the level is not written. */
struct text *log_line(enum log_level level, const char *event);

/* Ends the line that log_line() began. NULL is allowed. */
void log_write(struct text *line);

/* Writes what this thread has gathered. */
void log_flush(void);

/* A whole line at once: event and a formatted `message`; flushed. */
void log_message(enum log_level level, const char *event, const char *fmt, ...) PRINTF(3, 4);

/* Lines that could not be written. */
uint64_t log_dropped(void);

#endif
