/* breaker.c - see breaker.h. */
#include "breaker.h"

void breaker_init(struct breaker *b, const struct breaker_config *cfg, uint64_t seed)
{
    *b = (struct breaker){.cfg = *cfg, .random = 2 * seed + 1};
    if (b->cfg.failures < 1 || b->cfg.failures > BREAKER_FAILURES_MAX)
        b->cfg.failures = BREAKER_FAILURES_MAX;
    for (unsigned i = 0; i < BREAKER_FAILURES_MAX; i++)
        b->failed_ns[i] = INT64_MIN;
}

bool breaker_allows(struct breaker *b, int64_t now_ns)
{
    if (b->state == BREAKER_CLOSED)
        return true;
    if (b->state == BREAKER_HALF_OPEN || now_ns < b->retry_ns)
        return false;
    b->state = BREAKER_HALF_OPEN;
    return true;
}

bool breaker_closed(const struct breaker *b)
{
    return b->state == BREAKER_CLOSED;
}

bool breaker_succeeded(struct breaker *b)
{
    bool closes = b->state != BREAKER_CLOSED;

    b->state = BREAKER_CLOSED;
    b->pause_ns = 0;
    for (unsigned i = 0; i < BREAKER_FAILURES_MAX; i++)
        b->failed_ns[i] = INT64_MIN;
    return closes;
}

/* xorshift64: good enough to keep instances from probing at the same time. */
static uint64_t next_random(struct breaker *b)
{
    b->random ^= b->random << 13;
    b->random ^= b->random >> 7;
    b->random ^= b->random << 17;
    return b->random;
}

/* Opens. The pause doubles each time; the wait is between half of it and all of it. */
static void open_for_a_while(struct breaker *b, int64_t now_ns)
{
    int64_t pause = b->pause_ns ? 2 * b->pause_ns : b->cfg.pause_min_ns;

    b->pause_ns = pause < b->cfg.pause_max_ns ? pause : b->cfg.pause_max_ns;
    b->retry_ns = now_ns + b->pause_ns / 2 +
                  (int64_t)(next_random(b) % (uint64_t)(b->pause_ns / 2 + 1));
    b->state = BREAKER_OPEN;
}

bool breaker_failed(struct breaker *b, int64_t now_ns)
{
    int64_t oldest;

    if (b->state != BREAKER_CLOSED) {
        if (b->state == BREAKER_HALF_OPEN)
            open_for_a_while(b, now_ns);
        return false;
    }
    b->failed_ns[b->next] = now_ns;
    b->next = (b->next + 1) % b->cfg.failures;
    oldest = b->failed_ns[b->next]; /* the oldest of the last cfg.failures failures */
    if (oldest == INT64_MIN || now_ns - oldest > b->cfg.window_ns)
        return false;
    open_for_a_while(b, now_ns);
    return true;
}

bool breaker_tripped(struct breaker *b, int64_t now_ns)
{
    bool opens = b->state == BREAKER_CLOSED;

    if (b->state != BREAKER_OPEN)
        open_for_a_while(b, now_ns);
    return opens;
}
