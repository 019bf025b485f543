#include "bytes.h"

#include <algorithm>
#include <cstring>

namespace dicom {

size_t FileBytes::read(void *into, size_t count, uint64_t offset) {
    uint64_t left = available(offset);
    if (count > left) count = (size_t)left;
    if (count >= window_size) {
        size_t got = nr_source_read(source_, into, count, offset);
        if (got < count) refuse(nr_source_kind(source_, NR_IO), "the file cannot be read to its end");
        return got;
    }
    if (count == 0) return 0;
    if (offset < start_ || offset - start_ > count_ || count > count_ - (offset - start_)) {
        if (!window_) window_.reset(new uint8_t[window_size]);
        size_t wanted = (size_t)std::min<uint64_t>(window_size, left);
        start_ = offset;
        count_ = nr_source_read(source_, window_.get(), wanted, offset);
        if (count_ < wanted) refuse(nr_source_kind(source_, NR_IO), "the file cannot be read to its end");
    }
    memcpy(into, window_.get() + (offset - start_), count);
    return count;
}

InflatedBytes::InflatedBytes(nr_source *source, uint64_t offset)
    : source_(source), position_(offset), input_(chunk), window_(2 * chunk) {
    if (inflateInit2(&stream_, -MAX_WBITS) != Z_OK) refuse(NR_NO_MEMORY, "no memory to inflate its data set");
}

InflatedBytes::~InflatedBytes() { inflateEnd(&stream_); }

void InflatedBytes::step() {
    if (count_ > chunk) {
        const size_t past = count_ - chunk;
        memmove(window_.data(), window_.data() + past, chunk);
        start_ += past;
        count_ = chunk;
    }
    stream_.next_out = window_.data() + count_;
    stream_.avail_out = (uInt)(window_.size() - count_);
    const uInt room = stream_.avail_out;
    while (stream_.avail_out == room && !ended_) {
        if (stream_.avail_in == 0) {
            uint64_t left = position_ < source_->size ? source_->size - position_ : 0;
            size_t wanted = (size_t)std::min<uint64_t>(chunk, left);
            size_t got = wanted ? nr_source_read(source_, input_.data(), wanted, position_) : 0;
            if (got < wanted) refuse(nr_source_kind(source_, NR_IO), "the file cannot be read to its end");
            position_ += got;
            stream_.next_in = input_.data();
            stream_.avail_in = (uInt)got;
        }
        const bool at_end = stream_.avail_in == 0;
        int status = inflate(&stream_, Z_NO_FLUSH);
        if (status == Z_STREAM_END || (at_end && stream_.avail_out == room)) {
            ended_ = true;
        } else if (status == Z_MEM_ERROR) {
            refuse(NR_NO_MEMORY, "no memory to inflate its data set");
        } else if (status != Z_OK && status != Z_BUF_ERROR) {
            refuse(NR_CORRUPT, "its data set is not what deflating gives");
        }
    }
    count_ += room - stream_.avail_out;
}

bool InflatedBytes::reach(uint64_t offset) {
    if (offset < start_) refuse(NR_UNSUPPORTED, "its deflated data set is not in ascending order");
    while (offset >= start_ + count_) {
        if (ended_) return false;
        step();
    }
    return true;
}

size_t InflatedBytes::read(void *into, size_t count, uint64_t offset) {
    size_t done = 0;
    while (done < count && reach(offset + done)) {
        size_t at = (size_t)(offset + done - start_);
        size_t share = std::min(count - done, count_ - at);
        memcpy((uint8_t *)into + done, window_.data() + at, share);
        done += share;
    }
    return done;
}

uint64_t InflatedBytes::available(uint64_t offset) {
    // DCMTK asks for a whole element header at once.
    constexpr uint64_t header = 64;
    if (!reach(offset)) return 0;
    reach(offset + header - 1);
    return offset < start_ ? 0 : start_ + count_ - offset;
}

}  // namespace dicom
