// Reads a file's attributes through DCMTK, and says where its pixels start.
#ifndef NR_DICOM_DATA_SET_H
#define NR_DICOM_DATA_SET_H
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include "bytes.h"

namespace dicom {

// How pixel data are stored (PS3.5 Annex A).
enum class Coding { native, rle, jpeg, jpegLS, jpeg2000, deflatedFrames, unknown };

// What the file meta information says, or what the bytes themselves say where there is none (PS3.10 7.1).
struct FileHeader {
    std::string transfer_syntax;  // empty where the file does not say
    std::string media_class;      // MediaStorageSOPClassUID
    uint64_t start = 0;           // of the data set in the file
    bool is_explicit = true, is_big_endian = false, is_deflated = false;
    Coding coding = Coding::native;
};

FileHeader read_file_header(nr_source *source);

// The attribute that holds pixels.
struct PixelElement {
    DcmTagKey tag;
    bool is_other_word = false;  // its VR is OW
    bool has_undefined_length = false;
    uint64_t length = 0;
    uint64_t start = 0;  // of its value
};

// Attributes before the pixels, as far as they could be read.
class DataSet {
  public:
    DataSet(nr_source *source, const FileHeader &header);
    ~DataSet();
    DataSet(const DataSet &) = delete;
    DataSet &operator=(const DataSet &) = delete;

    // Throws where the attributes end early or are not what their transfer syntax says. What was read before can still be
    // looked at.
    void read();
    // Where the pixels are; false where there are none. Read before.
    bool find_pixels(PixelElement *pixels);

    DcmItem &attributes() { return *data_set_; }
    Bytes &bytes() { return *bytes_; }
    // Offsets of frames that stand beside the pixels (PS3.3 C.7.6.3.1.8), empty where there are none.
    const std::vector<uint64_t> &extended_offsets() const { return extended_offsets_; }

  private:
    class Stream;
    void read_extended_offsets(uint64_t start, uint64_t length);
    FileHeader header_;
    std::unique_ptr<Bytes> bytes_;
    std::unique_ptr<Stream> stream_;
    std::unique_ptr<DcmDataset> data_set_;
    std::vector<uint64_t> extended_offsets_;
    bool has_more_ = false;
    uint64_t stop_ = 0;  // where the first element that is not an attribute before the pixels starts
};

}  // namespace dicom

#endif
