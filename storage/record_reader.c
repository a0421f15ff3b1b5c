/* record_reader.c - see record_reader.h. */
#include "record_reader.h"

#include "clock.h"
#include "record_fields.h"

enum {
    PAGE_FIRST = 8,
    PAGE_BYTES = 4 * 1024 * 1024, /* about how much a page may hold */
};

bool reader_open(struct record_reader *r, struct caller *store, struct err *err)
{
    *r = (struct record_reader){.store = store};
    if (inbox_init(&r->home, err))
        return true;
    r->store = NULL;
    return false;
}

static void wait_for(struct record_reader *r, struct reader_page *page)
{
    struct op *op = &page->op;

    caller_wait(r->store, &r->home, &op, 1);
}

/* Ends the kind at hand: waits for the page that is on its way, and drops it. */
static void leave(struct record_reader *r)
{
    if (r->ahead)
        wait_for(r, r->ahead);
    r->page = r->ahead = NULL;
}

void reader_close(struct record_reader *r)
{
    if (!r->store)
        return;
    leave(r);
    for (size_t i = 0; i < COUNT_OF(r->pages); i++)
        arena_done(&r->pages[i].arena);
    inbox_done(&r->home);
    r->store = NULL;
}

static void send(struct record_reader *r, struct reader_page *page, struct record_key after)
{
    struct op *op = &page->op;

    arena_reset(&page->arena);
    *op = (struct op){
        .type = OP_READ_RANGE,
        .tenant = r->tenant,
        .now_us = clock_now_us(),
        .arena = &page->arena,
        .read_range = {.kind = r->kind,
                       .after = after,
                       .pending = r->pending,
                       .strict = r->strict,
                       .limit = r->limit},
    };
    r->ahead = page;
    caller_send(r->store, &r->home, &op, 1);
}

void reader_begin(struct record_reader *r, struct slice tenant, enum record_kind kind, bool pending,
                  bool strict)
{
    leave(r);
    r->tenant = tenant;
    r->kind = kind;
    r->pending = pending;
    r->strict = strict;
    r->limit = PAGE_FIRST;
    send(r, &r->pages[0], (struct record_key){.number = 0});
}

static bool used_up(const struct record_reader *r)
{
    return !r->page || r->at == r->page->op.read_range.out.n;
}

bool reader_turns(const struct record_reader *r)
{
    return r->ahead && used_up(r);
}

/* The next page has twice as many records, as far as they fit by the size of those just read. */
static void set_limit(struct record_reader *r, const struct op_read_range *got)
{
    int64_t bytes = 1, most;

    for (size_t i = 0; i < got->out.n; i++)
        bytes += (int64_t)record_bytes(&got->out.items[i]);
    most = PAGE_BYTES * (int64_t)got->out.n / bytes + 1;
    r->limit = got->limit * 2 < READER_PAGE_MAX ? got->limit * 2 : READER_PAGE_MAX;
    if (r->limit > most)
        r->limit = most;
}

/*
 * Takes the page that was sent for, and sends for the next one. A page that cannot be read, though the
 * store answers, is read again with one record, so that the records before a damaged one are read.
 */
static bool turn(struct record_reader *r, struct err *err)
{
    struct reader_page *page = r->ahead;
    const struct op_read_range *got = &page->op.read_range;

    wait_for(r, page);
    if (page->op.status.kind != ERR_OK && got->limit > 1 &&
        err_retry(page->op.status.kind) == RETRY_NEVER) {
        r->limit = 1;
        send(r, page, got->after);
        wait_for(r, page);
    }
    r->ahead = NULL;
    r->at = 0;
    if (page->op.status.kind != ERR_OK) {
        *err = page->op.status;
        r->page = NULL;
        return false;
    }
    r->page = page;
    if (!got->out.more)
        return true;
    set_limit(r, got);
    send(r, &r->pages[page == &r->pages[0]], got->out.items[got->out.n - 1].key);
    return true;
}

bool reader_peek(struct record_reader *r, const struct record **record, struct err *err)
{
    if (reader_turns(r) && !turn(r, err))
        return false;
    *record = used_up(r) ? NULL : &r->page->op.read_range.out.items[r->at];
    return true;
}

void reader_next(struct record_reader *r)
{
    r->at++;
}
