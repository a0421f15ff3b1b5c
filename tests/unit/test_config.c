#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

enum { ARGS_MAX = 10 };

/* Splits the flags at blanks, and loads them. */
static bool load_for(enum config_command command, struct config *cfg, const char *flags,
                     const char *env, struct err *err)
{
    static char args_text[256], env_text[256];
    char *argv[ARGS_MAX], *envp[] = {env_text, NULL}, *save;
    int argc = 0;

    strcpy(args_text, flags);
    strcpy(env_text, env ? env : "PATH=/bin");
    for (char *a = strtok_r(args_text, " ", &save); a; a = strtok_r(NULL, " ", &save))
        argv[argc++] = a;
    return config_load(cfg, command, &(struct config_words){argc, argv, envp}, err);
}

static bool load(struct config *cfg, const char *flags, const char *env, struct err *err)
{
    return load_for(CONFIG_SERVE, cfg, flags, env, err);
}

static void refused(const char *flags, const char *part)
{
    struct config cfg = {.lanes = 77};
    struct err err;

    ck_assert_msg(!load(&cfg, flags, NULL, &err), "%s", flags);
    ck_assert_int_eq(err.kind, ERR_CONFIG);
    ck_assert_msg(strstr(err.text, part) != NULL, "%s", err.text);
    ck_assert_int_eq(cfg.lanes, 77);
}

START_TEST(has_defaults)
{
    struct config cfg;
    struct err err;

    ck_assert(load(&cfg, "", NULL, &err));
    ck_assert_str_eq(cfg.listen, "127.0.0.1:8080");
    ck_assert_str_eq(cfg.primary, "sqlite:stateward.db");
    ck_assert(!cfg.insecure);
    ck_assert_int_eq(cfg.batch_max_ops, 100);
    ck_assert_int_eq(cfg.max_body, 64 * 1024 * 1024);
    ck_assert_int_eq(cfg.request_timeout_ms, 30000);
    ck_assert_int_eq(cfg.cleanup_interval_s, 60);
    ck_assert_str_eq(cfg.log_level, "info");
}
END_TEST

START_TEST(reads_flags_in_both_forms)
{
    struct config cfg;
    struct err err;

    ck_assert(
        load(&cfg, "--batch-max-ops 64 --max-body=2KiB --insecure --idle-timeout 2m", NULL, &err));
    ck_assert_int_eq(cfg.batch_max_ops, 64);
    ck_assert_int_eq(cfg.max_body, 2048);
    ck_assert(cfg.insecure);
    ck_assert_int_eq(cfg.idle_timeout_ms, 120000);
    ck_assert(load(&cfg,
                   "--insecure=false --drain-delay 250ms --session-ttl 24h --body-total 7 "
                   "--max-body=7",
                   NULL, &err));
    ck_assert(!cfg.insecure);
    ck_assert_int_eq(cfg.drain_delay_ms, 250);
    ck_assert_int_eq(cfg.session_ttl_s, 86400);
    ck_assert_int_eq(cfg.body_total, 7);
    ck_assert(load(&cfg, "--drain-delay 3 --session-ttl 5", NULL, &err)); /* times without a unit
                                                                             are seconds */
    ck_assert_int_eq(cfg.drain_delay_ms, 3000);
    ck_assert_int_eq(cfg.session_ttl_s, 5);
}
END_TEST

START_TEST(reads_switches_with_a_value_behind)
{
    struct config cfg;
    struct err err;

    ck_assert(load(&cfg, "--insecure true --single-instance 1 --readers 3", NULL, &err));
    ck_assert(cfg.insecure && cfg.single_instance);
    ck_assert_int_eq(cfg.readers, 3);
    ck_assert(load(&cfg, "--insecure false --single-instance", "STATEWARD_INSECURE=true", &err));
    ck_assert(!cfg.insecure && cfg.single_instance);
    refused("--insecure maybe", "maybe: there is no such setting");
}
END_TEST

START_TEST(the_command_line_wins)
{
    struct config cfg;
    struct err err;

    ck_assert(load(&cfg, "", "STATEWARD_BATCH_MAX_OPS=7", &err));
    ck_assert_int_eq(cfg.batch_max_ops, 7);
    ck_assert(load(&cfg, "--batch-max-ops 8", "STATEWARD_BATCH_MAX_OPS=7", &err));
    ck_assert_int_eq(cfg.batch_max_ops, 8);
    ck_assert(load(&cfg, "", "STATEWARD_BATCH_MAX_OPSX=no", &err));
    ck_assert(!load(&cfg, "", "STATEWARD_BATCH_MAX_OPS=x", &err));
    ck_assert_ptr_nonnull(strstr(err.text, "STATEWARD_BATCH_MAX_OPS"));
}
END_TEST

static char told[256];

