// The decoder process: takes one open scan after another, decodes each in a child of its own (or a few in each), answers with its geometry.
//
// Wire format, native byte order (both ends are the same program on the same machine):
//   supervisor → decoder   nr_decoder_request, with two descriptors: the scan (read-only) and the planes
//   decoder → supervisor   nr_decoder_reply, then `payload` bytes: nr_scan, followed by nr_frame × frame_count and
//                          nr_tone × tone_count when decoded, by nr_failure when refused
// Samples travel in the planes, never over the socket. A reply carries the token of its request. What a child says is bounded
// in size here and believed by nobody: the supervisor checks every field.
#ifndef NR_DECODER_LOOP_H
#define NR_DECODER_LOOP_H
#include "codec.h"

enum { NR_DECODER_REQUEST_MAGIC = 0x5144524e, NR_DECODER_REPLY_MAGIC = 0x4144524e, NR_DECODER_VERSION = 4 };

// The most frames that one scan may have; it bounds a reply.
enum { NR_DECODER_MAX_FRAMES = 4096 };

// The most scans that one child may decode.
enum { NR_DECODER_MAX_SCANS_PER_CHILD = 1000 };

typedef struct {
    uint32_t magic, version;
    uint64_t token;         // of this scan, not 0; the reply repeats it
    nr_limits limits;       // limits.max_frames at most NR_DECODER_MAX_FRAMES
    nr_slicing slicing;
    nr_least_size least;
    uint64_t planes_bytes;  // size of the planes' memory
    uint64_t memory_bytes;  // address space that decoding may take beside the planes and what the program already has
    uint32_t cpu_seconds;   // processor time that decoding one scan may take, at least 1
    uint32_t scans_per_child;  // 1: each scan has a process of its own; more: that many one after another in the same one
} nr_decoder_request;

enum nr_decoder_status {
    NR_DECODER_DECODED = 1,
    NR_DECODER_REFUSED = 2,     // payload: nr_scan, nr_failure
    NR_DECODER_SIGNALLED = 3,   // the child was ended by signal `detail`; no payload
    NR_DECODER_EXITED = 4,      // the child left with status `detail` and no valid answer; no payload
    NR_DECODER_NO_CHILD = 5,    // no child could be made: errno `detail`; no payload
};

// What held a child that decoded or refused while it did so, as `detail` says: landlock's version in the lowest bits (0: none), and
enum nr_confinement { NR_LANDLOCK_VERSION = 0xff, NR_CALLS_FILTERED = 0x100 };

typedef struct {
    uint32_t magic, version;
    uint64_t token;
    uint32_t status;       // nr_decoder_status
    uint32_t detail;
    uint32_t format;       // nr_format
    uint32_t frame_count;  // 1 … NR_DECODER_MAX_FRAMES when decoded, otherwise 0
    uint32_t payload;      // bytes that follow
    uint32_t tone_count;   // 1 … frame_count when decoded, otherwise 0
} nr_decoder_reply;

// Serves requests on `socket` until the other end closes it (returns 0) or breaks the protocol (returns an errno value).
// The process must have one thread only: it forks.
int nr_decoder_loop(int socket);

#endif
