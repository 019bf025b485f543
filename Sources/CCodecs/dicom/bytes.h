// The bytes of a data set: those of the file, or what inflating them gives.
#ifndef NR_DICOM_BYTES_H
#define NR_DICOM_BYTES_H
#include <memory>
#include <vector>

#include <zlib.h>

#include "refusal.h"

namespace dicom {

class Bytes {
  public:
    virtual ~Bytes() = default;
    // Copies up to `count` bytes from `offset`; fewer only where the data end.
    virtual size_t read(void *into, size_t count, uint64_t offset) = 0;
    // A lower bound of the bytes that follow `offset`; 0 only at the end.
    virtual uint64_t available(uint64_t offset) = 0;
    // Whether any offset may be read at any time; otherwise ascending ones alone, apart from the last few kilobytes.
    virtual bool is_random_access() const = 0;
};

// The file itself. Small reads share one buffer, large ones go straight to their place.
class FileBytes final : public Bytes {
  public:
    explicit FileBytes(nr_source *source) : source_(source) {}
    size_t read(void *into, size_t count, uint64_t offset) override;
    uint64_t available(uint64_t offset) override { return offset < source_->size ? source_->size - offset : 0; }
    bool is_random_access() const override { return true; }

  private:
    static constexpr size_t window_size = 16 * 1024;
    nr_source *source_;
    std::unique_ptr<uint8_t[]> window_;
    uint64_t start_ = 0;
    size_t count_ = 0;
};

// What deflated bytes of the file from `offset` on give (PS3.5 A.5); without zlib's header. Never holds more than a window, so
// that a file which inflates to terabytes costs time alone.
class InflatedBytes final : public Bytes {
  public:
    InflatedBytes(nr_source *source, uint64_t offset);
    ~InflatedBytes() override;
    InflatedBytes(const InflatedBytes &) = delete;
    InflatedBytes &operator=(const InflatedBytes &) = delete;
    size_t read(void *into, size_t count, uint64_t offset) override;
    uint64_t available(uint64_t offset) override;
    bool is_random_access() const override { return false; }

  private:
    static constexpr size_t chunk = 64 * 1024;
    // Moves the window on until it holds a byte at `offset` or the data have ended.
    bool reach(uint64_t offset);
    void step();
    nr_source *source_;
    uint64_t position_;
    z_stream stream_{};
    std::vector<uint8_t> input_;
    std::vector<uint8_t> window_;  // two chunks: the one before stays readable
    uint64_t start_ = 0;           // of the window in the inflated bytes
    size_t count_ = 0;
    bool ended_ = false;
};

}  // namespace dicom

#endif
