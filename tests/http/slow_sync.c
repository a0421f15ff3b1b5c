/* slow_sync.c - makes a disk slow while the file SLOW_FILE exists; for LD_PRELOAD. */
#include <stdlib.h>
#include <unistd.h>

enum { SLOW_US = 300 * 1000 };

static int wait_for_disk(void)
{
    const char *file = getenv("SLOW_FILE");

    if (file && access(file, F_OK) == 0)
        usleep(SLOW_US);
    return 0;
}

int fsync(int fd)
{
    (void)fd;
    return wait_for_disk();
}

int fdatasync(int fd)
{
    (void)fd;
    return wait_for_disk();
}
