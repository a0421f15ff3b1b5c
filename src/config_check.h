/*
 * config_check.h - what the table of settings cannot express: the form of an address, and values that
 * exclude each other.
 *
 *     config_load() -> config_check()
 *
 * Threads    any.
 * Ownership  none is taken.
 * Units      those of struct config.
 * Errors     ERR_CONFIG: names the setting.
 */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include "config.h"

/* Whether the settings make sense together. */
bool config_check(const struct config *cfg, struct err *err) MUST_USE;

#endif
