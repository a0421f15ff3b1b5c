/* main.c - puts the service together (store, monitor, loops), then waits for its end. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "clock.h"
#include "id.h"
#include "log.h"
#include "loop.h"
#include "openapi_json.h"
#include "routes.h"
#include "server.h"
#include "store_url.h"

enum {
    OTHER_FILES = 256, /* descriptors besides connections */
    MAPPED_BYTES = 1024 * 1024,
    KEPT_BYTES = 8 * 1024 * 1024,
};

static void set_log_level(const char *level)
{
    static const struct {
        const char *name;
        enum log_level level;
    } levels[] = {
        {"error", LOG_ERROR},
        {"warning", LOG_WARNING},
        {"info", LOG_INFO},
        {"debug", LOG_DEBUG},
    };

    for (size_t i = 0; i < COUNT_OF(levels); i++)
        if (strcmp(levels[i].name, level) == 0)
            log_set_level(levels[i].level);
}

static void tell_unknown(const char *name, int len)
{
    log_message(LOG_WARNING, "unknown_setting", "%.*s: there is no such setting", len, name);
}

/* Only the kind of a store whose URL would make the line wrong, as where a character was cut in two. */
static void tell_store(struct text *line, const char *role, const char *url)
{
    char shown[STORE_URL_SHOWN];

    store_url_show(url, shown);
    if (!id_is_utf8(slice_of(shown)))
        shown[strcspn(shown, ":")] = '\0';
    json_member_string(line, role, slice_of(shown));
}

static void tell_serving(const struct config *cfg, int port)
{
    struct text *line = log_line(LOG_INFO, "serving");
    char message[512];

    if (!line)
        return;
    snprintf(message, sizeof(message), "http://%.*s:%d",
             (int)(strrchr(cfg->listen, ':') - cfg->listen), cfg->listen, port);
    json_member_string(line, "message", slice_of(message));
    json_member_string(line, "version", SLICE(STATEWARD_VERSION));
    tell_store(line, "primary", cfg->primary);
    if (cfg->fallback)
        tell_store(line, "fallback", cfg->fallback);
    log_write(line);
    log_flush();
}

/* Raises the limit of open files: each connection takes a descriptor. */
static void allow_connections(const struct config *cfg)
{
    rlim_t need = (rlim_t)cfg->max_connections + OTHER_FILES;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= need)
        return;
    limit.rlim_cur = limit.rlim_max < need ? limit.rlim_max : need;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < need)
        log_message(LOG_WARNING, "few_files",
                    "the limit of open files, %llu, is below max-connections",
                    (unsigned long long)limit.rlim_cur);
}

/*
 * Returns memory to the kernel only in large amounts; otherwise the pages of each body or transaction would be
 * unmapped and mapped again every time.
 */
static void keep_memory(void)
{
    mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
}

/* Only this thread takes signals; the others inherit that they are blocked. */
static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void tell_sighup(void)
{
    log_message(LOG_INFO, "sighup", "there is nothing to read again");
}

