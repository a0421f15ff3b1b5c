/*
 * response.h - the answer: the only place that writes a status, a body or an error.
 *
 *     route finish() -> response_*() and json_*(&res->body) -> server sends it
 *
 * Threads    the request's loop.
 * Ownership  lives in the request; the body is in the request's arena, or in a page arena while the
 *            answer is streamed.
 * Units      none.
 * Errors     a failed text (out of memory) turns the answer into 503 `overloaded`.
 */
#ifndef RESPONSE_H
#define RESPONSE_H

#include "frame.h"
#include "text.h"

struct request;

enum { RESPONSE_HEADERS_MAX = 8 };

struct response {
    int status;               /* 200 unless set */
    const char *content_type; /* application/json unless set */
    struct text body;
    struct frame_writer frame; /* raw slices noted so far, in a frame answer */
    bool is_frame;
    bool streaming; /* body is one page; finish() has submitted the op for the next */
    struct {
        const char *name;
        struct slice value;
    } headers[RESPONSE_HEADERS_MAX];
    size_t n_headers;
};

/* Sets the status. With 304 only the length of the body is sent, as it would be with 200. */
void response_status(struct response *res, int status);

/* Adds a header; name is a literal, value lives as long as the request. No control characters. */
void response_header(struct response *res, const char *name, struct slice value);

/* Adds ETag: "<version>". */
void response_etag(struct response *res, int64_t version);

/* Makes the answer a frame: from now on response_bytes() writes `len` and notes the raw bytes. */
void response_frame(struct response *res);

/* Writes member `base64` with the encoded bytes or, in a frame, `len`, the raw bytes behind the JSON. */
void response_bytes(struct response *res, struct slice bytes);

/* Sets 204: no body. */
void response_empty(struct response *res);

/* The text of the status of an error. */
const char *response_title(int status) MUST_USE;

/*
 * Replaces all that was written by a problem document (RFC 9457): type, title, status, detail, code,
 * request_id, and `errors: [{pointer, detail}]` if the text of err begins with a JSON pointer, "?name",
 * "{parameter}" or the name of a header, and ": ". 503 gets Retry-After, 405 its Allow.
 */
void response_error(struct response *res, struct request *req, const struct err *err);

#endif
