/*
 * sql_marks.h - finds out which values of a namespace are needed: mark and sweep.
 *
 *     marks_list() -> marks_need_refs() for each checkpoint -> marks_need_bases() -> the rest may go
 *
 * Threads    the lane's.
 * Ownership  lists live in the arena that they were given.
 * Units      none.
 * Errors     STORAGE, DAMAGED, UNAVAILABLE, NO_MEMORY.
 */
#ifndef SQL_MARKS_H
#define SQL_MARKS_H

#include "sql_query.h"

struct mark {
    int64_t id, base; /* of a row of table value */
    bool needed;
};

struct marks {
    struct arena *arena;
    struct mark *items; /* ascending by id */
    size_t n, cap;
};

/* A namespace; its values above `last` stay in any case. */
struct marks_bound {
    int64_t ns, last;
};

/* Lists the values of a namespace, all unmarked. */
bool marks_list(struct sql *d, int64_t ns, struct marks *marks, struct err *err) MUST_USE;

/* Marks what a checkpoint needs: its head and its refs, given in packed form. */
bool marks_need_refs(struct marks *marks, int64_t head, struct slice packed, struct arena *scratch,
                     struct err *err) MUST_USE;

/* Marks the values above `last`, and the bases of all marked ones. */
void marks_need_bases(struct marks *marks, int64_t last);

/* Lists, ascending, the values of a namespace up to the bound that nothing needs. */
bool marks_orphans(struct sql *d, const struct marks_bound *of, struct arena *arena, int64_t **ids,
                   size_t *n, struct err *err) MUST_USE;

#endif
