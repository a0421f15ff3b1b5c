/*
 * session_json.h - writes a session as JSON.
 *
 *     sessions.c, sessions_batch.c -> session_json() -> response
 *
 * Threads    as the text.
 * Ownership  nothing is kept.
 * Units      as in model.h.
 * Errors     the text marks itself failed.
 */
#ifndef SESSION_JSON_H
#define SESSION_JSON_H

#include "model.h"
#include "text.h"

/* Writes the session as one JSON object. */
void session_json(struct text *t, const struct session *s);

#endif
