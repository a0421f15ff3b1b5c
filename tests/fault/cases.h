/*
 * cases.h - the suite of failures: of the store, and of memory.
 *
 *     main_fault.c -> samples_init() -> *_case()
 *
 * Threads    one; libcheck forks for each test.
 * Ownership  as libcheck has it.
 * Units      none.
 * Errors     a test fails.
 */
#ifndef CASES_H
#define CASES_H

#include <check.h>

/* Each op x each way in which a call can fail. */
TCase *calls_case(void);

/* Each op over two stores x each call of one of them x each way in which it can fail. */
TCase *failover_case(void);

/* Each op x each allocation on memory:, each seventh one on sqlite: files. */
TCase *memory_ops_case(void);

/* Opening stores and lanes x each allocation. */
TCase *memory_start_case(void);

/* A folder that is removed when the process ends. */
extern char fault_folder[];

#endif
