/*
 * acts.h - makes the operations of clients, and recognises their values in a store.
 *
 *     client.c: an entry -> acts_make() -> an op;  check.c: acts_token() of what is stored
 *
 * Threads    one.
 * Ownership  what ops point to lives as long as the world.
 * Units      none.
 * Errors     none.
 */
#ifndef ACTS_H
#define ACTS_H

#include "journal.h"

/* Where a checkpoint or task is: two places in document form, one in channel form. */
struct cell_place {
    struct slice ns, checkpoint_id;
    enum form form;
};

enum { CELLS = 3 };

/* The place of the cell with this number. */
struct cell_place acts_place(int cell);

/* An op on an id, stamped by the clock of the process. */
struct op acts_op(struct world *w, enum op_type type, int id);

/* The op of an entry. Each attempt has an op of its own. */
struct op acts_make(struct world *w, const struct entry *e);

/* The token in a text that acts_make() has made; absent if there is none. */
struct slice acts_token(struct slice text);

/* Whether the act changes a checkpoint or a task. */
bool acts_has_cell(enum act act);

/* Whether the act removes something. Clients send such acts only for ids that may go (ID_STAYS and
 * above). */
bool acts_removes(enum act act);

/* The op of an act. */
enum op_type acts_type(enum act act);

/* The name of an act: "append". */
const char *acts_name(enum act act);

#endif
