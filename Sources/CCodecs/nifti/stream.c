// The bytes of a NIfTI file in order, unpacked where it is gzip (one member or several); never more than is asked for.
#include <string.h>

#include "nifti.h"

typedef unsigned long long ull;

enum {
    discard_bytes = 16 * 1024,
    tail_bytes = 64 * 1024,  // how far behind the samples a gzip member's end, with its checksum, is looked for
};

// Keeps what has not been used and adds to it.
static void refill(nr_nifti_stream *stream) {
    z_stream *inflater = &stream->inflater;
    if (inflater->avail_in > 0) memmove(stream->input, inflater->next_in, inflater->avail_in);
    inflater->next_in = stream->input;
    size_t room = sizeof stream->input - inflater->avail_in;
    uint64_t left = stream->source->size - stream->input_offset;
    if (left < room) room = (size_t)left;
    if (room == 0) return;
    size_t got = nr_source_read(stream->source, stream->input + inflater->avail_in, room, stream->input_offset);
    stream->input_offset += got;
    inflater->avail_in += (uInt)got;
}

// After a member's end: goes on with the next one, where there is one. Whatever else follows is not gzip's.
static void next_member(nr_nifti_stream *stream) {
    z_stream *inflater = &stream->inflater;
    if (inflater->avail_in < 2) refill(stream);
    bool more = inflater->avail_in >= 2 && inflater->next_in[0] == 0x1f && inflater->next_in[1] == 0x8b;
    if (!more)
        stream->state = NR_STREAM_ENDED;
    else if (inflateReset(inflater) != Z_OK)
        stream->state = NR_STREAM_BROKEN;
}

static size_t unpack(nr_nifti_stream *stream, uint8_t *into, size_t count) {
    z_stream *inflater = &stream->inflater;
    size_t done = 0;
    while (done < count && stream->state == NR_STREAM_FLOWS) {
        if (inflater->avail_in == 0) refill(stream);
        uInt room = count - done < (1u << 30) ? (uInt)(count - done) : 1u << 30;
        inflater->next_out = into + done;
        inflater->avail_out = room;
        int status = inflate(inflater, Z_NO_FLUSH);
        done += room - inflater->avail_out;
        if (status == Z_STREAM_END)
            next_member(stream);
        else if (status == Z_BUF_ERROR)  // there is room, so it is input that is missing
            stream->state = NR_STREAM_CUT;
        else if (status != Z_OK)
            stream->state = status == Z_MEM_ERROR ? NR_STREAM_NO_MEMORY : NR_STREAM_BROKEN;
    }
    return done;
}

int nr_nifti_stream_open(nr_nifti_stream *stream, nr_source *source, nr_failure *failure) {
    stream->source = source;
    stream->position = stream->input_offset = 0;
    stream->state = NR_STREAM_FLOWS;
    stream->inflater = (z_stream){0};
    uint8_t magic[2] = {0};
    stream->packed = nr_source_read(source, magic, 2, 0) == 2 && magic[0] == 0x1f && magic[1] == 0x8b;
    if (stream->packed && inflateInit2(&stream->inflater, MAX_WBITS + 16) != Z_OK)  // + 16: gzip alone
        return nr_fail(failure, NR_NO_MEMORY, "NIfTI: no memory for the decoder of gzip");
    return NR_OK;
}

void nr_nifti_stream_close(nr_nifti_stream *stream) {
    if (stream->packed) inflateEnd(&stream->inflater);
}

size_t nr_nifti_stream_take(nr_nifti_stream *stream, uint8_t *into, size_t count) {
    size_t got = stream->packed ? unpack(stream, into, count) : nr_source_read(stream->source, into, count, stream->position);
    stream->position += got;
    return got;
}

static int fail(const nr_nifti_stream *stream, const char *what, nr_failure *failure) {
    if (stream->source->io_error)
        return nr_fail(failure, NR_IO, "NIfTI: cannot be read: %s", strerror(stream->source->io_error));
    if (stream->packed && stream->state == NR_STREAM_NO_MEMORY)
        return nr_fail(failure, NR_NO_MEMORY, "NIfTI: no memory for the decoder of gzip");
    if (stream->packed && stream->state == NR_STREAM_BROKEN)
        return nr_fail(failure, NR_CORRUPT, "NIfTI: %s (zlib, after byte %llu of the unpacked file)",
                       stream->inflater.msg ? stream->inflater.msg : "not a gzip stream", (ull)stream->position);
    if (stream->packed && stream->state == NR_STREAM_CUT)
        return nr_fail(failure, NR_TRUNCATED, "NIfTI: the gzip stream ends within %s, %llu bytes unpacked", what,
                       (ull)stream->position);
    return nr_fail(failure, NR_TRUNCATED, "NIfTI: ends within %s, after %llu bytes%s", what, (ull)stream->position,
                   stream->packed ? " unpacked" : "");
}

int nr_nifti_stream_read(nr_nifti_stream *stream, void *into, size_t count, const char *what, nr_failure *failure) {
    return nr_nifti_stream_take(stream, into, count) == count ? NR_OK : fail(stream, what, failure);
}

int nr_nifti_stream_skip(nr_nifti_stream *stream, uint64_t position, nr_failure *failure) {
    if (!stream->packed) stream->position = position;
    uint8_t discarded[discard_bytes];
    while (stream->position < position) {
        uint64_t left = position - stream->position;
        size_t count = left < sizeof discarded ? (size_t)left : sizeof discarded;
        int kind = nr_nifti_stream_read(stream, discarded, count, "what precedes the samples that are asked for", failure);
        if (kind != NR_OK) return kind;
    }
    return NR_OK;
}

int nr_nifti_stream_finish(nr_nifti_stream *stream, nr_failure *failure) {
    if (!stream->packed) return NR_OK;
    uint8_t discarded[discard_bytes];
    // zlib compares the checksum when it comes to a member's end; what may follow the samples has no end that we know of.
    for (size_t left = tail_bytes; left > 0 && stream->state == NR_STREAM_FLOWS; left -= discard_bytes)
        nr_nifti_stream_take(stream, discarded, discard_bytes);
    return stream->state == NR_STREAM_FLOWS || stream->state == NR_STREAM_ENDED ? NR_OK : fail(stream, "its checksum", failure);
}

bool nr_looks_like_gzipped_nifti(nr_source *source) {
    nr_nifti_stream stream;
    nr_failure ignored;
    if (nr_nifti_stream_open(&stream, source, &ignored) != NR_OK || !stream.packed) return false;
    uint8_t head[352];
    size_t count = nr_nifti_stream_take(&stream, head, sizeof head);
    bool cut = stream.state == NR_STREAM_CUT;
    nr_nifti_stream_close(&stream);
    if (count >= 348 && (memcmp(head + 344, "n+1", 4) == 0 || memcmp(head + 344, "ni1", 4) == 0)) return true;
    if (count >= 8 && (memcmp(head + 4, "n+2", 4) == 0 || memcmp(head + 4, "ni2", 4) == 0)) return true;
    if (nr_looks_like_analyze(head, count)) return true;
    // One that ends before it shows what it holds, such as a copy in progress, may be one.
    return (cut && count < 4) || nr_looks_like_cut_nifti(head, count);
}
