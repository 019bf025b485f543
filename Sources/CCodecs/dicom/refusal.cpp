#include "refusal.h"

#include <cstdio>

namespace dicom {

void refuse(nr_failure_kind kind, const char *format, ...) {
    Refusal refusal{};
    char message[sizeof refusal.failure.message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    nr_fail(&refusal.failure, kind, "DICOM: %s", message);
    throw refusal;
}

std::string in_message(const std::string &text) {
    if (text.empty()) return "none";
    if (text.size() > 64) return "one of another form";
    for (char letter : text) {
        bool allowed = (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9') || letter == ' ' || letter == '_' ||
                       letter == '.';
        if (!allowed) return "one of another form";
    }
    return text;
}

}  // namespace dicom
