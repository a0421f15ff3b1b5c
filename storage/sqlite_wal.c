/* sqlite_wal.c - see sqlite_wal.h. */
#include "sqlite_wal.h"

#include <arpa/inet.h>
#include <byteswap.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sqlite_vfs.h"

enum { MAGIC = 0x377f0682, MAGIC_BIG = 0x377f0683 };

struct sums {
    uint32_t a, b;
};

/* Numbers are big-endian in the file. */
struct header {
    uint32_t magic, version, page_size, sequence, salt[2], sums[2];
};

struct frame {
    /* commit: size of the database in pages, in the last frame of a transaction; else 0. */
    uint32_t page, commit, salt[2], sums[2];
    unsigned char bytes[SQLITE_PAGE];
};

struct log {
    FILE *file;
    const char *path;
    struct header header;
    struct frame *frame; /* the last one read */
    struct sums sums;    /* of everything up to it */
    bool swap;           /* words are summed in the other byte order */
};

static void sum(const struct log *log, const void *bytes, size_t len, struct sums *sums)
{
    const unsigned char *at = bytes;
    uint32_t words[2];

    for (size_t i = 0; i < len; i += sizeof(words)) {
        memcpy(words, at + i, sizeof(words));
        if (log->swap) {
            words[0] = bswap_32(words[0]);
            words[1] = bswap_32(words[1]);
        }
        sums->a += words[0] + sums->b;
        sums->b += words[1] + sums->a;
    }
}

static bool same(struct sums found, const uint32_t stored[2])
{
    return found.a == ntohl(stored[0]) && found.b == ntohl(stored[1]);
}

static bool is_zero(const void *bytes, size_t len)
{
    const char *at = bytes;

    return at[0] == 0 && memcmp(at, at + 1, len - 1) == 0;
}

/* *none: there are no frames of ours. The header is written in one piece before any frame. */
static bool read_header(struct log *log, bool *none, struct err *err)
{
    struct header *h = &log->header;
    uint32_t magic;

    *none = fread(h, sizeof(*h), 1, log->file) != 1 || is_zero(h, sizeof(*h));
    if (*none)
        return true;
    magic = ntohl(h->magic);
    log->swap = (magic == MAGIC_BIG) != (htonl(1) == 1);
    log->sums = (struct sums){0};
    sum(log, h, sizeof(*h) - sizeof(h->sums), &log->sums);
    *none = ntohl(h->page_size) != SQLITE_PAGE;
    return ((magic == MAGIC || magic == MAGIC_BIG) && same(log->sums, h->sums)) ||
           err_set(err, ERR_STORAGE, "sqlite: the header of %s is damaged", log->path);
}

static bool of_this_log(const struct log *log)
{
    return memcmp(log->frame->salt, log->header.salt, sizeof(log->header.salt)) == 0;
}

/* Whether the current frame continues the previous one; if not, the next may still continue this one. */
static bool follows(struct log *log)
{
    struct frame *f = log->frame;
    bool right;

    sum(log, f, offsetof(struct frame, salt), &log->sums);
    sum(log, f->bytes, sizeof(f->bytes), &log->sums);
    right = of_this_log(log) && same(log->sums, f->sums);
    log->sums = (struct sums){ntohl(f->sums[0]), ntohl(f->sums[1])};
    return right;
}

static bool check_frames(struct log *log, struct err *err)
{
    long first_bad = 0;
    int whole = 0; /* transactions that end in the frames since the last bad one */

    for (long n = 1; fread(log->frame, sizeof(*log->frame), 1, log->file) == 1; n++) {
        if (!follows(log)) {
            first_bad = first_bad ? first_bad : n;
            whole = 0;
        }
        if (first_bad && of_this_log(log) && log->frame->commit && ++whole == 2)
            return err_set(err, ERR_STORAGE,
                           "sqlite: %s is damaged in frame %ld, and changes behind it are "
                           "whole: restore it, or move it away to go on without it",
                           log->path, first_bad);
    }
    return true;
}

static bool check(struct log *log, struct err *err)
{
    bool none;

    log->frame = malloc(sizeof(*log->frame));
    if (!log->frame)
        return err_no_memory(err);
    return read_header(log, &none, err) && (none || check_frames(log, err));
}

bool wal_check(const char *path, struct err *err)
{
    struct log log = {.path = path, .file = fopen(path, "rbe")};
    bool ok;

    if (!log.file)
        return errno == ENOENT ||
               err_set(err, ERR_UNAVAILABLE, "sqlite: %s: %s", path, strerror(errno));
    ok = check(&log, err);
    if (ok && ferror(log.file))
        ok = err_set(err, ERR_UNAVAILABLE, "sqlite: %s cannot be read: %s", path, strerror(errno));
    fclose(log.file);
    free(log.frame);
    return ok;
}
