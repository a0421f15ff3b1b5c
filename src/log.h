/*
 * log.h - writes the log: one JSON object a line, to standard error.
 *
 *     log_line() -> json_member_*() on its text -> log_write()
 *
 * Each thread gathers its lines; log_flush() writes them with one write(), which also happens when 16 KiB
 * have gathered. A line is never torn.
 *
 * Threads    any; a line belongs to the thread that began it.
 * Ownership  the text belongs to the log until log_write().
 * Units      `time` is RFC 3339 with microseconds.
 * Errors     none: a line that cannot be written, or not soon enough, is dropped and counted.
 */
#ifndef LOG_H
#define LOG_H

#include "json.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* Sets the most detailed level that is written; default LOG_INFO. Call it before threads start. */
void log_set_level(enum log_level level);

/* Begins a line with time, level and event; NULL when the level is not written. */
struct text *log_line(enum log_level level, const char *event);

/* Ends the line that log_line() began. NULL is allowed. */
void log_write(struct text *line);

/* Writes the lines that this thread has gathered. */
void log_flush(void);

/* Logs a whole line at once, with event and a formatted `message`, and flushes. */
void log_message(enum log_level level, const char *event, const char *fmt, ...) PRINTF(3, 4);

/* How many lines were dropped. */
uint64_t log_dropped(void);

#endif
