// A warm parent that has not seen a byte of any scan forks a child per scan: whatever a scan does to its decoder ends with it.
//
// The child answers in a page of memory shared with the parent, not on the socket, which it closes first: it has no way to
// speak for a later scan. The parent reads that memory only after it has reaped the child, so nobody writes to it any more.
//
// Where requests allow a child several scans, it keeps the socket and answers itself until it has had them or refuses one; a scan that
// takes it over can then speak for those that follow it there. The parent meanwhile waits for its end, and answers for it where it died.
#define _GNU_SOURCE
#include "decoder_loop.h"

#include <CSystem.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "decoder_faults.h"

static const nr_patience forever = {.deadline = -1, .cancel = -1};

// What a child leaves behind. Pages that no scan needs are never touched.
typedef struct {
    uint64_t at_work;  // token of the scan that a child is decoding; 0 where it has answered
    nr_decoder_reply reply;
    nr_scan scan;
    nr_failure failure;
    nr_frame frames[NR_DECODER_MAX_FRAMES];
    nr_tone tones[NR_DECODER_MAX_FRAMES];
} answer;

// What a decoder may use beside its memory, found once: a child asks nobody.
typedef struct {
    uint64_t mapped;       // address space of the warm parent, and so of its children
    uint32_t confinement;  // nr_confinement, as far as it is the parent's to give
} surroundings;

// The warm parent gives up what neither it nor a child has a use for: files, sockets, programs. Where the kernel has no such
// thing, the night goes on without it (doctor says so); where it has and refuses, something is wrong.
static int confine_parent(surroundings *around) {
    around->mapped = nr_address_space();
    around->confinement = (uint32_t)nr_landlock_version() & NR_LANDLOCK_VERSION;
    return nr_confine(NR_CALLS_FORKING);
}

// Takes away what decoding has no use for: from here on, the child needs its memory and two open descriptors alone.
static int confine(const nr_decoder_request *request, surroundings *around) {
    uint64_t memory = around->mapped + request->planes_bytes + request->memory_bytes;
    int error = nr_set_limit(RLIMIT_CORE, 0, 0);
    if (error == 0) error = nr_set_limit(RLIMIT_FSIZE, 0, 0);
    // No child of its own could outlive it; the filter below says the same to root, whom this does not bind.
    if (error == 0) error = nr_set_limit(RLIMIT_NPROC, 0, 0);
    uint64_t processor = (uint64_t)request->cpu_seconds * request->scans_per_child;
    if (error == 0) error = nr_set_limit(RLIMIT_CPU, processor, processor + 1);
    if (error == 0) error = nr_set_limit(RLIMIT_AS, memory, memory);
    if (error == 0 && nr_can_filter_calls()) {
        error = nr_filter_calls(request->scans_per_child == 1 ? NR_CALLS_COMPUTING : NR_CALLS_ANSWERING);
        if (error == 0) around->confinement |= NR_CALLS_FILTERED;
    }
    return error;
}

static void refuse(answer *out, uint32_t kind, const char *message) {
    out->reply.status = NR_DECODER_REFUSED;
    out->reply.payload = sizeof(nr_scan) + sizeof(nr_failure);
    memset(&out->failure, 0, sizeof(nr_failure));
    out->failure.kind = kind;
    strncpy(out->failure.message, message, sizeof out->failure.message - 1);
}

