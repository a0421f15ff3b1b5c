/* redis_url.c - see redis_url.h. */
#include "redis_url.h"

#include <stdlib.h>

enum { PORT_DEFAULT = 6379, PORT_MAX = 65535, DB_MAX = 1000000 };

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool decode(struct slice in, char *out, size_t room)
{
    size_t n = 0;

    for (size_t i = 0; i < in.len; i++) {
        char c = in.at[i];

        if (c == '%') {
            if (i + 2 >= in.len || hex(in.at[i + 1]) < 0 || hex(in.at[i + 2]) < 0)
                return false;
            c = (char)(hex(in.at[i + 1]) * 16 + hex(in.at[i + 2]));
            i += 2;
        }
        if (c == '\0' || n + 1 >= room)
            return false;
        out[n++] = c;
    }
    out[n] = '\0';
    return true;
}

static bool number(struct slice in, int most, int *out)
{
    int n = 0;

    for (size_t i = 0; i < in.len; i++) {
        if (in.at[i] < '0' || in.at[i] > '9' || n > most)
            return false;
        n = n * 10 + (in.at[i] - '0');
    }
    *out = n;
    return in.len > 0 && n <= most;
}

/* Cuts s at the first, or last, of a character. Returns what is behind it; absent if it is not there. */
static struct slice cut(struct slice *s, char at, bool last)
{
    const char *found = s->len == 0 ? NULL
                        : last      ? memrchr(s->at, at, s->len)
                                    : memchr(s->at, at, s->len);
    struct slice rest = {NULL, 0};

    if (found) {
        rest = (struct slice){found + 1, s->len - (size_t)(found + 1 - s->at)};
        s->len = (size_t)(found - s->at);
    }
    return rest;
}

static bool parse_login(struct slice login, struct redis_url *out)
{
    struct slice password = cut(&login, ':', false);

    return decode(login, out->user, sizeof(out->user)) &&
           (!slice_present(password) || decode(password, out->password, sizeof(out->password)));
}

static bool parse_tcp(struct slice rest, struct redis_url *out)
{
    struct slice db = cut(&rest, '/', false), login = rest, host, port;

    host = cut(&login, '@', true);
    if (!slice_present(host)) {
        host = rest;
        login.len = 0;
    }
    if (host.len > 0 && host.at[0] == '[') {
        port = cut(&host, ']', true);
        host.at++;
        host.len--;
        cut(&port, ':', false);
        port = port.len == 0 && port.at && port.at[0] == ':'
                   ? (struct slice){port.at + 1, rest.len - (size_t)(port.at + 1 - rest.at)}
                   : (struct slice){NULL, 0};
    } else {
        port = cut(&host, ':', true);
    }
    out->port = PORT_DEFAULT;
    return host.len > 0 && decode(host, out->host, sizeof(out->host)) &&
           (!slice_present(port) || number(port, PORT_MAX, &out->port)) && out->port > 0 &&
           (login.len == 0 || parse_login(login, out)) &&
           (db.len == 0 || number(db, DB_MAX, &out->db));
}

static bool parse_unix(struct slice rest, struct redis_url *out)
{
    struct slice query = cut(&rest, '?', false);

    if (slice_starts(rest, SLICE("//")))
        rest = (struct slice){rest.at + 2, rest.len - 2};
    if (slice_present(query)) {
        if (!slice_starts(query, SLICE("db=")) ||
            !number((struct slice){query.at + 3, query.len - 3}, DB_MAX, &out->db))
            return false;
    }
    return rest.len > 0 && rest.at[0] == '/' && decode(rest, out->host, sizeof(out->host));
}

static bool set_verification(struct slice value, struct redis_url *out)
{
    out->unverified = slice_equal(value, SLICE("none")) || slice_equal(value, SLICE("CERT_NONE"));
    return out->unverified || slice_equal(value, SLICE("required")) ||
           slice_equal(value, SLICE("CERT_REQUIRED"));
}

static bool set_host_check(struct slice value, struct redis_url *out)
{
    out->any_host = slice_equal(value, SLICE("false")) || slice_equal(value, SLICE("False"));
    return out->any_host || slice_equal(value, SLICE("true")) || slice_equal(value, SLICE("True"));
}

static bool set_parameter(struct slice name, struct slice value, struct redis_url *out)
{
    if (slice_equal(name, SLICE("ssl_ca_certs")))
        return decode(value, out->ca_file, sizeof(out->ca_file));
    if (slice_equal(name, SLICE("ssl_certfile")))
        return decode(value, out->cert_file, sizeof(out->cert_file));
    if (slice_equal(name, SLICE("ssl_keyfile")))
        return decode(value, out->key_file, sizeof(out->key_file));
    if (slice_equal(name, SLICE("ssl_cert_reqs")))
        return set_verification(value, out);
    return slice_equal(name, SLICE("ssl_check_hostname")) && set_host_check(value, out);
}

/* A ? in a password is %3F. */
static bool parse_tls(struct slice rest, struct redis_url *out, struct err *err)
{
    struct slice query = cut(&rest, '?', false);

    out->tls = true;
    if (!parse_tcp(rest, out))
        return err_set(err, ERR_CONFIG,
                       "a Redis URL with TLS is rediss://[user:password@]host"
                       "[:port][/db][?ssl_ca_certs=path&...]");
    while (query.len > 0) {
        struct slice next = cut(&query, '&', false), name = query, value = cut(&name, '=', false);

        if (!slice_present(value) || !set_parameter(name, value, out))
            return err_set(err, ERR_CONFIG,
                           "the parameters of rediss: are ssl_ca_certs, ssl_certfile, ssl_keyfile "
                           "(paths), ssl_cert_reqs (required or none) and ssl_check_hostname "
                           "(true or false)");
        query = next;
    }
    return true;
}

bool redis_url_parse(const char *url, struct redis_url *out, struct err *err)
{
    struct slice rest = slice_of(url);
    bool ok = false;

    *out = (struct redis_url){0};
    if (slice_starts(rest, SLICE("rediss://")))
        return parse_tls((struct slice){rest.at + 9, rest.len - 9}, out, err);
    if (slice_starts(rest, SLICE("redis://")))
        ok = parse_tcp((struct slice){rest.at + 8, rest.len - 8}, out);
    else if (slice_starts(rest, SLICE("unix:")))
        ok = parse_unix((struct slice){rest.at + 5, rest.len - 5}, out);
    return ok || err_set(err, ERR_CONFIG,
                         "a Redis URL is redis://[user:password@]host[:port][/db], the same with "
                         "rediss: for TLS, or unix:/path[?db=number]");
}
