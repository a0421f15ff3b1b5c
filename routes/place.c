/* place.c - see place.h. */
#include "place.h"

#include "cursor.h"
#include "id.h"
#include "json.h"

/* The parts of a cursor. */
enum { PART_NUMBER, PART_ID, PART_OWNER, PARTS };

bool place_read(struct request *req, const struct place_list *list, const struct place_cursor *in,
                struct place *out, struct err *err)
{
    struct slice parts[PARTS];
    char mine[CURSOR_OWNER_LEN];
    int64_t number;

    if (!slice_present(in->text)) {
        *out = (struct place){0};
        return true;
    }
    if (!cursor_decode(in->text, list->tag, parts, PARTS, request_arena(req), err) ||
        !cursor_to_int(parts[PART_NUMBER], &number, err) || !id_check(parts[PART_ID], err))
        return err_set(err, err->kind, "?%s: %s", in->name, err->text);
    if (!slice_equal(parts[PART_OWNER], cursor_owner(list->of, PLACE_OF_MAX, mine)))
        return err_set(err, ERR_INVALID, "?%s: " CURSOR_REFUSED, in->name);
    *out = (struct place){.number = number, .id = parts[PART_ID]};
    return true;
}

void place_write(struct text *t, const char *key, const struct place_list *list,
                 const struct place *place)
{
    struct slice cursor = {NULL, 0};

    if (slice_present(place->id)) {
        char mine[CURSOR_OWNER_LEN];
        struct slice parts[PARTS] = {
            [PART_NUMBER] = cursor_int(place->number, t->arena),
            [PART_ID] = place->id,
            [PART_OWNER] = cursor_owner(list->of, PLACE_OF_MAX, mine),
        };

        if (slice_present(parts[PART_NUMBER]))
            cursor = cursor_encode(list->tag, parts, PARTS, t->arena);
        if (!slice_present(cursor)) {
            t->failed = true;
            return;
        }
    }
    json_member_string(t, key, cursor);
}
