// How the DICOM decoder gives a file up: inside, by throwing; never across a function with C linkage.
#ifndef NR_DICOM_REFUSAL_H
#define NR_DICOM_REFUSAL_H
#include <string>

#include "../source.h"

namespace dicom {

// A failure on its way to the caller. Says what was expected and found, and never quotes a value of the file but its modality,
// its UIDs of classes and syntaxes, and its numbers: anything else could tell whom it shows.
struct Refusal {
    nr_failure failure;
};

[[noreturn]] void refuse(nr_failure_kind kind, const char *format, ...) __attribute__((format(printf, 2, 3)));

// For functions of source.h that have filled `failure` already.
inline void check(int kind, const nr_failure &failure) {
    if (kind != NR_OK) throw Refusal{failure};
}

// A code string or a UID as it may stand in a message: what has another form is not repeated.
std::string in_message(const std::string &text);

}  // namespace dicom

#endif
