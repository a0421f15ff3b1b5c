/* Heads of checkpoints: unpacking ends whatever the bytes are. A head that unpacks is packed to the same,
 * and its items are found. */
#include "fuzz.h"
#include "pack.h"
#include "sorted.h"

static void check_same(const struct inlined *a, const struct inlined *b)
{
    FUZZ_CHECK(wanted_order(&a->of, &b->of) == 0 && a->place == b->place);
    FUZZ_CHECK(slice_equal(a->type, b->type) && slice_equal(a->bytes, b->bytes));
}

static bool is_sorted(const struct packed_head *head)
{
    for (size_t i = 1; i < head->n; i++)
        if (wanted_order(&head->items[i - 1].of, &head->items[i].of) >= 0)
            return false;
    return true;
}

static void check_head(const struct packed_head *head, struct slice all, struct arena *arena)
{
    bool sorted = is_sorted(head);
    struct slice packed;
    struct packed_head back;
    struct err err;

    FUZZ_CHECK(fuzz_within(head->json, all));
    FUZZ_CHECK(pack_head(head, arena, &packed, &err));
    FUZZ_CHECK(unpack_head(packed, arena, &back, &err));
    FUZZ_CHECK(slice_equal(back.json, head->json));
    FUZZ_CHECK(back.listed == head->listed && back.n == head->n);
    for (size_t i = 0; i < head->n; i++) {
        const struct inlined *in = &head->items[i], *found = head_find(head, &in->of);

        check_same(in, &back.items[i]);
        FUZZ_CHECK(fuzz_within(in->type, all) && fuzz_within(in->bytes, all));
        FUZZ_CHECK(!found || wanted_order(&found->of, &in->of) == 0);
        FUZZ_CHECK(!sorted || found == in);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice all = fuzz_input(data, size);
    struct arena arena = {0};
    struct packed_head head;
    struct err err;

    if (unpack_head(all, &arena, &head, &err))
        check_head(&head, all, &arena);
    else
        FUZZ_CHECK(err.kind == ERR_DAMAGED || err.kind == ERR_NO_MEMORY);
    arena_done(&arena);
    return 0;
}
