/* progress.c - see progress.h. */
#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#include "clock.h"

enum { WIDTH = 40, LINE_STEP = 10000 };

#define REDRAW_NS (100 * MS_NS)

void progress_start(struct progress *p, int64_t total)
{
    *p = (struct progress){.terminal = isatty(STDERR_FILENO), .total = total};
}

static void draw(const struct progress *p, int64_t done, const char *what, int64_t n)
{
    static const char full[] = "########################################";
    static const char empty[] = "........................................";
    int filled;

    _Static_assert(sizeof(full) == WIDTH + 1 && sizeof(empty) == WIDTH + 1, "as wide as said");
    if (done > p->total)
        done = p->total;
    if (p->total > 0) {
        filled = (int)(done * WIDTH / p->total);
        fprintf(stderr, "\r[%.*s%.*s] %3d %%", filled, full, WIDTH - filled, empty,
                (int)(done * 100 / p->total));
    } else {
        fprintf(stderr, "\r");
    }
    fprintf(stderr, "  %s %lld\x1b[K", what, (long long)n);
    fflush(stderr);
}

void progress_show(struct progress *p, int64_t done, const char *what, int64_t n)
{
    int64_t now_ns = clock_now_ns();

    if (p->terminal && (p->shown_ns == 0 || now_ns - p->shown_ns >= REDRAW_NS)) {
        p->shown_ns = now_ns;
        draw(p, done, what, n);
    } else if (!p->terminal && n / LINE_STEP != p->lines) {
        p->lines = n / LINE_STEP;
        if (p->lines > 0)
            fprintf(stderr, "%s %lld\n", what, (long long)n);
    }
}

void progress_end(struct progress *p)
{
    if (p->terminal && p->shown_ns)
        fprintf(stderr, "\r\x1b[K");
    p->shown_ns = 0;
}
