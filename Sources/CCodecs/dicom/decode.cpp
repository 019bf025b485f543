// DICOM through DCMTK and OpenJPEG (PS3.3, PS3.5, PS3.10): what of source.h is DICOM's.
#include <cstring>
#include <new>

#include <dcmtk/oflog/oflog.h>

#include "pixels.h"
#include "tones.h"

namespace {

using namespace dicom;

// Decodes frame `number` into its place.
class FrameDecoder {
  public:
    FrameDecoder(DataSet &data_set, const PixelElement &element, const FileHeader &header, const Picture &picture)
        : header_(header), picture_(picture) {
        if (header.coding == Coding::native) native_.reset(new NativePixels(data_set.bytes(), element, header, picture));
        else encapsulated_.reset(new EncapsulatedPixels(data_set, element, picture));
    }

    // May say in `bits` that the stream has more significant bits than the attributes.
    void decode(uint32_t number, const Target &target, uint32_t *bits) {
        if (native_) {
            native_->read(number, target);
            if (picture_.photometric == Photometric::ybrFull || picture_.photometric == Photometric::ybrFull422)
                convert_ybr(target.samples, picture_.pixels());
            return;
        }
        const std::vector<uint8_t> stream = encapsulated_->frame(number);
        uint32_t precision = 0;
        switch (header_.coding) {
        case Coding::rle:
            decode_rle(stream, picture_, target);
            if (picture_.is_ybr()) convert_ybr(target.samples, picture_.pixels());
            break;
        case Coding::deflatedFrames:
            decode_deflated(stream, picture_, target);
            if (picture_.is_ybr()) convert_ybr(target.samples, picture_.pixels());
            break;
        case Coding::jpeg: decode_jpeg(stream, picture_, target); break;
        case Coding::jpegLS: decode_jpeg_ls(stream, picture_, target); break;
        default: decode_jpeg2000(stream, picture_, target, &precision); break;
        }
        if (precision > *bits) *bits = precision;
    }

  private:
    const FileHeader &header_;
    const Picture &picture_;
    std::unique_ptr<NativePixels> native_;
    std::unique_ptr<EncapsulatedPixels> encapsulated_;
};

// Refused before the first is decoded rather than after the last that is allowed.
void check_frame_count(const Picture &picture, const nr_output *output) {
    uint32_t wanted = 0;
    for (uint32_t number = 0; number < picture.frames; number++)
        if (nr_output_wants(output, number, picture.frames) && ++wanted > output->limits->max_frames)
            refuse(NR_OVER_LIMIT, "expected at most %u frames, found %u", output->limits->max_frames, picture.frames);
}

void decode_frames(DataSet &data_set, const FileHeader &header, const PixelElement &element, nr_output *output) {
    const Picture picture = describe_picture(data_set.attributes(), header, element);
    output->result->scan.frames_in_file = picture.frames;
    if (header.coding == Coding::unknown)
        refuse(NR_UNSUPPORTED, "expected a transfer syntax that is read, found %s", in_message(header.transfer_syntax).c_str());
    // Over the limit by its own header: not even its fragments are looked for.
    if (picture.pixels() > output->limits->max_pixels)
        refuse(NR_OVER_LIMIT, "expected at most %llu pixels, found %u x %u", (unsigned long long)output->limits->max_pixels,
               picture.columns, picture.rows);
    FrameDecoder decoder(data_set, element, header, picture);
    check_frame_count(picture, output);
    Tones tones(data_set.attributes(), picture, output);

    nr_failure failure{};
    for (uint32_t number = 0; number < picture.frames; number++) {
        if (!nr_output_wants(output, number, picture.frames)) continue;
        nr_frame frame{};
        frame.width = picture.columns;
        frame.height = picture.rows;
        frame.channels = picture.samples;
        frame.sample = picture.sample_type();
        frame.bits = picture.stored;
        frame.flags = (picture.photometric == Photometric::monochrome1 ? (uint32_t)NR_MIN_IS_WHITE : 0) |
                      (picture.is_lossy ? (uint32_t)NR_LOSSY : 0);
        frame.orientation = 1;
        frame.number = number;
        frame.tone = tones.of_frame(number);
        Target target{};
        check(nr_output_place(output, &frame, &target.samples, &failure), failure);
        target.bytes = frame.bytes;
        decoder.decode(number, target, &frame.bits);
        nr_output_commit(output, &frame);
    }
}

void decode(nr_source *source, nr_output *output) {
    nr_decoders_prepare();
    const FileHeader header = read_file_header(source);
    DataSet data_set(source, header);
    try {
        data_set.read();
    } catch (...) {
        // A file that ends early still says whose it is.
        describe_scan(data_set.attributes(), header, &output->result->scan);
        throw;
    }
    describe_scan(data_set.attributes(), header, &output->result->scan);
    PixelElement element;
    if (!data_set.find_pixels(&element)) refuse_without_pixels(data_set.attributes(), header);
    decode_frames(data_set, header, element, output);
}

}  // namespace

int nr_decode_dicom(nr_source *source, nr_output *output, nr_failure *failure) {
    try {
        decode(source, output);
        return NR_OK;
    } catch (const Refusal &refusal) {
        *failure = refusal.failure;
        return (int)failure->kind;
    } catch (const std::bad_alloc &) {
        return nr_fail(failure, NR_NO_MEMORY, "DICOM: no memory to decode it");
    } catch (...) {
        return nr_fail(failure, NR_CORRUPT, "DICOM: cannot be decoded");
    }
}

void nr_decoders_prepare(void) {
    try {
        static const bool prepared = [] {
            // Whatever DCMTK has to say could quote a patient's name, and goes to standard error.
            OFLog::configure(OFLogger::OFF_LOG_LEVEL);
            // Attributes of unknown VR are what the dictionary says they are.
            dcmEnableUnknownVRConversion.set(OFTrue);
            return dcmDataDict.isDictionaryLoaded() == OFTrue;
        }();
        (void)prepared;
    } catch (...) {
        // Reading a file will say what is missing.
    }
}