static void tell(const char *name, int len)
{
    size_t at = strlen(told);

    snprintf(told + at, sizeof(told) - at, "%.*s ", len, name);
}

START_TEST(names_what_is_no_setting)
{
    static const char *const passed[] = {
        "PATH=/bin",
        "STATEWARDX=1",
        "STATEWARD_PRIMARY=sqlite:a",
        "STATEWARD_TO=sqlite:b", /* of another command */
        "STATEWARD_PORT=tcp://10.0.0.1:8080",
        "STATEWARD_PORT_8080_TCP=tcp://10.0.0.1:8080",
        "STATEWARD_PORT_8080_TCP_ADDR=10.0.0.1",
        "STATEWARD_PORT_8080_TCP_PORT=8080",
        "STATEWARD_SERVICE_HOST=10.0.0.1",
        "STATEWARD_SERVICE_PORT=8080",
        "STATEWARD_SERVICE_PORT_HTTP=8080",
        "STATEWARD_WEB_PORT=udp://10.0.0.1:53",
    };
    static const char *const wrong[] = {
        "STATEWARD_PRIMERY=x", "STATEWARD_PRIMARY_URL=postgresql://h/_SERVICE_HOST_PORT_1",
        "STATEWARD_PRIMAR=",   "STATEWARD_PORT=8080",
        "STATEWARD_PORT_X=1",  "STATEWARD_",
        "STATEWARD_primary=x",
    };
    char *envp[COUNT_OF(passed) + COUNT_OF(wrong) + 1] = {NULL};

    for (size_t i = 0; i < COUNT_OF(passed); i++)
        envp[i] = (char *)(uintptr_t)passed[i];
    config_unknown(envp, tell);
    ck_assert_str_eq(told, "");
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        envp[COUNT_OF(passed) + i] = (char *)(uintptr_t)wrong[i];
    config_unknown(envp, tell);
    ck_assert_str_eq(told,
                     "STATEWARD_PRIMERY STATEWARD_PRIMARY_URL STATEWARD_PRIMAR STATEWARD_PORT "
                     "STATEWARD_PORT_X STATEWARD_ STATEWARD_primary ");
    config_unknown(NULL, tell);
}
END_TEST

START_TEST(no_text_unsets_what_has_no_default)
{
    struct config cfg;
    struct err err;

    ck_assert(load(&cfg, "", "STATEWARD_FALLBACK=", &err));
    ck_assert_ptr_null(cfg.fallback);
    ck_assert(load(&cfg, "--fallback=", "STATEWARD_FALLBACK=redis://h", &err));
    ck_assert_ptr_null(cfg.fallback);
    ck_assert(!load(&cfg, "", "STATEWARD_PRIMARY=", &err));
}
END_TEST

START_TEST(refuses_what_is_wrong)
{
    refused("--nope 1", "--nope: there is no such setting");
    refused("nope", "nope: there is no such setting");
    refused("--lanes", "a value is needed");
    refused("--loops 257", "0..256");
    refused("--lanes 257", "0..256");
    refused("--lanes x", "\"x\" is not allowed");
    refused("--lanes=", "is not allowed");
    refused("--lanes -1", "0..256");
    refused("--lanes 1k", "0..256");
    refused("--lanes 99999999999999999999", "0..256");
    refused("--max-body 10MB", "1..1GiB");
    refused("--max-body 9999999999GiB", "1..1GiB");
    refused("--session-ttl 1500ms", "--session-ttl");
    refused("--idle-timeout 999ms", "1s..");
    refused("--insecure=maybe", "true or false");
    refused("--log-level loud", "debug");
    refused("--listen=", "not empty");
    refused("--primary=a\tb", "must be printable");
    refused("--primary=a\nb", "must be printable");
}
END_TEST

START_TEST(refuses_what_cannot_work)
{
    static const char *const addresses[] = {
        "x",      "127.0.0.1:", ":80",     "h:70000", "h:80x",
        "h:http", "h:-1",       "h:+1",    "h:65536", "[::1]:port",
        "::1:80", "[]:80",      "[::1:80", "[::1]",   "h:99999999999999"};
    struct config cfg;
    struct err err;
    char flag[64];

    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        snprintf(flag, sizeof(flag), "--listen=%s", addresses[i]);
        refused(flag, "--listen: ");
        refused(flag, "65535");
    }
    ck_assert(load(&cfg, "--listen h:0", NULL, &err));
    ck_assert(load(&cfg, "--listen [::1]:65535", NULL, &err));
    ck_assert(!load(&cfg, "", "STATEWARD_LISTEN=h:70000", &err));
    refused("--body-total 63MiB", "--body-total: it must not be less than --max-body");
    refused("--max-body 1025KiB --body-total 1MiB", "--body-total");
    ck_assert(load(&cfg, "--max-body 1MiB --body-total 1MiB", NULL, &err));
    refused("--breaker-pause-min 6s", "--breaker-pause-min: it must not be more than");
    refused("--breaker-pause-max 99ms", "--breaker-pause-min");
    ck_assert(load(&cfg, "--breaker-pause-max 100ms", NULL, &err));
}
END_TEST

