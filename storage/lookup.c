/* lookup.c - see lookup.h. */
#include "lookup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"

enum { STACK = 1 << 18, ADDRESS_LEN = INET6_ADDRSTRLEN + 32 /* a scope */ };
#define FRESH_NS S_NS /* a younger lookup is joined */

struct lookup {
    struct lookup *next; /* of those that have not ended */
    char *host;
    int64_t begun_ns;
    unsigned users; /* who began it, and its thread */
    bool ended;
    int failed; /* what getaddrinfo() says */
    size_t n;
    char addresses[LOOKUP_MAX][ADDRESS_LEN];
    pthread_cond_t known;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct lookup *running; /* guarded by the lock, as all in it but host and begun_ns */

bool lookup_is_address(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];

    return host[0] == '\0' || host[0] == '/' || host[0] == '@' || strchr(host, ':') ||
           inet_pton(AF_INET, host, address) == 1;
}

static void release(struct lookup *l)
{
    if (--l->users > 0)
        return;
    pthread_cond_destroy(&l->known);
    free(l->host);
    free(l);
}

static void keep_addresses(struct lookup *l, const struct addrinfo *found)
{
    for (; found && l->n < LOOKUP_MAX; found = found->ai_next)
        if (getnameinfo(found->ai_addr, found->ai_addrlen, l->addresses[l->n], ADDRESS_LEN, NULL, 0,
                        NI_NUMERICHOST) == 0)
            l->n++;
}

static void *look(void *arg)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    struct lookup *l = arg;
    int failed = getaddrinfo(l->host, NULL, &hints, &found);
    struct lookup **at = &running;

    pthread_mutex_lock(&lock);
    l->failed = failed;
    if (!failed)
        keep_addresses(l, found);
    l->ended = true;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    pthread_cond_broadcast(&l->known);
    release(l);
    pthread_mutex_unlock(&lock);
    if (!failed)
        freeaddrinfo(found);
    return NULL;
}

static struct lookup *create(const char *host)
{
    struct lookup *l = calloc(1, sizeof(*l));

    if (!l)
        return NULL;
    l->begun_ns = clock_now_ns();
    l->host = strdup(host);
    if (!l->host) {
        free(l);
        return NULL;
    }
    pthread_cond_init(&l->known, NULL);
    return l;
}

static bool start_thread(struct lookup *l)
{
    pthread_attr_t detached;
    pthread_t thread;
    int failed;

    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&detached, STACK);
    failed = pthread_create(&thread, &detached, look, l);
    pthread_attr_destroy(&detached);
    return failed == 0;
}

/* Under the lock: the thread does not end before its lookup is in the list. */
static struct lookup *begin_new(const char *host)
{
    struct lookup *l = create(host);

    if (!l)
        return NULL;
    l->users = 2;
    if (!start_thread(l)) {
        l->users = 1;
        release(l);
        return NULL;
    }
    l->next = running;
    running = l;
    return l;
}

struct lookup *lookup_begin(const char *host)
{
    int64_t old_ns = clock_now_ns() - FRESH_NS;
    struct lookup *l;

    pthread_mutex_lock(&lock);
    l = running;
    while (l && (l->begun_ns < old_ns || strcmp(l->host, host) != 0))
        l = l->next;
    if (l)
        l->users++;
    else
        l = begin_new(host);
    pthread_mutex_unlock(&lock);
    return l;
}

bool lookup_wait(struct lookup *l, int64_t ms)
{
    struct timespec until = clock_in_ms(ms);
    bool ended;

    pthread_mutex_lock(&lock);
    while (!l->ended &&
           pthread_cond_clockwait(&l->known, &lock, CLOCK_MONOTONIC, &until) != ETIMEDOUT)
        ;
    ended = l->ended;
    pthread_mutex_unlock(&lock);
    return ended;
}

/* Nothing changes any more once it has ended. */
const char *lookup_address(const struct lookup *l, size_t i)
{
    return i < l->n ? l->addresses[i] : NULL;
}

const char *lookup_reason(struct lookup *l)
{
    if (!lookup_wait(l, 0) || l->failed == EAI_AGAIN)
        return "no name server answers for the host";
    return "the name of the host is not known";
}

void lookup_end(struct lookup *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&lock);
    release(l);
    pthread_mutex_unlock(&lock);
}
