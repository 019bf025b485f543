#ifndef NR_FAILURE_H
#define NR_FAILURE_H
#include <stdarg.h>
#include <stdio.h>

#include "CContainers.h"

// Writes the message and returns 0, what a failed function returns.
__attribute__((format(printf, 2, 3))) static inline int nr_fail(nr_container_failure *failure, const char *format, ...) {
    va_list values;
    va_start(values, format);
    vsnprintf(failure->message, sizeof failure->message, format, values);
    va_end(values);
    return 0;
}

#endif
