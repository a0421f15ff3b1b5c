/*
 * openapi_json.h - the API document as JSON text and as a page; the build makes both of
 * openapi/openapi.yaml.
 *
 *     main -> struct service -> GET /openapi.json, GET /docs
 *
 * Threads    constant.
 * Ownership  static.
 * Units      bytes.
 * Errors     none.
 */
#ifndef OPENAPI_JSON_H
#define OPENAPI_JSON_H

#include <stddef.h>

extern const char openapi_json[];
extern const size_t openapi_json_len;

extern const char openapi_html[];
extern const size_t openapi_html_len;

#endif