// In the child: decodes one scan, and leaves what it says of it in `out`.
static void decode(const nr_decoder_request *request, const int fds[2], const surroundings *around, answer *out) {
    uint8_t *planes = mmap(NULL, request->planes_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fds[1], 0);
    if (planes == MAP_FAILED) {
        refuse(out, NR_NO_MEMORY, "the memory for decoded samples could not be mapped");
    } else {
        nr_misbehave_if_asked(fds[0]);
        nr_result result = {.frames = out->frames, .tones = out->tones};
        int kind = nr_decode(fds[0], &request->limits, &request->slicing, &request->least, planes, request->planes_bytes,
                             &result);
        out->scan = result.scan;
        if (kind == NR_OK) {
            out->reply.status = NR_DECODER_DECODED;
            out->reply.format = result.format;
            out->reply.frame_count = result.frame_count;
            out->reply.tone_count = result.tone_count;
            out->reply.payload =
                (uint32_t)(sizeof(nr_scan) + result.frame_count * sizeof(nr_frame) + result.tone_count * sizeof(nr_tone));
        } else {
            result.failure.message[sizeof result.failure.message - 1] = 0;
            refuse(out, (uint32_t)kind, result.failure.message);
        }
        if (request->scans_per_child > 1) munmap(planes, request->planes_bytes);
    }
    out->reply.detail = around->confinement;
    out->reply.token = request->token;
    out->reply.magic = NR_DECODER_REPLY_MAGIC;
    out->reply.version = NR_DECODER_VERSION;
}

// Whether a reaped child's answer is one that may be passed on: its size is bounded and it is about this scan.
static int is_sound(const nr_decoder_reply *reply, uint64_t token) {
    if (reply->magic != NR_DECODER_REPLY_MAGIC || reply->token != token) return 0;
    if (reply->status == NR_DECODER_DECODED)
        return reply->frame_count >= 1 && reply->frame_count <= NR_DECODER_MAX_FRAMES && reply->tone_count >= 1 &&
               reply->tone_count <= reply->frame_count &&
               reply->payload == sizeof(nr_scan) + reply->frame_count * sizeof(nr_frame) + reply->tone_count * sizeof(nr_tone);
    return reply->status == NR_DECODER_REFUSED && reply->payload == sizeof(nr_scan) + sizeof(nr_failure);
}

// Sends an answer, then forgets it: the next scan's child shares this memory, and has no business with another patient.
static int send_and_forget(int socket, answer *out) {
    const nr_decoder_reply reply = out->reply;
    int decoded = reply.status == NR_DECODER_DECODED;
    struct { void *start; size_t bytes; } pieces[] = {
        {&out->reply, sizeof out->reply},
        {&out->scan, reply.payload ? sizeof out->scan : 0},
        {&out->failure, reply.payload && !decoded ? sizeof out->failure : 0},
        {out->frames, decoded ? reply.frame_count * sizeof(nr_frame) : 0},
        {out->tones, decoded ? reply.tone_count * sizeof(nr_tone) : 0},
    };
    int error = 0;
    for (size_t piece = 0; piece < sizeof pieces / sizeof *pieces && error == 0; piece++)
        if (pieces[piece].bytes > 0) error = nr_send(socket, pieces[piece].start, pieces[piece].bytes, NULL, 0, forever);
    // A child that died may have left anything anywhere: pages are given back rather than counted.
    if (madvise(out, sizeof *out, MADV_REMOVE) != 0) memset(out, 0, sizeof *out);
    return error;
}

// The next request with its two descriptors. ECONNRESET where the other end has closed the socket, EPROTO where it says what nobody may.
static int receive(int socket, nr_decoder_request *request, int fds[2]) {
    int error = nr_receive(socket, request, sizeof *request, fds, 2, forever);
    if (error != 0) return error;
    if (request->magic == NR_DECODER_REQUEST_MAGIC && request->version == NR_DECODER_VERSION && request->token != 0 &&
        request->limits.max_frames <= NR_DECODER_MAX_FRAMES && request->slicing.step != 0 && request->cpu_seconds != 0 &&
        request->scans_per_child >= 1 && request->scans_per_child <= NR_DECODER_MAX_SCANS_PER_CHILD)
        return 0;
    close(fds[0]);
    close(fds[1]);
    return EPROTO;
}

// The child of one scan: decodes and leaves.
static _Noreturn void decode_and_leave(int socket, const nr_decoder_request *request, const int fds[2],
                                       const surroundings *around, answer *out) {
    close(socket);
    decode(request, fds, around, out);
    _exit(0);
}

