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

/* gcc and clang each have their own way of telling that a sanitizer is on. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED_ADDRESS
#elif defined(__SANITIZE_THREAD__)
#define SANITIZED_THREAD
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED_ADDRESS
#elif __has_feature(thread_sanitizer)
#define SANITIZED_THREAD
#endif
#endif

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