/* Waits for SIGTERM or SIGINT, at most timeout_ms (-1 = for ever). */
static void wait_for_end(const sigset_t *set, int64_t timeout_ms)
{
    int64_t until_ns = clock_now_ns() + timeout_ms * MS_NS;

    for (;;) {
        int64_t left_ns = timeout_ms < 0 ? 3600 * S_NS : until_ns - clock_now_ns();
        struct timespec left = {left_ns / S_NS, left_ns % S_NS};
        int got;

        if (left_ns <= 0)
            return;
        got = sigtimedwait(set, NULL, &left);
        if (got == SIGHUP)
            tell_sighup();
        else if (got > 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            return;
    }
}

/* Drains and stops; a second signal ends the delay. */
static void drain(struct service *service, struct loops *loops, const sigset_t *signals)
{
    const struct config *cfg = service->config;
    size_t cut_off;

    log_message(LOG_INFO, "draining", "serving for another %lld ms",
                (long long)cfg->drain_delay_ms);
    monitor_drain(service->monitor);
    loops_drain(loops);
    wait_for_end(signals, cfg->drain_delay_ms);
    cut_off = loops_stop(loops, cfg->drain_timeout_ms);
    log_message(cut_off ? LOG_WARNING : LOG_INFO, "stopped", "%zu requests were cut off", cut_off);
}

/* A store that a thread of its own is opening. */
struct opening {
    const struct config *cfg;
    struct cli_store store;
    struct err err;
    bool ok;
    int done; /* an eventfd */
};

static void *open_store(void *arg)
{
    struct opening *o = arg;

    o->ok = cli_open_store(o->cfg, (size_t)o->cfg->cache_bytes, false, &o->store, &o->err);
    eventfd_write(o->done, 1);
    return NULL;
}

/*
 * Waits until the store is open or has failed to open. If it is far away or hangs this may take long: a signal
 * then ends the process at once, as nothing was served yet.
 */
static void wait_for_store(const struct opening *o, int signals)
{
    struct pollfd fds[] = {{.fd = o->done, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    struct signalfd_siginfo got;

    while (!(fds[0].revents & POLLIN)) {
        if (poll(fds, COUNT_OF(fds), -1) < 0 || !(fds[1].revents & POLLIN) ||
            read(signals, &got, sizeof(got)) != sizeof(got))
            continue;
        if (got.ssi_signo == SIGHUP) {
            tell_sighup();
            continue;
        }
        log_message(LOG_INFO, "stopped", "while it was starting");
        _exit(EXIT_SUCCESS);
    }
}

/* Like cli_open_store(), but handles signals meanwhile. */
static bool open_hearing(const struct config *cfg, const sigset_t *set, struct cli_store *out,
                         struct err *err)
{
    struct opening o = {.cfg = cfg, .done = eventfd(0, EFD_CLOEXEC)};
    int signals = signalfd(-1, set, SFD_CLOEXEC);
    pthread_t thread;

    if (o.done < 0 || signals < 0 || pthread_create(&thread, NULL, open_store, &o) != 0) {
        err_fill(&o.err, ERR_INTERNAL, "no thread can be had to open the store");
    } else {
        wait_for_store(&o, signals);
        pthread_join(thread, NULL);
    }
    if (signals >= 0)
        close(signals);
    if (o.done >= 0)
        close(o.done);
    *out = o.store;
    *err = o.err;
    return o.ok;
}

static void watch(struct monitor_config *watched, const struct cli_store *store)
{
    watched->lanes = store->lanes;
    watched->type = store->type;
    if (!store->pair)
        return;
    watched->fallback_type = pair_type(store->pair, true);
    watched->report = pair_report;
    watched->pair = store->pair;
}

static int serve(const struct config *cfg)
{
    struct service service = {
        .config = cfg,
        .router = routes_table(),
        .openapi = {openapi_json, openapi_json_len},
        .docs = {openapi_html, openapi_html_len},
    };
    struct monitor_config watched = {.cleanup_interval_s = cfg->cleanup_interval_s};
    struct cli_store store;
    struct loops *loops = NULL;
    sigset_t signals;
    struct err err;
    int port;

    /* Before a store is made or brought up to date for nothing. */
    if (!server_may_listen(cfg->listen, cfg->insecure, &err))
        return cli_fail(&err);
    keep_memory();
    set_log_level(cfg->log_level);
    config_unknown(environ, tell_unknown);
    block_signals(&signals);
    allow_connections(cfg);
    if (open_hearing(cfg, &signals, &store, &err)) {
        watch(&watched, &store);
        service.lanes = store.lanes;
        service.monitor = monitor_start(&watched, &err);
    }
    if (service.monitor)
        loops = loops_start(&service, &port, &err);
    if (loops) {
        tell_serving(cfg, port);
        if (cfg->insecure)
            log_message(LOG_WARNING, "insecure", "whoever reaches this address may do everything");
        wait_for_end(&signals, -1);
        drain(&service, loops, &signals);
    }
    monitor_stop(service.monitor);
    cli_close_store(&store);
    return loops ? EXIT_SUCCESS : cli_fail(&err);
}

/* What is opened later must not get the number of an output that the caller has closed: a log would go to a
 * client. Writing there fails. */
static void hold_standard_files(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDONLY);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

int main(int argc, char *argv[], char *envp[])
{
    static const struct command commands[] = {
        {.name = "serve",
         .help = "serve the API until SIGTERM",
         .settings = CONFIG_SERVE,
         .run = serve},
        {.name = "config",
         .help = "print every setting: flag, variable, value, range, meaning",
         .settings = CONFIG_SHOW,
         .run = cli_config},
        {.name = "cleanup",
         .help = "remove idle sessions with all that is theirs and print the count",
         .settings = CONFIG_CLEANUP,
         .more = cli_cleanup_help,
         .run = cli_cleanup},
        {.name = "seal",
         .help = "take over a database file that another program wrote, as a backup",
         .operand = "sqlite:PATH",
         .more = cli_seal_help,
         .run = cli_seal},
        {.name = "migrate",
         .help = "copy all records of a store into another",
         .settings = CONFIG_MIGRATE,
         .more = cli_migrate_help,
         .run = cli_migrate},
        {.name = "verify",
         .help = "compare two stores, record by record",
         .settings = CONFIG_VERIFY,
         .more = cli_verify_help,
         .run = cli_verify},
        {.name = "export",
         .help = "write all records of a store as lines of JSON",
         .operand = "URL",
         .settings = CONFIG_EXPORT,
         .more = cli_export_help,
         .run = cli_export},
        {.name = "import",
         .help = "merge what export has written into a store",
         .operand = "URL",
         .settings = CONFIG_IMPORT,
         .more = cli_import_help,
         .run = cli_import},
        {.name = "diagnose",
         .help = "check a store, from its address to what it gives back",
         .operand = "URL",
         .settings = CONFIG_DIAGNOSE,
         .more = cli_diagnose_help,
         .run = cli_diagnose},
        {.name = "version", .help = "print the version", .run = cli_version},
        {0},
    };

    hold_standard_files();
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is then an error of the write */
    umask(077);               /* what is stored concerns nobody else on this machine */
    return cli_run(commands, argc, argv, envp);
}
