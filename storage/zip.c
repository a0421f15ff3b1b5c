/* zip.c - see zip.h. */
#include "zip.h"

#include <pthread.h>
#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

enum {
    MAGIC_LEN = 4,
    BLOCK_MAX = 1 << 17, /* a block of a frame holds at most this */
    BLOCK_MIN = 4,       /* and takes at least this */
    SMALL = 1 << 14,     /* up to here a better level costs little */
    LEVEL_SMALL = 3,     /* a still better one gains next to nothing */
    LONG = 1 << 20,      /* from here on matches are searched far away, too */
    KEEP = 1 << 20,      /* a compressor that has seen more is freed: its tables are large */
    WINDOW_MIN = 10,
    WINDOW_MAX = 30,
};

struct zip {
    ZSTD_CCtx *pack;
    ZSTD_DCtx *unpack;
};

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool has_key;

static void zip_free(void *p)
{
    struct zip *z = p;

    ZSTD_freeCCtx(z->pack);
    ZSTD_freeDCtx(z->unpack);
    free(z);
}

static void make_key(void)
{
    has_key = pthread_key_create(&key, zip_free) == 0;
}

/* The compressor of this thread; NULL when memory runs out. */
static struct zip *own(void)
{
    struct zip *z;

    pthread_once(&once, make_key);
    if (!has_key)
        return NULL;
    z = pthread_getspecific(key);
    if (z)
        return z;
    z = calloc(1, sizeof(*z));
    if (z && pthread_setspecific(key, z) != 0) {
        free(z);
        return NULL;
    }
    return z;
}

/* The window must cover prefix and text. */
static int window_log(size_t len)
{
    int log = WINDOW_MIN;

    while (log < WINDOW_MAX && ((size_t)1 << log) < len)
        log++;
    return log;
}

static bool set(ZSTD_CCtx *c, ZSTD_cParameter what, int value)
{
    return !ZSTD_isError(ZSTD_CCtx_setParameter(c, what, value));
}

static bool prepare(ZSTD_CCtx *c, struct slice prefix, size_t len)
{
    size_t all = prefix.len + len;

    return !ZSTD_isError(ZSTD_CCtx_reset(c, ZSTD_reset_session_and_parameters)) &&
           set(c, ZSTD_c_compressionLevel, all <= SMALL ? LEVEL_SMALL : 1) &&
           set(c, ZSTD_c_checksumFlag, 0) && set(c, ZSTD_c_dictIDFlag, 0) &&
           set(c, ZSTD_c_windowLog, window_log(all)) &&
           set(c, ZSTD_c_enableLongDistanceMatching, all >= LONG) &&
           !ZSTD_isError(ZSTD_CCtx_refPrefix(c, prefix.at, prefix.len));
}

static void give_back(struct zip *z, size_t seen)
{
    if (seen <= KEEP)
        return;
    ZSTD_freeCCtx(z->pack);
    z->pack = NULL;
}

bool zip_pack(struct slice prefix, struct slice plain, struct arena *arena, struct slice *packed,
              struct err *err)
{
    size_t bound = ZSTD_compressBound(plain.len), len;
    char *out = arena_alloc(arena, bound);
    struct zip *z = own();

    if (z && !z->pack)
        z->pack = ZSTD_createCCtx();
    if (!out || !z || !z->pack)
        return err_no_memory(err);
    if (!prepare(z->pack, prefix, plain.len))
        return err_set(err, ERR_INTERNAL, "zstd refuses its settings");
    len = ZSTD_compress2(z->pack, out, bound, plain.at, plain.len);
    give_back(z, prefix.len + plain.len);
    if (ZSTD_isError(len))
        return ZSTD_getErrorCode(len) == ZSTD_error_memory_allocation
                   ? err_no_memory(err)
                   : err_set(err, ERR_INTERNAL, "zstd: %s", ZSTD_getErrorName(len));
    out = arena_resize(arena, out, bound, len); /* it is the newest of the arena: in place */
    if (!out)
        return err_no_memory(err);
    *packed = (struct slice){out + MAGIC_LEN, len - MAGIC_LEN};
    return true;
}

static COLD bool damaged(struct err *err)
{
    return err_set(err, ERR_DAMAGED, "a stored value is damaged: not what was packed");
}

/* Writes the magic number and the first n bytes. */
static void put_frame(struct slice packed, size_t n, char *out)
{
    static const unsigned char magic[MAGIC_LEN] = {0x28, 0xB5, 0x2F, 0xFD};

    memcpy(out, magic, MAGIC_LEN);
    if (n)
        memcpy(out + MAGIC_LEN, packed.at, n);
}

bool zip_size(struct slice packed, uint64_t *size, struct err *err)
{
    enum { HEAD_MAX = 18 };
    size_t n = packed.len < HEAD_MAX ? packed.len : HEAD_MAX;
    char frame[MAGIC_LEN + HEAD_MAX];
    unsigned long long said;

    put_frame(packed, n, frame);
    said = ZSTD_getFrameContentSize(frame, MAGIC_LEN + n);
    if (said == ZSTD_CONTENTSIZE_UNKNOWN || said == ZSTD_CONTENTSIZE_ERROR ||
        said / BLOCK_MAX > packed.len / BLOCK_MIN)
        return damaged(err);
    *size = said;
    return true;
}

bool zip_unpack(struct slice prefix, struct slice packed, struct arena *arena, char *out,
                struct err *err)
{
    char *frame = arena_alloc(arena, MAGIC_LEN + packed.len);
    struct zip *z = own();
    uint64_t size;
    size_t len;

    if (!zip_size(packed, &size, err))
        return false;
    if (z && !z->unpack)
        z->unpack = ZSTD_createDCtx();
    if (!z || !z->unpack || !frame)
        return err_no_memory(err);
    put_frame(packed, packed.len, frame);
    ZSTD_DCtx_reset(z->unpack, ZSTD_reset_session_and_parameters);
    ZSTD_DCtx_setParameter(z->unpack, ZSTD_d_windowLogMax, WINDOW_MAX);
    ZSTD_DCtx_refPrefix(z->unpack, prefix.at, prefix.len);
    len = ZSTD_decompressDCtx(z->unpack, out, size, frame, MAGIC_LEN + packed.len);
    if (ZSTD_isError(len) && ZSTD_getErrorCode(len) == ZSTD_error_memory_allocation)
        return err_no_memory(err);
    return len == size || damaged(err);
}
