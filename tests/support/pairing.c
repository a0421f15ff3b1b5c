/* pairing.c - see pairing.h. */
#include "pairing.h"

#include <check.h>

#include "failover.h"
#include "pair_notes.h"

struct sides sides;
struct failover *failover;
struct acquaintance known[2];
struct fill fill;
struct op reads[2];

void pairing_begin(bool single_instance)
{
    struct failover_config cfg = {.poll_ms = 1000,
                                  .start_wait_ms = 15000,
                                  .single_instance = single_instance,
                                  .stores = {&known[0], &known[1]}};
    struct err err = {0};

    acquaintance_init(&known[0]);
    acquaintance_init(&known[1]);
    fill = (struct fill){.active = false};
    failover = failover_new(&cfg, &err);
    ck_assert_msg(failover != NULL, "%s", err.text);
}

void pairing_end(void)
{
    fill_done(&fill);
    failover_free(failover);
}

void pairing_setup(void)
{
    sides_open(&sides);
    pairing_begin(false);
}

void pairing_teardown(void)
{
    pairing_end();
    sides_close(&sides);
}

void pairing_look(void)
{
    for (int i = 0; i < 2; i++) {
        reads[i] = sides_op(&sides, OP_PAIR_READ, NULL);
        reads[i].pair_read.limit = 1000;
        sides_run(&sides, i, &reads[i]);
    }
}

bool pairing_judge(bool primary, bool fallback, struct err *err)
{
    const struct op_pair_read *seen[] = {primary ? &reads[0].pair_read : NULL,
                                         fallback ? &reads[1].pair_read : NULL};

    *err = (struct err){.kind = ERR_OK};
    return fill_judge(failover, &fill, seen, sides.stores, err);
}

void pairing_judge_both(void)
{
    struct err err;

    pairing_look();
    ck_assert_msg(pairing_judge(true, true, &err), "%s", err.text);
}

void pairing_fill(void)
{
    bool more = true;
    struct err err;

    while (more)
        ck_assert_msg(fill_step(failover, &fill, sides.stores, &more, &err), "%s", err.text);
}

int pairing_settle(void)
{
    int fills = 0;

    for (int i = 0; i < 6; i++) {
        pairing_judge_both();
        fills += fill.active;
        pairing_fill();
    }
    ck_assert(fill.met && state_filled(failover, PRIMARY) && state_filled(failover, FALLBACK));
    return fills;
}

void pairing_note(int side, const char *name, const char *text)
{
    struct op op = sides_op(&sides, OP_PAIR_CHANGE, NULL);
    struct pair_note change = {.name = slice_of(name)};

    if (text)
        change.text = slice_of(text);
    op.pair_change.notes = &change;
    op.pair_change.n_notes = 1;
    sides_run(&sides, side, &op);
}

struct slice pairing_noted(int side, const char *name)
{
    return pair_note_text(&reads[side].pair_read, name);
}
