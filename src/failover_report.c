/* failover_report.c - see failover_report.h. */
#include "failover_report.h"

bool failover_serves(enum failover_state state)
{
    return state != FAILOVER_STARTING && state != FAILOVER_BOTH_DOWN;
}

const char *failover_state_name(enum failover_state state)
{
    static const char *const names[FAILOVER_STATES] = {
        [FAILOVER_STARTING] = "starting",           [FAILOVER_NORMAL] = "normal",
        [FAILOVER_ON_FALLBACK] = "on_fallback",     [FAILOVER_RECOVERING] = "recovering",
        [FAILOVER_FALLBACK_DOWN] = "fallback_down", [FAILOVER_FILLING] = "filling",
        [FAILOVER_BOTH_DOWN] = "both_down",
    };

    return names[state];
}
