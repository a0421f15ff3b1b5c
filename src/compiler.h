/*
 * compiler.h - the only place for what differs between compilers.
 *
 * Threads    no state.
 * Ownership  AUTO(fn) runs fn(&variable) when the variable leaves its scope.
 * Units      none.
 * Errors     MUST_USE makes ignoring a result a warning, hence an error.
 */
#ifndef COMPILER_H
#define COMPILER_H

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define COLD __attribute__((cold))
#define UNUSED __attribute__((unused))
#define AUTO(fn) __attribute__((cleanup(fn)))

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Sixteen bytes that operators work on one by one; a comparison gives 0xFF or 0 for each. What the
 * machine has for it is used, or else plain words. */
typedef unsigned char bytes16 __attribute__((vector_size(16)));

#endif
