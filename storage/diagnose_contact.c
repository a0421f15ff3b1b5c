/* diagnose_contact.c - see diagnose_contact.h. */
#include "diagnose_contact.h"

#include <errno.h>
#include <libpq-fe.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "drivers.h"
#include "redis_url.h"
#include "sqlite_file.h"

enum { CONTACT_MS = 3000, ADDRESS_MAX = 64, HOSTS_MAX = 16 };

/* Where a server listens. */
struct place {
    const char *host; /* or the path of a socket */
    char port[16];
};

/* Waits for a non-blocking connect; errno is what connect() has set. Returns an errno, 0 for success. */
static int finish_connect(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    int error = ETIMEDOUT;
    socklen_t len = sizeof(error);

    if (errno != EINPROGRESS)
        return errno;
    if (poll(&wait, 1, CONTACT_MS) == 1)
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    return error;
}

/* Connects, and closes at once. Returns an errno, 0 for success. */
static int try_connect(const struct sockaddr *to, socklen_t len)
{
    int fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = fd < 0 ? errno : 0;

    if (fd < 0)
        return error;
    if (connect(fd, to, len) != 0)
        error = finish_connect(fd);
    close(fd);
    return error;
}

static bool check_connect(const struct diagnosis *d, const char *where, const struct sockaddr *to,
                          socklen_t len)
{
    int64_t begun_ns = clock_now_ns();
    int error = try_connect(to, len);

    if (error)
        return diagnosis_tell(
            d, "contact", false,
            error == ECONNREFUSED || error == ENOENT
                ? "start the server, or let it listen there (listen_addresses, bind)"
                : "look at routes and firewalls between here and there",
            "%s: %s", where, strerror(error));
    return diagnosis_tell(d, "contact", true, NULL, "%s in %.1f ms", where,
                          (double)(clock_now_ns() - begun_ns) * 1e-6);
}

static bool check_socket(const struct diagnosis *d, const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(to.sun_path))
        return diagnosis_tell(d, "contact", false, "give the server a shorter path",
                              "%s: too long for a socket", path);
    strcpy(to.sun_path, path);
    return check_connect(d, path, (const struct sockaddr *)&to, sizeof(to));
}

/* Tries the addresses of a host until one can be reached. */
static bool check_addresses(const struct diagnosis *d, const struct place *p,
                            const struct addrinfo *list)
{
    bool ok = false;

    for (const struct addrinfo *a = list; a && !ok; a = a->ai_next) {
        char address[ADDRESS_MAX], where[ADDRESS_MAX + 24];

        if (getnameinfo(a->ai_addr, a->ai_addrlen, address, sizeof(address), NULL, 0,
                        NI_NUMERICHOST) != 0)
            continue;
        snprintf(where, sizeof(where), strchr(address, ':') ? "[%s]:%s" : "%s:%s", address,
                 p->port);
        ok = check_connect(d, where, a->ai_addr, a->ai_addrlen);
    }
    return ok;
}

static bool check_host(const struct diagnosis *d, const struct place *p)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list;
    int failed, n = 0;
    bool ok;

    if (p->host[0] == '/')
        return check_socket(d, p->host);
    failed = getaddrinfo(p->host, p->port, &hints, &list);
    if (failed)
        return diagnosis_tell(d, "name", false,
                              "mend the name in the URL, or the DNS of this machine", "%s: %s",
                              p->host, gai_strerror(failed));
    for (const struct addrinfo *a = list; a; a = a->ai_next)
        n++;
    diagnosis_tell(d, "name", true, NULL, "%s has %d address%s", p->host, n, n == 1 ? "" : "es");
    ok = check_addresses(d, p, list);
    freeaddrinfo(list);
    return ok;
}

