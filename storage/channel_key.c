/* channel_key.c - see channel_key.h. */
#include "channel_key.h"

struct value_key channel_key(const struct op *op, struct slice ns, const struct slice *channel,
                             bool is_short)
{
    struct slice parts[] = {op->tenant, op->id, ns, channel ? *channel : (struct slice){NULL, 0},
                            SLICE("short")};

    return value_cache_key(parts, is_short ? 5 : channel ? 4 : 3);
}
