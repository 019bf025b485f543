#include "data_set.h"

#include <algorithm>
#include <cstring>

namespace dicom {

namespace {

// Values up to this size are read with the attributes, longer ones when they are asked for.
constexpr Uint32 value_limit = 64 * 1024;
// Bytes of attributes of a deflated file, which all have to be held, and elements of any file.
constexpr uint64_t attribute_limit = 64 << 20;
constexpr uint64_t element_limit = 4'000'000;
// DCMTK reads nested sequences by recursion and has no limit of its own: about 150 levels, where real files have less than ten.
constexpr uintptr_t stack_limit = 160 * 1024;

// The first attribute that is not read through DCMTK: group 7FE0 holds the pixels.
const DcmTagKey pixel_group(0x7fe0, 0x0000);

}  // namespace

// DCMTK's way to the bytes, which must not be one by path.
class DataSet::Stream final : public DcmInputStream {
  public:
    enum class Trouble { none, too_deep, too_many, too_large };

    Stream(Bytes &bytes, uint64_t start, bool is_nested = false)
        : DcmInputStream(&producer_), producer_(bytes, start), is_nested_(is_nested) {
        producer_.stack = (uintptr_t)__builtin_frame_address(0);
    }

    // Every element header is marked before it is read.
    void mark() override {
        if (!is_nested_ && ++producer_.elements > element_limit) producer_.stop(Trouble::too_many);
        mark_ = producer_.position;
        DcmInputStream::mark();
    }

    // Asked for where a value is longer than value_limit. What was deflated has to be read at once, and DCMTK takes memory for it first:
    // for all that the header announces, whatever follows.
    DcmInputStreamFactory *newFactory() const override {
        if (producer_.bytes.is_random_access()) return new Factory(producer_.bytes, producer_.position);
        if (producer_.announced() > attribute_limit) producer_.stop(Trouble::too_large);
        return nullptr;
    }

    uint64_t marked() const { return mark_; }
    Trouble trouble() const { return producer_.trouble; }
    bool reached_end() { return producer_.bytes.available(producer_.position) == 0; }
    // Refusals must not be thrown through DCMTK, which would leak; this is where they wait.
    std::unique_ptr<Refusal> refusal() { return std::move(producer_.refusal); }

  private:
    class Producer final : public DcmProducer {
      public:
        Producer(Bytes &bytes, uint64_t start) : bytes(bytes), position(start) {}

        OFBool good() const override { return !stopped; }
        OFCondition status() const override { return stopped ? EC_InvalidStream : EC_Normal; }
        OFBool eos() override { return available() == 0; }

        offile_off_t avail() override { return (offile_off_t)std::min<uint64_t>(available(), INT64_MAX); }

        offile_off_t read(void *buffer, offile_off_t count) override {
            if (count <= 0 || available() == 0) return 0;
            size_t got = 0;
            try {
                got = bytes.read(buffer, (size_t)count, position);
            } catch (const Refusal &thrown) {
                keep(thrown);
            }
            position += got;
            return (offile_off_t)got;
        }

        offile_off_t skip(offile_off_t count) override {
            if (count <= 0) return 0;
            if (bytes.is_random_access()) {
                uint64_t share = std::min<uint64_t>((uint64_t)count, available());
                position += share;
                return (offile_off_t)share;
            }
            uint8_t passed[4096];
            offile_off_t done = 0;
            while (done < count) {
                offile_off_t got = read(passed, std::min<offile_off_t>(sizeof passed, count - done));
                if (got <= 0) break;
                done += got;
            }
            return done;
        }

        void putback(offile_off_t count) override {
            if (count < 0 || (uint64_t)count > position) stop(Trouble::too_large);
            else position -= (uint64_t)count;
        }

        void stop(Trouble why) {
            stopped = true;
            if (trouble == Trouble::none) trouble = why;
        }

        // The length of the value that comes next: the last four bytes of its header, in the explicit, little-endian form that
        // long values of a deflated data set have (PS3.5 7.1.2).
        uint64_t announced() {
            uint8_t length[4] = {};
            try {
                if (position >= 4) bytes.read(length, sizeof length, position - 4);
            } catch (const Refusal &thrown) {
                keep(thrown);
            }
            return (uint64_t)length[3] << 24 | (uint64_t)length[2] << 16 | (uint64_t)length[1] << 8 | length[0];
        }

        Bytes &bytes;
        uint64_t position;
        uint64_t elements = 0;
        uintptr_t stack = 0;
        bool stopped = false;
        Trouble trouble = Trouble::none;
        std::unique_ptr<Refusal> refusal;

      private:
        void keep(const Refusal &thrown) {
            stopped = true;
            if (!refusal) refusal.reset(new Refusal(thrown));
        }

        uint64_t available() {
            uintptr_t now = (uintptr_t)__builtin_frame_address(0), depth = now < stack ? stack - now : now - stack;
            if (depth > stack_limit) stop(Trouble::too_deep);
            if (!bytes.is_random_access() && position > attribute_limit) stop(Trouble::too_large);
            if (stopped) return 0;
            try {
                return bytes.available(position);
            } catch (const Refusal &thrown) {
                keep(thrown);
                return 0;
            }
        }
    };

    // Where a long value is, for when it is asked for.
    class Factory final : public DcmInputStreamFactory {
      public:
        Factory(Bytes &bytes, uint64_t start) : bytes_(bytes), start_(start) {}
        DcmInputStream *create() const override { return new Stream(bytes_, start_, true); }
        DcmInputStreamFactory *clone() const override { return new Factory(bytes_, start_); }
        // What it is like, for there is no name for it.
        DcmInputStreamFactoryType ident() const override { return DFT_DcmInputFileStreamFactory; }

