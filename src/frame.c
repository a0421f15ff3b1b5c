/* frame.c - see frame.h. */
#include "frame.h"

enum { LENGTH_BYTES = 4, RAW_FIRST = 16 };

bool frame_open(struct slice body, struct frame_reader *f, struct err *err)
{
    uint32_t length = 0;

    if (body.len < LENGTH_BYTES)
        return err_set(err, ERR_INVALID, "the frame is too short: %zu bytes", body.len);
    for (int i = LENGTH_BYTES; i-- > 0;)
        length = length << 8 | (unsigned char)body.at[i];
    body = (struct slice){body.at + LENGTH_BYTES, body.len - LENGTH_BYTES};
    if (length > body.len)
        return err_set(err, ERR_INVALID, "the frame says %u bytes of JSON, but has %zu",
                       (unsigned)length, body.len);
    f->json = (struct slice){body.at, length};
    f->rest = (struct slice){body.at + length, body.len - length};
    return true;
}

bool frame_take(struct frame_reader *f, int64_t len, struct slice *bytes, struct err *err)
{
    if (len < 0 || (uint64_t)len > f->rest.len)
        return err_set(err, ERR_INVALID, "`len` is %lld, but %zu raw bytes are left in the frame",
                       (long long)len, f->rest.len);
    *bytes = (struct slice){f->rest.at, (size_t)len};
    f->rest = (struct slice){f->rest.at + len, f->rest.len - (size_t)len};
    return true;
}

bool frame_end(const struct frame_reader *f, struct err *err)
{
    if (f->rest.len > 0)
        return err_set(err, ERR_INVALID, "%zu raw bytes of the frame belong to nothing",
                       f->rest.len);
    return true;
}

void frame_add(struct frame_writer *w, struct slice bytes)
{
    if (w->failed)
        return;
    if (w->n == w->cap) {
        size_t size = sizeof(*w->raw), cap = w->cap ? w->cap * 2 : RAW_FIRST;
        void *grown = arena_resize(w->arena, w->raw, w->cap * size, cap * size);

        if (!grown) {
            w->failed = true;
            return;
        }
        w->raw = grown;
        w->cap = cap;
    }
    w->raw[w->n++] = bytes;
    w->total += bytes.len;
}

void frame_finish(struct frame_writer *w, struct slice json, struct text *out)
{
    char length[LENGTH_BYTES];

    if (w->failed || json.len > UINT32_MAX)
        out->failed = true;
    if (!text_reserve(out, sizeof(length) + json.len + w->total))
        return;
    for (int i = 0; i < LENGTH_BYTES; i++)
        length[i] = (char)(json.len >> 8 * i & 0xFF);
    text_put(out, (struct slice){length, sizeof(length)});
    text_put(out, json);
    for (size_t i = 0; i < w->n; i++)
        text_put(out, w->raw[i]);
}
