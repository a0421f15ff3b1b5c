/* place.c - see place.h. */
#include "place.h"

#include "cursor.h"
#include "id.h"
#include "json.h"

bool place_read(struct request *req, const struct place_cursor *in, struct place *out,
                struct err *err)
{
    struct slice parts[2];
    int64_t number;

    if (!slice_present(in->text)) {
        *out = (struct place){0};
        return true;
    }
    if (!cursor_decode(in->text, in->tag, parts, COUNT_OF(parts), request_arena(req), err) ||
        !cursor_to_int(parts[0], &number, err) || !id_check(parts[1], err))
        return err_set(err, err->kind, "?%s: %s", in->name, err->text);
    *out = (struct place){.number = number, .id = parts[1]};
    return true;
}

void place_write(struct text *t, const char *key, char tag, const struct place *place)
{
    struct slice cursor = {NULL, 0};

    if (slice_present(place->id)) {
        struct slice parts[] = {cursor_int(place->number, t->arena), place->id};

        if (slice_present(parts[0]))
            cursor = cursor_encode(tag, parts, COUNT_OF(parts), t->arena);
        if (!slice_present(cursor)) {
            t->failed = true;
            return;
        }
    }
    json_member_string(t, key, cursor);
}