static bool check_redis(const struct diagnosis *d, const char *url)
{
    struct redis_url parsed;
    struct place p = {.host = parsed.host};
    struct err err;

    if (!redis_url_parse(url, &parsed, &err))
        return diagnosis_tell(d, "address", false, "mend the URL", "%s", err.text);
    snprintf(p.port, sizeof(p.port), "%d", parsed.port);
    return check_host(d, &p);
}

/* The item of a comma-separated list with this number; the last one if there are fewer. Cuts the list. */
static const char *part(char *list, int number)
{
    char *save, *found = strtok_r(list, ",", &save), *last = found;

    while (found && number-- > 0) {
        found = strtok_r(NULL, ",", &save);
        last = found ? found : last;
    }
    return last;
}

/* Checks each host of the URL; one that can be reached is enough. A directory has a socket named by the
 * port. */
static bool check_hosts(const struct diagnosis *d, const char *hosts, const char *ports)
{
    bool ok = false;
    int n = 1;

    for (const char *c = hosts; *c; c++)
        n += *c == ',';
    for (int i = 0; i < n && i < HOSTS_MAX; i++) {
        char host_list[1024], port_list[256], path[1100];
        struct place p = {.host = host_list};
        const char *port;

        snprintf(host_list, sizeof(host_list), "%s", hosts);
        snprintf(port_list, sizeof(port_list), "%s", ports);
        p.host = part(host_list, i);
        port = part(port_list, i);
        snprintf(p.port, sizeof(p.port), "%s", port ? port : "5432");
        if (p.host && p.host[0] == '/') {
            snprintf(path, sizeof(path), "%s/.s.PGSQL.%s", p.host, p.port);
            p.host = path;
        }
        ok |= p.host && check_host(d, &p);
    }
    return ok;
}

static const char *option(const PQconninfoOption *given, const char *name)
{
    for (; given->keyword; given++)
        if (strcmp(given->keyword, name) == 0 && given->val && *given->val)
            return given->val;
    return NULL;
}

static bool check_postgres(const struct diagnosis *d, const char *url)
{
    PQconninfoOption *given = PQconninfoParse(url, NULL); /* without its message, which may show a
                                                             password */
    const char *host, *port;
    bool ok;

    if (!given)
        return diagnosis_tell(
            d, "address", false,
            "write postgresql://USER:PASSWORD@HOST:PORT/DATABASE; % in a password "
            "is %25, / is %2F, @ is %40",
            "the URL is malformed");
    host = option(given, "hostaddr");
    host = host ? host : option(given, "host");
    port = option(given, "port");
    ok = check_hosts(d, host ? host : "/var/run/postgresql", port ? port : "5432");
    PQconninfoFree(given);
    return ok;
}

static bool check_file(const struct diagnosis *d, const char *url)
{
    struct stat info;
    struct err err;
    char *path = sqlite_path(url, &err);
    bool ok;

    if (!path)
        return diagnosis_tell(d, "address", false, "mend the URL", "%s", err.text);
    if (path[0] == ':')
        ok = diagnosis_tell(d, "file", true, NULL, "none: it is kept in memory");
    else if (stat(path, &info) != 0)
        ok = diagnosis_tell(d, "file", false,
                            "mend the path; serve makes the file at its first start", "%s: %s",
                            path, strerror(errno));
    else
        ok = diagnosis_tell(d, "file", true, NULL, "%s, %lld bytes", path, (long long)info.st_size);
    free(path);
    return ok;
}

bool diagnose_contact(const struct diagnosis *d, const char *url)
{
    const struct backend_driver *driver;
    struct err err;

    driver = driver_find(url, &err);
    if (!driver)
        return diagnosis_tell(d, "address", false,
                              "write sqlite:, redis://, unix: or postgresql://", "%s", err.text);
    diagnosis_tell(d, "address", true, NULL, "a store of the kind %s", driver->scheme);
    if (driver->layout != LANES_BY_KEY)
        return check_file(d, url);
    return strncmp(driver->scheme, "postgres", 8) == 0 ? check_postgres(d, url)
                                                       : check_redis(d, url);
}
