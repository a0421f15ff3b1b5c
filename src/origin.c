/* origin.c - see origin.h. */
#include "origin.h"

#include <strings.h>

static bool same(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.at, b.at, a.len) == 0);
}

static bool ends_with(struct slice name, struct slice end)
{
    return name.len > end.len && same((struct slice){name.at + name.len - end.len, end.len}, end);
}

/* What precedes the port. */
static struct slice without_port(struct slice host)
{
    const char *colon = host.len ? memrchr(host.at, ':', host.len) : NULL;

    return colon ? (struct slice){host.at, (size_t)(colon - host.at)} : host;
}

static bool is_address(struct slice host)
{
    size_t i = 0;

    while (i < host.len && (host.at[i] == '.' || (host.at[i] >= '0' && host.at[i] <= '9')))
        i++;
    return i == host.len || host.at[0] == '['; /* no name begins so */
}

/* `localhost` and the names of a private network; .localhost and .internal are kept out of DNS. */
static bool is_private(struct slice host)
{
    return host.len == 0 || !memchr(host.at, '.', host.len) ||
           ends_with(host, SLICE(".localhost")) || ends_with(host, SLICE(".internal"));
}

bool origin_host(const struct origin *o, const char *listen, struct err *err)
{
    struct slice host = without_port(o->host);

    if (is_private(host) || is_address(host) || same(host, without_port(slice_of(listen))))
        return true;
    return err_set(
        err, ERR_FORBIDDEN,
        "Host: a web page could have this name; use localhost, an IP address or the host "
        "of --listen, which a proxy must pass, or start the service with --insecure");
}

bool origin_change(const struct origin *o, struct err *err)
{
    const char *slashes = o->origin.len ? memmem(o->origin.at, o->origin.len, "://", 3) : NULL;
    struct slice authority = {NULL, 0};

    if (same(o->site, SLICE("same-origin")) || same(o->site, SLICE("none")))
        return true;
    if (slashes) {
        authority.at = slashes + 3;
        authority.len = (size_t)(o->origin.at + o->origin.len - authority.at);
    }
    if (!same(o->site, SLICE("cross-site")) &&
        (!slice_present(o->origin) || (authority.len > 0 && same(authority, o->host))))
        return true;
    return err_set(err, ERR_FORBIDDEN, "Origin: a web page of another origin may change nothing");
}
