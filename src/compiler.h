/*
 * compiler.h - everything that depends on the compiler.
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

/* Sixteen bytes on which operators work bytewise; a comparison gives 0xFF or 0 for each. Compiles to
 * vector instructions where the machine has them, otherwise to plain words. */
typedef unsigned char bytes16 __attribute__((vector_size(16)));

#endif