START_TEST(refuses_pairs_that_are_none)
{
    static const char other[] = "--fallback: it must be another store";
    struct config cfg;
    struct err err;

    refused("--primary redis://h --fallback redis://h", other);
    refused("--primary redis://:a@h --fallback redis://:b@h", other);
    refused("--primary unix:s --fallback unix:s", other);
    refused("--fallback redis://h", "--fallback: a file is of one process only");
    refused("--primary redis://h --fallback sqlite:f", "--single-instance");
    ck_assert(load(&cfg, "--primary redis://h --fallback redis://h/1", NULL, &err));
    ck_assert(load(&cfg, "--primary memory: --fallback memory: --single-instance", NULL, &err));
}
END_TEST

START_TEST(prints_every_setting)
{
    struct config cfg;
    struct err err;
    char *out = NULL;
    size_t size;
    FILE *f = open_memstream(&out, &size);

    ck_assert(load(&cfg, "--max-body 1536KiB --drain-delay 0 --insecure", NULL, &err));
    config_print(&cfg, f);
    config_usage(CONFIG_SHOW, f);
    fclose(f);
    ck_assert_ptr_nonnull(strstr(out, "--max-body\tSTATEWARD_MAX_BODY\t1536KiB\t1..1GiB\t"));
    ck_assert_ptr_nonnull(strstr(out, "--drain-delay\tSTATEWARD_DRAIN_DELAY\t0\t"));
    ck_assert_ptr_nonnull(strstr(out, "--insecure\tSTATEWARD_INSECURE\ttrue\t"));
    ck_assert_ptr_nonnull(strstr(out, "--log-level"));
    free(out);
}
END_TEST

/* Checks what the line of --primary shows for this URL. */
static void shows(const char *url, const char *shown)
{
    char flag[256], *argv[] = {flag}, *out = NULL, line[256];
    struct config cfg;
    struct err err;
    size_t size;
    FILE *f = open_memstream(&out, &size);

    snprintf(flag, sizeof(flag), "--primary=%s", url);
    ck_assert(config_load(&cfg, CONFIG_SERVE, &(struct config_words){1, argv, NULL}, &err));
    config_print(&cfg, f);
    fclose(f);
    snprintf(line, sizeof(line), "--primary\tSTATEWARD_PRIMARY\t%s\t", shown);
    ck_assert_msg(strstr(out, line) != NULL, "%s", out);
    free(out);
}

START_TEST(hides_passwords)
{
    shows("sqlite:state.db", "sqlite:state.db");
    shows("sqlite:/tmp/a:b@c.db", "sqlite:/tmp/a:b@c.db");
    shows("sqlite:password=1.db", "sqlite:password=1.db");
    shows("redis://host:6379/0", "redis://host:6379/0");
    shows("redis://user@host:6379/0", "redis://user@host:6379/0");
    shows("redis://:secret@host:6379/0", "redis://:***@host:6379/0");
    shows("postgres://user:se/c:r@t@host/db?a=b", "postgres://user:***@host/db?a=b");
    shows("postgres://user:@host/db", "postgres://user:***@host/db");
    shows("postgres://h/db?password=secret&sslpassword=too&c=d",
          "postgres://h/db?password=***&sslpassword=***&c=d");
    shows("postgres://u:p@h/db?PASSWORD=secret", "postgres://u:***@h/db?PASSWORD=***");
    shows("postgres://u:p@h/db?password=se@cret&c=d", "postgres://u:***&c=d");
    shows("postgres://h/db?pass%77ord=secret&c=d", "postgres://h/db?pass%77ord=***&c=d");
    shows("postgres://h/db?a=b&%70%41ssword%20%3dsecret",
          "postgres://h/db?a=b&%70%41ssword%20%3d***");
    shows("postgres://h/db?pass%2577ord=a&pass%7=b&passwor%6", /* decoded twice, or not at all */
          "postgres://h/db?pass%2577ord=a&pass%7=b&passwor%6");
    shows("postgres://u:p@h/db?pass%77ord=se@cret&c=d", "postgres://u:***&c=d");
    shows("postgres://h/db?password=a:b@c", "postgres://h/db?password=***");
    shows("postgres:u:secret@h/db", "postgres:***@h/db");
    shows("u:secret@h/db", "u:***@h/db");
    shows("host=h password=se cret&t://x", "host=h password=***");
    shows("host=h PassWord  = 'secret' dbname=d", "host=h PassWord  =***");
    shows("host=h user=password", "host=h user=password");
    shows("unix:/run/a:b@c.sock?db=0", "unix:/run/a:b@c.sock?db=0");
    shows("unix:/run/redis.sock?password=secret", "unix:/run/redis.sock?password=***");
    shows("sqlite:///a:b@c.db", "sqlite:///a:b@c.db");
    shows("sqlite://u:secret@h/db", "sqlite://u:***@h/db");
}
END_TEST

