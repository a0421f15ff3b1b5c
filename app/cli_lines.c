/* cli_lines.c - the commands export and import; see cli.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "progress.h"
#include "record_text.h"
#include "record_writer.h"
#include "transfer.h"

enum { BATCH_BYTES = 8 * 1024 * 1024 };

const char cli_export_help[] =
    "Writes every record of every tenant as a line of JSON, and a last line with their number. Stop\n"
    "the service first, or what changes meanwhile may be there in part. Without a URL it is the store\n"
    "of STATEWARD_PRIMARY. A file that exists is not overwritten, and --file has nothing until all is\n"
    "written. Values stand as they are stored, in base64: change no line, but leave out what you like,\n"
    "and import it with --partial; a checkpoint without its values is not imported.\n";

const char cli_import_help[] =
    "Reads what export has written and merges it, in batches: it may be killed and run again, and what\n"
    "the store holds besides stays. A line that is wrong ends it, and is named by its number; what\n"
    "stands before it is imported. The last line of an export has the number of its records: without\n"
    "it, or with another number of lines, the file is not whole. What is there is imported, and the\n"
    "exit status is 1; --partial says that lines were left out on purpose. Stop the service first.\n";

struct lines {
    FILE *file;
    const char *name;
    char *part; /* of an export: what the file is called until it is whole; NULL = there is none */
    struct caller store;
    struct progress progress;
    int64_t number; /* lines written, or read */
    int64_t failed; /* lists not read to the end, or records not merged */
};

static bool no_contact(const struct lines *l, struct err *err)
{
    return err_set(err, ERR_STORAGE, "%s: %s", l->name, strerror(errno));
}

/* The file that --file names; NULL: standard input or output, which "-" means too. */
static const char *named(const char *file)
{
    return file && strcmp(file, "-") == 0 ? NULL : file;
}

static bool open_input(struct lines *l, const struct config *cfg, struct err *err)
{
    const char *file = named(cfg->file);

    l->name = file ? file : "standard input";
    l->file = file ? fopen(file, "re") : stdin;
    return l->file || no_contact(l, err);
}

static bool refuse_existing(const struct lines *l, struct err *err)
{
    return err_set(err, ERR_STORAGE,
                   "%s: it exists already, and an export overwrites nothing: name a new file",
                   l->name);
}

/* A file beside the one that is wanted, so that nothing but a whole export bears the name. */
static bool open_part(struct lines *l, struct err *err)
{
    struct stat info;
    int fd;

    if (lstat(l->name, &info) == 0)
        return refuse_existing(l, err);
    if (asprintf(&l->part, "%s.part-XXXXXX", l->name) < 0) {
        l->part = NULL;
        return err_no_memory(err);
    }
    fd = mkostemp(l->part, O_CLOEXEC);
    if (fd < 0) {
        no_contact(l, err);
        free(l->part);
        l->part = NULL;
        return false;
    }
    l->file = fdopen(fd, "w");
    if (l->file)
        return true;
    close(fd);
    return no_contact(l, err);
}

static bool open_output(struct lines *l, const struct config *cfg, struct err *err)
{
    const char *file = named(cfg->file);

    l->name = file ? file : "standard output";
    if (file)
        return open_part(l, err);
    l->file = stdout;
    return true;
}

/* Gives the file its name. A file system that knows no RENAME_NOREPLACE says EINVAL: there only open_part() has
 * looked whether the name is taken. */
static bool rename_part(struct lines *l, struct err *err)
{
    if (renameat2(AT_FDCWD, l->part, AT_FDCWD, l->name, RENAME_NOREPLACE) != 0) {
        if (errno == EEXIST)
            return refuse_existing(l, err);
        if (errno != EINVAL || rename(l->part, l->name) != 0)
            return no_contact(l, err);
    }
    free(l->part);
    l->part = NULL;
    return true;
}

static bool sync_folder(const struct lines *l, struct err *err)
{
    char *path = strdup(l->name);
    int fd = path ? open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool ok = fd >= 0 && fsync(fd) == 0;

    ok = ok || no_contact(l, err);
    if (fd >= 0)
        close(fd);
    free(path);
    return ok;
}

static void close_all(struct lines *l)
{
    progress_end(&l->progress);
    caller_close(&l->store);
    if (l->file && l->file != stdin && l->file != stdout)
        fclose(l->file);
    if (l->part)
        unlink(l->part);
    free(l->part);
}

static bool write_record(void *ctx, const struct transfer_difference *d, struct err *err)
{
    struct lines *l = ctx;
    struct arena arena = {0};
    struct slice line;
    struct text t;
    bool ok;

    text_init(&t, &arena);
    record_text_write(&t, d->tenant, d->left);
    text_puts(&t, "\n");
    line = text_slice(&t);
    if (t.failed)
        ok = err_no_memory(err);
    else
        ok = fwrite(line.at, line.len, 1, l->file) == 1 || no_contact(l, err);
    arena_done(&arena);
    l->number++;
    return ok;
}

static void show_unread(void *ctx, const struct transfer_failure *f)
{
    struct lines *l = ctx;

    progress_end(&l->progress);
    fprintf(stderr, "stateward: the %ss of tenant %.*s cannot be read on: %s\n",
            record_kind_name(f->kind), SLICE_ARGS(f->tenant), f->why->text);
    l->failed++;
}

static void show_written(void *ctx, enum record_kind kind)
{
    struct lines *l = ctx;

    progress_show(&l->progress, l->number, record_kind_name(kind), l->number);
}

