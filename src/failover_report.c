/* failover_report.c - see failover_report.h. */
#include "failover_report.h"

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