/* Errors quote what the user may have mistyped, without the passwords. */
START_TEST(no_error_shows_a_password)
{
    static const char *const given[] = {"postgres://u:secret@h/db",
                                        "postgres://u:s=secret@h/db",
                                        "redis://:secret@h:6379/0",
                                        "postgres://h/db?password=secret",
                                        "postgres://h/db?p%61ssword=secret",
                                        "u:secret@h",
                                        "password=secret"};
    char text[80], *argv[] = {text};
    struct config_words words = {1, argv, NULL};
    struct config cfg;
    struct err err;

    for (size_t i = 0; i < COUNT_OF(given); i++) {
        static const char *const before[] = {"", "--primray=", "--primary=\n",
                                             "--listen=", "--lanes="};

        for (size_t k = 0; k < COUNT_OF(before); k++) {
            snprintf(text, sizeof(text), "%s%s", before[k], given[i]);
            ck_assert(!config_load(&cfg, CONFIG_SERVE, &words, &err));
            ck_assert_msg(!strstr(err.text, "secret") && !strchr(err.text, '\n'), "%s", err.text);
        }
    }
    strcpy(text, "postgres://u:secret@h/db");
    ck_assert(!config_load(&cfg, CONFIG_SERVE, &words, &err));
    ck_assert_str_eq(err.text, "postgres://u:***@h/db: there is no such setting");
    strcpy(text, "--primary=redis://:secret@h\n");
    ck_assert(!config_load(&cfg, CONFIG_SERVE, &words, &err));
    ck_assert_str_eq(err.text, "--primary: \"redis://:***@h?\" is not allowed; it must be "
                               "printable and not empty");
}
END_TEST

START_TEST(lists_the_flags_of_a_command)
{
    static const struct {
        enum config_command command;
        const char *with, *without;
    } cases[] = {
        {CONFIG_SERVE, "--listen", "--max-idle-hours"},
        {CONFIG_CLEANUP, "--max-idle-hours", "--listen"},
        {CONFIG_CLEANUP, "--primary", "--max-body"},
        {CONFIG_SHOW, "--max-idle-hours", "--from"},
        {CONFIG_MIGRATE, "--from", "--primary"},
        {CONFIG_VERIFY, "--repair", "--session-ttl"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *out = NULL;
        size_t size;
        FILE *f = open_memstream(&out, &size);

        config_usage(cases[i].command, f);
        fclose(f);
        ck_assert_ptr_nonnull(strstr(out, cases[i].with));
        ck_assert_ptr_null(strstr(out, cases[i].without));
        free(out);
    }
}
END_TEST

START_TEST(commands_have_settings_of_their_own)
{
    struct config cfg;
    struct err err;

    ck_assert(load_for(CONFIG_MIGRATE, &cfg, "--from sqlite:a", "STATEWARD_TO=sqlite:b", &err));
    ck_assert_str_eq(cfg.from, "sqlite:a");
    ck_assert_str_eq(cfg.to, "sqlite:b");
    ck_assert_ptr_null(cfg.file);
    ck_assert(load_for(CONFIG_VERIFY, &cfg, "--repair --listen 127.0.0.1:1", NULL, &err));
    ck_assert(cfg.repair);
    refused("--from sqlite:a", "there is no such setting");
    ck_assert(load(&cfg, "", "STATEWARD_TO=sqlite:b", &err));
    ck_assert_ptr_null(cfg.to);
}
END_TEST

Suite *suite_config(void);

Suite *suite_config(void)
{
    Suite *s = suite_create("config");
    TCase *t = tcase_create("config");

    tcase_add_test(t, has_defaults);
    tcase_add_test(t, commands_have_settings_of_their_own);
    tcase_add_test(t, reads_flags_in_both_forms);
    tcase_add_test(t, reads_switches_with_a_value_behind);
    tcase_add_test(t, the_command_line_wins);
    tcase_add_test(t, names_what_is_no_setting);
    tcase_add_test(t, no_text_unsets_what_has_no_default);
    tcase_add_test(t, refuses_what_is_wrong);
    tcase_add_test(t, refuses_what_cannot_work);
    tcase_add_test(t, refuses_pairs_that_are_none);
    tcase_add_test(t, prints_every_setting);
    tcase_add_test(t, hides_passwords);
    tcase_add_test(t, no_error_shows_a_password);
    tcase_add_test(t, lists_the_flags_of_a_command);
    suite_add_tcase(s, t);
    return s;
}
