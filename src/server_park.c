/* server_park.c - lets a connection wait for its ops. */
#include <microhttpd.h>

#include "clock.h"
#include "server_internal.h"

enum { PARK_NS = 5 * MS_NS }; /* after this wait a connection is suspended */

/*
 * A connection whose op is on a lane is left alone at first: MHD_run() calls its handler again each time.
 * That is cheaper than suspending it, as most ops are back at once. After a longer wait it is suspended, so
 * that many waiting connections cost nothing.
 */
void server_park(struct request *req)
{
    struct server *s = req->server;

    if (req->parked_ns == 0)
        req->parked_ns = s->now_ns;
    if (s->now_ns - req->parked_ns < PARK_NS)
        return;
    MHD_suspend_connection(req->connection);
    req->suspended = true;
    req->prev = NULL;
    req->next = s->suspended;
    if (s->suspended)
        s->suspended->prev = req;
    s->suspended = req;
}

void server_unpark(struct request *req)
{
    struct server *s = req->server;

    s->progress = true;
    req->parked_ns = 0;
    if (!req->suspended)
        return;
    req->suspended = false;
    if (req->next)
        req->next->prev = req->prev;
    if (req->prev)
        req->prev->next = req->next;
    else
        s->suspended = req->next;
    MHD_resume_connection(req->connection);
}
