// A warm parent that has not seen a byte of any scan forks a child per scan: whatever a scan does to its decoder ends with it.
//
// The child answers in a page of memory shared with the parent, not on the socket, which it closes first: it has no way to
// speak for a later scan. The parent reads that memory only after it has reaped the child, so nobody writes to it any more.
#define _GNU_SOURCE
#include "decoder_loop.h"

#include <CSystem.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "decoder_faults.h"

static const nr_patience forever = {.deadline = -1, .cancel = -1};

// What a child leaves behind. Pages that no scan needs are never touched.
typedef struct {
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
    if (error == 0) error = nr_set_limit(RLIMIT_CPU, request->cpu_seconds, (uint64_t)request->cpu_seconds + 1);
    if (error == 0) error = nr_set_limit(RLIMIT_AS, memory, memory);
    if (error == 0 && nr_can_filter_calls()) {
        error = nr_filter_calls(NR_CALLS_COMPUTING);
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

// The child: decodes and leaves. Never returns to the loop.
static _Noreturn void decode(const nr_decoder_request *request, int scan, int planes_fd, pid_t parent, surroundings around,
                             answer *out) {
    if (nr_die_with(parent) != 0 || confine(request, &around) != 0) _exit(1);
    uint8_t *planes = mmap(NULL, request->planes_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, planes_fd, 0);
    close(planes_fd);
    if (planes == MAP_FAILED) {
        refuse(out, NR_NO_MEMORY, "the memory for decoded samples could not be mapped");
    } else {
        nr_misbehave_if_asked(scan);
        nr_result result = {.frames = out->frames, .tones = out->tones};
        int kind = nr_decode(scan, &request->limits, &request->slicing, &request->least, planes, request->planes_bytes,
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
    }
    out->reply.detail = around.confinement;
    out->reply.token = request->token;
    out->reply.magic = NR_DECODER_REPLY_MAGIC;
    _exit(0);
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

// Decodes one scan in a child; `out` then holds what to answer.
static void decode_in_child(int socket, const nr_decoder_request *request, const int fds[2], const surroundings *around,
                            answer *out) {
    memset(&out->reply, 0, sizeof out->reply);
    nr_decoder_reply reply = {.magic = NR_DECODER_REPLY_MAGIC, .version = NR_DECODER_VERSION, .token = request->token};
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) {
        close(socket);
        decode(request, fds[0], fds[1], parent, *around, out);
    }
    if (child < 0) {
        reply.status = NR_DECODER_NO_CHILD;
        reply.detail = (uint32_t)errno;
    } else {
        int how = 0;
        while (waitpid(child, &how, 0) < 0 && errno == EINTR) {}
        // Copied before it is looked at, and every field that is passed on comes from the copy.
        nr_decoder_reply said = out->reply;
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

int nr_decoder_loop(int socket) {
    nr_decoders_prepare();
    answer *out = mmap(NULL, sizeof *out, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (out == MAP_FAILED) return errno;
    surroundings around;
    int error = confine_parent(&around);
    while (error == 0) {
        nr_decoder_request request;
        int fds[2];
        error = nr_receive(socket, &request, sizeof request, fds, 2, forever);
        if (error != 0) break;
        if (request.magic != NR_DECODER_REQUEST_MAGIC || request.version != NR_DECODER_VERSION ||
            request.limits.max_frames > NR_DECODER_MAX_FRAMES || request.slicing.step == 0 || request.cpu_seconds == 0)
            error = EPROTO;
        else
            decode_in_child(socket, &request, fds, &around, out);
        close(fds[0]);
        close(fds[1]);
        if (error == 0) error = send_and_forget(socket, out);
    }
    munmap(out, sizeof *out);
    return error == ECONNRESET ? 0 : error;
}
