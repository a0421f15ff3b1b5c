/* sql_renumber.c - see sql_renumber.h. */
#include "sql_renumber.h"

bool sql_renumber_query(struct renumber *r, struct query *q, struct arena *arena, struct err *err)
{
    bool found;

    for (;;) {
        if (!query_step(q, &found, err))
            return false;
        if (!found)
            break;
        for (int i = 0; i < query_columns(q); i++)
            if (!renumber_add(r, query_col_int(q, i), arena, err))
                return false;
    }
    query_end(q);
    return true;
}
