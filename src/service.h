/*
 * service.h - the objects that all requests share.
 *
 *     main fills it -> server -> request_service() -> routes
 *
 * Threads    filled before the loops start, read-only after that; what it points to locks itself.
 * Ownership  main owns all of it.
 * Units      *_us wall microseconds.
 * Errors     none.
 */
#ifndef SERVICE_H
#define SERVICE_H

#include "config.h"
#include "lane.h"
#include "monitor.h"
#include "router.h"

struct service {
    const struct config *config;
    struct router router;
    struct lanes *lanes;
    struct monitor *monitor;
    struct slice openapi; /* the API document as JSON */
    struct slice docs;    /* the same as HTML */
};

#endif
