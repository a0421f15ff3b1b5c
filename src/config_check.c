/* config_check.c - see config_check.h. */
#include "config_check.h"

#include <ctype.h>
#include <string.h>

#include "store_url.h"

static bool is_host(const char *at, size_t len)
{
    bool v6 = len > 2 && *at == '[' && at[len - 1] == ']';

    for (size_t i = v6; i < len - v6; i++)
        if (!isalnum((unsigned char)at[i]) && !strchr(v6 ? ":.%-_" : ".-_", at[i]))
            return false;
    return len > 0;
}

/* HOST:PORT or [IPV6]:PORT; whether the host exists is up to the resolver. */
static bool is_address(const char *listen)
{
    const char *colon = strrchr(listen, ':'), *digit = colon;
    int port = 0;

    if (!colon || !is_host(listen, (size_t)(colon - listen)) || colon[1] == '\0')
        return false;
    while (*++digit) {
        if (!isdigit((unsigned char)*digit))
            return false;
        port = port * 10 + (*digit - '0');
        if (port > UINT16_MAX)
            return false;
    }
    return true;
}

/* Checks what the table cannot express: the form of an address, and values that exclude each other. */
static bool check_sense(const struct config *cfg, struct err *err)
{
    char shown[STORE_URL_SHOWN];

    if (!is_address(cfg->listen)) {
        store_url_show(cfg->listen, shown);
        return err_set(
            err, ERR_CONFIG,
            "--listen: \"%.100s\" is not HOST:PORT or [IPV6]:PORT with a port of 0..65535", shown);
    }
    if (cfg->body_total < cfg->max_body)
        return err_set(err, ERR_CONFIG, "--body-total: it must not be less than --max-body");
    if (cfg->breaker_pause_min_ms > cfg->breaker_pause_max_ms)
        return err_set(err, ERR_CONFIG,
                       "--breaker-pause-min: it must not be more than --breaker-pause-max");
    return true;
}

static bool check_pair(const struct config *cfg, struct err *err)
{
    if (!cfg->fallback)
        return true;
    if (store_url_same(cfg->primary, cfg->fallback))
        return err_set(err, ERR_CONFIG, "--fallback: it must be another store than the primary");
    if (!cfg->single_instance &&
        (store_url_is_file(cfg->primary) || store_url_is_file(cfg->fallback)))
        return err_set(err, ERR_CONFIG,
                       "--fallback: a file is of one process only: add --single-instance if it is "
                       "the only one on both stores");
    return true;
}

bool config_check(const struct config *cfg, struct err *err)
{
    return check_sense(cfg, err) && check_pair(cfg, err);
}