      private:
        Bytes &bytes_;
        uint64_t start_;
    };

    mutable Producer producer_;  // whose factory is asked for through a constant stream
    bool is_nested_;
    uint64_t mark_ = 0;
};

DataSet::DataSet(nr_source *source, const FileHeader &header) : header_(header), data_set_(new DcmDataset) {
    if (header.is_deflated) bytes_.reset(new InflatedBytes(source, header.start));
    else bytes_.reset(new FileBytes(source));
    stream_.reset(new Stream(*bytes_, header.is_deflated ? 0 : header.start));
}

// Values that are read later keep a reference to the bytes.
DataSet::~DataSet() { data_set_.reset(); }

void DataSet::read() {
    const E_TransferSyntax syntax = !header_.is_explicit ? EXS_LittleEndianImplicit
                                    : header_.is_big_endian ? EXS_BigEndianExplicit
                                                            : EXS_LittleEndianExplicit;
    if (!header_.is_explicit && !dcmDataDict.isDictionaryLoaded())
        refuse(NR_UNSUPPORTED, "expected DCMTK's data dictionary, which implicit VR cannot be read without");
    data_set_->transferInit();
    OFCondition status = data_set_->readUntilTag(*stream_, syntax, EGL_noChange, value_limit, pixel_group);
    // Where DCMTK stops at the pixels, it has read their header and no more. Where it met the end instead, the last header may be
    // one within a sequence, such as that of an icon.
    has_more_ = status.good() && !stream_->reached_end();
    stop_ = stream_->marked();
    if (auto refusal = stream_->refusal()) throw *refusal;
    switch (stream_->trouble()) {
    case Stream::Trouble::none: break;
    case Stream::Trouble::too_deep: refuse(NR_CORRUPT, "expected sequences within sequences to end, found too many");
    case Stream::Trouble::too_many:
        refuse(NR_OVER_LIMIT, "expected at most %llu attributes, found more", (unsigned long long)element_limit);
    case Stream::Trouble::too_large:
        refuse(NR_OVER_LIMIT, "expected at most %llu bytes of deflated attributes, found more",
               (unsigned long long)attribute_limit);
    }
    if (status.bad() && status != EC_EndOfStream) {
        if (status == EC_MemoryExhausted) refuse(NR_NO_MEMORY, "no memory for its attributes");
        if (stream_->reached_end() || status == EC_StreamNotifyClient)
            refuse(NR_TRUNCATED, "ends within its attributes");
        // DCMTK's texts name tags, never values.
        refuse(NR_CORRUPT, "its attributes cannot be read: %s", status.text());
    }
}

bool DataSet::find_pixels(PixelElement *pixels) {
    const bool big = header_.is_big_endian;
    auto number16 = [big](const uint8_t *at) { return (uint16_t)(big ? at[0] << 8 | at[1] : at[1] << 8 | at[0]); };
    auto number32 = [&](const uint8_t *at) {
        uint32_t first = number16(at), second = number16(at + 2);
        return big ? first << 16 | second : second << 16 | first;
    };
    if (!has_more_) return false;
    uint64_t at = stop_;
    for (;;) {
        uint8_t header[12] = {};
        if (bytes_->available(at) < 8) return false;
        size_t got = bytes_->read(header, sizeof header, at);
        if (got < 8) return false;
        DcmTagKey tag(number16(header), number16(header + 2));
        if (tag.getGroup() != 0x7fe0) return false;
        bool is_long = true;
        uint64_t size = 8, length;
        if (!header_.is_explicit) {
            length = number32(header + 4);
        } else {
            static const char *const short_ones[] = {"UL", "US", "SS", "SL", "FL", "FD", "LO", "SH", "CS", "IS", "DS", "ST", "LT",
                                                     "UI", "AE", "AS", "AT", "DA", "DT", "PN", "TM"};
            for (const char *vr : short_ones) is_long = is_long && memcmp(header + 4, vr, 2) != 0;
            if (is_long && got < 12) return false;
            length = is_long ? number32(header + 8) : number16(header + 6);
            size = is_long ? 12 : 8;
        }
        const bool undefined = (!header_.is_explicit || is_long) && length == 0xffffffff;
        if (tag == DCM_PixelData || tag == DCM_FloatPixelData || tag == DCM_DoubleFloatPixelData) {
            pixels->tag = tag;
            pixels->is_other_word = !header_.is_explicit || memcmp(header + 4, "OW", 2) == 0;
            pixels->has_undefined_length = undefined;
            pixels->length = undefined ? 0 : length;
            pixels->start = at + size;
            return true;
        }
        if (undefined) refuse(NR_UNSUPPORTED, "expected pixel data, found an attribute of undefined length before them");
        if (tag == DCM_ExtendedOffsetTable) read_extended_offsets(at + size, length);
        at += size + length;
    }
}

void DataSet::read_extended_offsets(uint64_t start, uint64_t length) {
    if (header_.is_big_endian || length % 8 != 0 || length / 8 > element_limit || length > bytes_->available(start)) return;
    extended_offsets_.resize((size_t)(length / 8));
    std::vector<uint8_t> stored((size_t)length);
    bytes_->read(stored.data(), stored.size(), start);
    for (size_t index = 0; index < extended_offsets_.size(); index++) {
        uint64_t offset = 0;
        for (size_t byte = 8; byte > 0; byte--) offset = offset << 8 | stored[index * 8 + byte - 1];
        extended_offsets_[index] = offset;
    }
}

}  // namespace dicom