static bool write_all(struct lines *l, struct err *err)
{
    struct transfer t = {
        .stores = {&l->store, NULL},
        .pending = true,
        .difference = write_record,
        .failure = show_unread,
        .advance = show_written,
        .ctx = l,
    };

    if (!transfer_run(&t, err))
        return false;
    fprintf(l->file, RECORD_END_FORMAT "\n", l->number);
    if (fflush(l->file) != 0 || (l->part && fsync(fileno(l->file)) != 0))
        return no_contact(l, err);
    return !l->part || (rename_part(l, err) && sync_folder(l, err));
}

int cli_export(const struct config *cfg)
{
    struct lines l = {.number = 0};
    struct err err;
    bool ok;

    ok = cli_open(cfg, "export", cfg->primary, true, &l.store, &err) && open_output(&l, cfg, &err);
    progress_start(&l.progress, 0);
    ok = ok && write_all(&l, &err);
    close_all(&l);
    if (!ok)
        return cli_fail(&err);
    fprintf(stderr, "%" PRId64 " records\n", l.number);
    return l.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

struct import {
    struct lines *lines;
    struct record_writer *writer;
    struct arena arena; /* of records that are not merged yet */
    size_t n, bytes;    /* of those records */
    int64_t records, since_end;
    bool partial, ended;
};

static void show_unmerged(void *ctx, struct slice tenant, const struct record *record,
                          const struct err *why)
{
    struct lines *l = ctx;

    progress_end(&l->progress);
    fprintf(stderr, "stateward: a %s of tenant %.*s, %.*s: %s\n", record_kind_name(record->kind),
            SLICE_ARGS(tenant), SLICE_ARGS(record->key.id), why->text);
    l->failed++;
}

static bool flush(struct import *in, struct err *err)
{
    bool ok = writer_flush(in->writer, err);

    arena_reset(&in->arena);
    in->n = in->bytes = 0;
    return ok;
}

static bool end_line(struct import *in, int64_t n, struct err *err)
{
    if (n != in->since_end && !in->partial)
        return err_set(err, ERR_INVALID, "%lld records were written, %lld are here", (long long)n,
                       (long long)in->since_end);
    in->since_end = 0;
    in->ended = true;
    return true;
}

static bool read_line(struct import *in, struct slice line, struct err *err)
{
    struct slice tenant, copy;
    struct record record;
    int64_t n;

    if (record_parse_end(line, &n))
        return end_line(in, n, err);
    copy = arena_copy(&in->arena, line);
    if (!copy.at)
        return err_no_memory(err);
    if (!record_parse(copy, &in->arena, &tenant, &record, err))
        return false;
    in->ended = false;
    in->since_end++;
    in->records++;
    if (!writer_put(in->writer, tenant, &record, err))
        return false;
    in->n++;
    in->bytes += line.len;
    return (in->n < WRITER_BATCH_MAX && in->bytes < BATCH_BYTES) || flush(in, err);
}

/* Reads up to the end of the file, or to the first wrong line. */
static bool read_lines(struct import *in, struct err *err)
{
    struct lines *l = in->lines;
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    bool ok = true;

    while (ok && (len = getline(&line, &room, l->file)) >= 0) {
        l->number++;
        if (len > 0 && line[len - 1] == '\n')
            len--;
        if (len > 0 && line[len - 1] == '\r')
            len--;
        ok = len == 0 || read_line(in, (struct slice){line, (size_t)len}, err);
        if (!ok && err_retry(err->kind) == RETRY_NEVER)
            err_fill(err, err->kind, "line %lld: %s", (long long)l->number, err->text);
        progress_show(&l->progress, l->progress.total ? ftello(l->file) : l->number, "record",
                      l->number);
    }
    free(line);
    if (ok && ferror(l->file))
        return no_contact(l, err);
    if (ok && !feof(l->file)) { /* getline() had no memory for the line */
        (void)err_no_memory(err);
        return err_set(err, err->kind, "line %lld: %s", (long long)l->number + 1, err->text);
    }
    return ok;
}

/* Merges all that precedes a wrong line, or the end of a file that was cut off. */
static bool read_all(struct lines *l, bool partial, int64_t *applied, struct err *err)
{
    struct record_writer *writer = calloc(1, sizeof(*writer));
    struct import in = {.lines = l, .writer = writer, .partial = partial};
    struct err ignored;
    bool ok;

    if (!writer)
        return err_no_memory(err);
    writer->store = &l->store;
    writer->failed = show_unmerged;
    writer->ctx = l;
    ok = writer_open(writer, err);
    if (ok) {
        ok = read_lines(&in, err);
        ok = flush(&in, ok ? err : &ignored) && ok;
    }
    for (int kind = 0; kind < RECORD_KIND_COUNT; kind++)
        *applied += writer->applied[kind];
    if (ok && !in.ended && !partial)
        ok = err_set(
            err, ERR_INVALID,
            "%s has no last line with the number of records: it was cut off, or lines were "
            "left out (then: --partial). What is there was imported: %lld records",
            l->name, (long long)in.records);
    l->number = in.records;
    arena_done(&in.arena);
    writer_close(writer);
    free(writer);
    return ok;
}

int cli_import(const struct config *cfg)
{
    struct lines l = {.number = 0};
    int64_t applied = 0;
    struct stat info;
    struct err err;
    bool ok;

    ok = open_input(&l, cfg, &err) && cli_open(cfg, "import", cfg->primary, false, &l.store, &err);
    if (ok) {
        bool sized = fstat(fileno(l.file), &info) == 0 && S_ISREG(info.st_mode);

        progress_start(&l.progress, sized ? info.st_size : 0);
        ok = read_all(&l, cfg->partial, &applied, &err);
    }
    close_all(&l);
    if (!ok)
        return cli_fail(&err);
    printf("%" PRId64 " records, %" PRId64 " merged, %" PRId64 " failed\n", l.number, applied,
           l.failed);
    return l.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
