/* stderr.c - see stderr.h. */
#include "stderr.h"

#include <check.h>
#include <unistd.h>

int stderr_capture(void)
{
    int fds[2];

    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_ge(dup2(fds[1], STDERR_FILENO), 0);
    close(fds[1]);
    return fds[0];
}
