/* place.c - see place.h. */
#include "place.h"

#include "cursor.h"
#include "id.h"
#include "json.h"

enum { PARTS_MAX = 3, OWNER_LEN = 8 };

/* Writes the owner of a list, as its cursors contain it, to *part; returns how many parts a cursor has. */
static size_t owner(const struct place_list *list, uint8_t hash[ID_HASH_LEN], struct slice *part)
{
    if (!slice_present(list->of))
        return PARTS_MAX - 1;
    id_hash(&list->of, 1, hash);
    *part = (struct slice){(const char *)hash, OWNER_LEN};
    return PARTS_MAX;
}

bool place_read(struct request *req, const struct place_list *list, const struct place_cursor *in,
                struct place *out, struct err *err)
{
    struct slice parts[PARTS_MAX], mine;
    uint8_t hash[ID_HASH_LEN];
    size_t n = owner(list, hash, &mine);
    int64_t number;

    if (!slice_present(in->text)) {
        *out = (struct place){0};
        return true;
    }
    if (!cursor_decode(in->text, list->tag, parts, n, request_arena(req), err) ||
        !cursor_to_int(parts[0], &number, err) || !id_check(parts[1], err))
        return err_set(err, err->kind, "?%s: %s", in->name, err->text);
    if (n == PARTS_MAX && !slice_equal(parts[PARTS_MAX - 1], mine))
        return err_set(err, ERR_INVALID, "?%s: " CURSOR_REFUSED, in->name);
    *out = (struct place){.number = number, .id = parts[1]};
    return true;
}

void place_write(struct text *t, const char *key, const struct place_list *list,
                 const struct place *place)
{
    struct slice cursor = {NULL, 0};

    if (slice_present(place->id)) {
        struct slice parts[PARTS_MAX] = {cursor_int(place->number, t->arena), place->id};
        uint8_t hash[ID_HASH_LEN];
        size_t n = owner(list, hash, &parts[PARTS_MAX - 1]);

        if (slice_present(parts[0]))
            cursor = cursor_encode(list->tag, parts, n, t->arena);
        if (!slice_present(cursor)) {
            t->failed = true;
            return;
        }
    }
    json_member_string(t, key, cursor);
}