// The child of several: decodes and answers until it has had them all, refuses one, or nobody asks any more. What it was
// confined to is what its first request allowed, and later ones have to be content with.
static _Noreturn void decode_and_stay(int socket, nr_decoder_request request, int fds[2], const surroundings *around,
                                      answer *out) {
    const nr_decoder_request first = request;
    for (uint32_t left = first.scans_per_child;;) {
        decode(&request, fds, around, out);
        close(fds[0]);
        close(fds[1]);
        bool decoded = out->reply.status == NR_DECODER_DECODED;
        if (send_and_forget(socket, out) != 0 || !decoded || --left == 0) _exit(0);
        int error = receive(socket, &request, fds);
        if (error != 0) _exit(error == ECONNRESET ? 0 : 1);
        if (request.planes_bytes != first.planes_bytes || request.memory_bytes != first.memory_bytes ||
            request.cpu_seconds != first.cpu_seconds || request.scans_per_child != first.scans_per_child)
            _exit(1);
        out->at_work = request.token;
    }
}

// Decodes one scan in a child and closes `fds`, or hands that child the socket for several; `out` then holds what to answer, a token of 0 where the
// child has answered all by itself. Returns an errno value where the protocol was broken.
static int decode_in_child(int socket, const nr_decoder_request *request, int fds[2], surroundings around, answer *out) {
    memset(&out->reply, 0, sizeof out->reply);
    out->at_work = request->token;
    nr_decoder_reply reply = {.magic = NR_DECODER_REPLY_MAGIC, .version = NR_DECODER_VERSION, .token = request->token};
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) {
        if (nr_die_with(parent) != 0 || confine(request, &around) != 0) _exit(1);
        if (request->scans_per_child == 1) decode_and_leave(socket, request, fds, &around, out);
        decode_and_stay(socket, *request, fds, &around, out);
    }
    int unforked = errno;
    close(fds[0]);
    close(fds[1]);
    if (child < 0) {
        reply.status = NR_DECODER_NO_CHILD;
        reply.detail = (uint32_t)unforked;
    } else {
        int how = 0;
        while (waitpid(child, &how, 0) < 0 && errno == EINTR) {}
        // Copied before it is looked at, and every field that is passed on comes from the copy.
        nr_decoder_reply said = out->reply;
        if (request->scans_per_child > 1) {
            reply.token = out->at_work;
            said.magic = 0;  // what this child had to say, it has said
            if (reply.token == 0 && !WIFSIGNALED(how) && WEXITSTATUS(how) != 0) return EPROTO;
        }
        if (WIFSIGNALED(how)) {
            reply.status = NR_DECODER_SIGNALLED;
            reply.detail = (uint32_t)WTERMSIG(how);
        } else if (WEXITSTATUS(how) != 0 || !is_sound(&said, request->token)) {
            reply.status = NR_DECODER_EXITED;
            reply.detail = (uint32_t)WEXITSTATUS(how);
        } else {
            reply.status = said.status;
            reply.detail = said.detail;
            reply.format = said.format;
            reply.frame_count = said.frame_count;
            reply.tone_count = said.tone_count;
            reply.payload = said.payload;
        }
    }
    out->reply = reply;
    return 0;
}

int nr_decoder_loop(int socket) {
    nr_decoders_prepare();
    answer *out = mmap(NULL, sizeof *out, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (out == MAP_FAILED) return errno;
    surroundings around;
    int error = confine_parent(&around);
    while (error == 0) {
        nr_decoder_request request;
        int fds[2];
        error = receive(socket, &request, fds);
        if (error != 0) break;
        error = decode_in_child(socket, &request, fds, around, out);
        if (error == 0 && out->reply.token != 0) error = send_and_forget(socket, out);
    }
    munmap(out, sizeof *out);
    return error == ECONNRESET ? 0 : error;
}
