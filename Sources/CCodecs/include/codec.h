// What every decoder here takes and gives: an open descriptor and limits in, frames of plain samples out.
#ifndef NR_CODEC_H
#define NR_CODEC_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// File formats, recognised by content, never by name.
enum nr_format { NR_FORMAT_UNKNOWN = 0, NR_FORMAT_PNG = 1, NR_FORMAT_TIFF = 2, NR_FORMAT_DICOM = 3, NR_FORMAT_JPEG = 4, NR_FORMAT_NIFTI = 5 };

// Sample types; native byte order in memory.
enum nr_sample { NR_U8 = 1, NR_U16 = 2, NR_U32 = 3, NR_I8 = 4, NR_I16 = 5, NR_I32 = 6, NR_F32 = 7, NR_F64 = 8 };

enum nr_frame_flags {
    NR_MIN_IS_WHITE = 1,  // stored samples are inverted; preparation turns them, once
    NR_ALPHA = 2,         // the last channel is alpha; preparation leaves it out
    NR_LOSSY = 4,         // the file's compression was lossy
    NR_MEASURED = 8,      // gray samples are measurements (DICOM, NIfTI): their type's range is not what they are shown in
};

// One frame: samples interleaved as [height, width, channels], orientation already applied.
typedef struct {
    uint32_t width, height, channels;  // channels 1 gray, 2 gray + alpha, 3 RGB, 4 RGB + alpha
    uint32_t sample;                   // nr_sample
    uint32_t bits;                     // significant bits of a stored sample (1 … 64)
    uint32_t flags;                    // nr_frame_flags
    uint32_t orientation;              // the file's own tag (1 … 8), which has been applied
    uint32_t number;                   // of this frame in its file, from 0; frames come in ascending order
    uint32_t tone;                     // index into the tones
    // 1, or 2, 4, 8 where each pixel stands for so many of the file's in either direction; of those of the last stored column and row,
    // some may lie beyond the file's.
    uint8_t reduction;
    uint8_t missing_columns, missing_rows;  // the file's size is width * reduction - missing_columns, and so on; less than reduction
    uint8_t reserved;                  // 0
    uint64_t offset;                   // of the first sample from the start of the planes, multiple of 64
    uint64_t bytes;                    // height * width * channels * size of sample
} nr_frame;

// A lookup table: entry i stands for the value first + i; values before and after take the first and the last entry.
typedef struct {
    uint64_t offset;  // of the entries from the start of the planes, multiple of 64: uint16_t, native byte order
    uint32_t count;   // of entries, 0: there is no table, 65,536 at most
    int32_t first;    // the value that entry 0 stands for
    uint32_t bits;    // of an entry, 1 … 16: 2^bits - 1 is full
    uint32_t reserved;
} nr_lut;

// How windows make intensities of modality values (DICOM PS3.3 C.11.2.1).
enum nr_voi_function { NR_VOI_LINEAR = 0, NR_VOI_LINEAR_EXACT = 1, NR_VOI_SIGMOID = 2 };

enum { NR_MAX_WINDOWS = 8 };

typedef struct {
    double center, width;  // of modality values, finite, width over 0
    char explanation[64];  // UTF-8, terminated; empty where the file has none
} nr_window;

// What stored samples mean: stored → modality value (or colour) → intensity. Frames of one file may share one.
typedef struct {
    double slope, intercept;  // modality value = stored * slope + intercept; 1 and 0 where the file says nothing
    nr_lut modality;          // where there is one, it stands instead of slope and intercept
    nr_lut voi;               // of modality values
    nr_lut palette[3];        // red, green, blue of stored samples; all three or none, and then channels is 1
    uint32_t function;        // nr_voi_function
    uint32_t window_count;
    nr_window windows[NR_MAX_WINDOWS];  // in the file's order
} nr_tone;

