/* messages.c - see messages.h. */
#include "messages.h"

bool message_pos_before(const struct message_pos *a, const struct message_pos *b)
{
    return a->seq < b->seq || (a->seq == b->seq && slice_compare(a->id, b->id) < 0);
}

size_t message_bytes(const struct message *m)
{
    return sizeof(*m) + m->id.len + m->role.len + m->content.len + m->metadata.len;
}

void messages_reverse(struct message *items, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        struct message other = items[i];

        items[i] = items[n - 1 - i];
        items[n - 1 - i] = other;
    }
}
