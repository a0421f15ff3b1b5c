/*
 * openapi_json.h - the API document as JSON text; the build makes it of openapi/openapi.yaml.
 *
 *     main -> struct service -> GET /openapi.json
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

#endif