// What a file says of itself and of whom it shows. Texts are terminated, empty where the file says nothing.
typedef struct {
    uint32_t frames_in_file;  // of which only some may have been asked for; 0 where not known
    uint32_t reserved;        // 0
    double row_spacing, column_spacing;  // millimetres between the centres of neighbouring rows and columns, 0: not known
    char compression[72];     // in the format's own words; DICOM: the transfer syntax UID
    char patient[256];        // PatientID, as bytes
    char patient_issuer[256]; // IssuerOfPatientID, as bytes
    char study_uid[72], series_uid[72], instance_uid[72];
    char modality[24], body_part[24], laterality[24], view[24];
    char acquisition_date[16];  // YYYYMMDD
} nr_scan;

// Which frames of a file with several are decoded, and how a volume is cut into frames.
enum nr_slice_axis { NR_AXIAL = 0, NR_CORONAL = 1, NR_SAGITTAL = 2 };
enum nr_slice_rule { NR_SLICES_ALL = 0, NR_SLICES_MIDDLE = 1, NR_SLICES_EVERY = 2 };
typedef struct {
    uint32_t axis;  // nr_slice_axis; of volumes alone
    uint32_t rule;  // nr_slice_rule: all frames, frame ⌊count / 2⌋ (of volumes over time: of the middle one), or every `step`-th from
                    // the first
    uint32_t step;  // at least 1
    uint32_t reserved;
} nr_slicing;

// The smallest size that a picture's sides may be reduced to in decoding, where its format can do so for less work than all of it takes
// (JPEG: to a half, a quarter or an eighth); 0: that side does not matter. Both 0: nothing is reduced.
typedef struct {
    uint32_t shorter, longer;
} nr_least_size;

// Limits that are checked before memory is taken.
typedef struct {
    uint64_t max_pixels;      // of one frame
    uint64_t max_plane_bytes; // of all frames together
    uint64_t max_file_bytes;
    uint32_t max_frames;
    uint32_t reserved;        // 0
} nr_limits;

enum nr_failure_kind {
    NR_OK = 0,
    NR_EMPTY = 1,         // no bytes at all
    NR_UNRECOGNISED = 2,  // none of the formats
    NR_TRUNCATED = 3,     // ends before its data does
    NR_CORRUPT = 4,       // contradicts itself or its standard
    NR_UNSUPPORTED = 5,   // well-formed, but a variant that is not read
    NR_OVER_LIMIT = 6,    // larger than the limits allow
    NR_NO_MEMORY = 7,
    NR_IO = 8,            // the descriptor could not be read
    NR_NO_PICTURE = 9,    // well-formed, but holds no picture: a report, a plan, a directory
};

typedef struct {
    uint32_t kind;       // nr_failure_kind
    char message[244];   // UTF-8, what was expected and what was found; always terminated
} nr_failure;

// What a decoder found.
typedef struct {
    uint32_t format;                        // nr_format
    uint32_t frame_count, tone_count;       // 0 where decoding failed
    nr_frame *frames;                       // the caller's, room for limits->max_frames
    nr_tone *tones;                         // the caller's, room for limits->max_frames
    nr_scan scan;                           // filled as far as the decoder came, also where it failed
    nr_failure failure;
} nr_result;

// Decodes the file behind `fd` (read from its start, whatever its offset) into `planes`, reduced as far as `least` allows.
// Returns NR_OK, or the failure's kind with `result->failure` filled. Set up what is worth doing once beforehand, with
// nr_decoders_prepare.
int nr_decode(int fd, const nr_limits *limits, const nr_slicing *slicing, const nr_least_size *least, uint8_t *planes,
              size_t planes_capacity, nr_result *result);

// Loads what decoders need from elsewhere (DICOM's data dictionary), so that a process may give up its rights afterwards.
// May be called more than once; nr_decode works without, if it still may open files.
void nr_decoders_prepare(void);

#ifdef __cplusplus
}
#endif

#endif
