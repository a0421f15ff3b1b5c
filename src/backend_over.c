/* backend_over.c - see backend_over.h. */
#include "backend_over.h"

#include <stdlib.h>

bool backend_over_probe(struct backend *self, int64_t deadline_ns, struct err *err)
{
    struct backend_over *over = (struct backend_over *)self;

    if (!backend_probe(over->below, deadline_ns, err))
        return false;
    self->caps = over->below->caps;
    return true;
}

void backend_over_close(struct backend *self)
{
    backend_close(((struct backend_over *)self)->below);
    free(self);
}
