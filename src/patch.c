/* patch.c - see patch.h. */
#include "patch.h"

bool patch_add(struct patch *p, struct patch_part *room, const struct patch_part *part)
{
    if (part->len > SIZE_MAX / 2 - p->len)
        return false;
    room[p->n++] = *part;
    p->parts = room;
    p->len += part->len;
    return true;
}

size_t patch_beyond(const struct patch *p, size_t base_len)
{
    size_t i = 0;

    for (; i < p->n; i++) {
        const struct patch_part *part = &p->parts[i];

        if (!slice_present(part->bytes) &&
            (part->offset > base_len || part->len > base_len - part->offset))
            break;
    }
    return i;
}

void patch_apply(const struct patch *p, struct slice base, char *out)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct patch_part *part = &p->parts[i];
        const char *from = slice_present(part->bytes) ? part->bytes.at : base.at + part->offset;

        if (part->len > 0)
            memcpy(out, from, part->len);
        out += part->len;
    }
}
