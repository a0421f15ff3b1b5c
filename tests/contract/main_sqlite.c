/* main_sqlite.c - the contract on sqlite: files, with versions.c in the chain. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "contract.h"
#include "drivers.h"

static char folder[] = "/tmp/contract_XXXXXX";

static struct backend *open_file(struct backend_config cfg, int number, struct err *err)
{
    char url[64];

    snprintf(url, sizeof(url), "sqlite:%s/%ld_%d", folder, (long)getpid(), number);
    cfg.url = url;
    return chain_open(&cfg, err);
}

static int remove_one(const char *path, const struct stat *st UNUSED, int type UNUSED,
                      struct FTW *at UNUSED)
{
    return remove(path);
}

int main(void)
{
    static const struct contract_target target = {
        .name = "sqlite", .open = open_file, .lasting = true};
    int failed;

    if (!mkdtemp(folder))
        return EXIT_FAILURE;
    failed = contract_run(&target);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return failed;
}
