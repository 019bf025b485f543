// Zip archives over libzip: entries by number, unpacked to exactly the size that the directory promised.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "failure.h"

struct nr_zip {
    zip_t *archive;
    uint64_t count;
};

int nr_zip_open(const void *bytes, size_t count, nr_zip **out, nr_container_failure *failure) {
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t *source = zip_source_buffer_create(bytes, count, 0, &error);
    zip_t *archive = source != NULL ? zip_open_from_source(source, ZIP_RDONLY, &error) : NULL;
    if (archive == NULL) {
        nr_fail(failure, "not a whole zip archive: %s", zip_error_strerror(&error));
        if (source != NULL) zip_source_free(source);
        zip_error_fini(&error);
        return 0;
    }
    zip_error_fini(&error);
    zip_int64_t entries = zip_get_num_entries(archive, 0);
    if (entries < 0 || entries > NR_ZIP_MAX_ENTRIES) {
        zip_discard(archive);
        return nr_fail(failure, "a zip archive of %lld entries: expected at most %d", (long long)entries, NR_ZIP_MAX_ENTRIES);
    }
    nr_zip *zip = malloc(sizeof *zip);
    if (zip == NULL) {
        zip_discard(archive);
        return nr_fail(failure, "out of memory");
    }
    zip->archive = archive;
    zip->count = (uint64_t)entries;
    *out = zip;
    return 1;
}

void nr_zip_close(nr_zip *zip) {
    if (zip == NULL) return;
    zip_discard(zip->archive);
    free(zip);
}

uint64_t nr_zip_count(const nr_zip *zip) { return zip->count; }

int nr_zip_entry(const nr_zip *zip, uint64_t index, const char **name, uint64_t *size, nr_container_failure *failure) {
    zip_stat_t stat;
    zip_stat_init(&stat);
    if (index >= zip->count || zip_stat_index(zip->archive, index, 0, &stat) != 0 || stat.name == NULL)
        return nr_fail(failure, "entry %llu of the archive cannot be found: %s", (unsigned long long)index,
                       zip_strerror(zip->archive));
    if (!(stat.valid & ZIP_STAT_SIZE)) return nr_fail(failure, "entry %s of the archive has no size", stat.name);
    if ((stat.valid & ZIP_STAT_ENCRYPTION_METHOD) && stat.encryption_method != ZIP_EM_NONE)
        return nr_fail(failure, "entry %s of the archive is encrypted", stat.name);
    *name = stat.name;
    *size = stat.size;
    return 1;
}

int nr_zip_read(const nr_zip *zip, uint64_t index, void *into, size_t count, nr_container_failure *failure) {
    const char *name = zip_get_name(zip->archive, index, 0);
    zip_file_t *file = zip_fopen_index(zip->archive, index, 0);
    if (file == NULL)
        return nr_fail(failure, "entry %s of the archive cannot be opened: %s", name ? name : "?", zip_strerror(zip->archive));
    char *target = into;
    size_t done = 0;
    int isWhole = 1;
    while (isWhole && done < count) {
        zip_int64_t got = zip_fread(file, target + done, count - done);
        if (got <= 0)
            isWhole = nr_fail(failure, "entry %s of the archive is cut short or damaged: expected %zu bytes, found %zu (%s)",
                              name ? name : "?", count, done, got < 0 ? zip_file_strerror(file) : "its end");
        else
            done += (size_t)got;
    }
    // The read after the last byte is the one that compares the CRC.
    char extra;
    if (isWhole) {
        zip_int64_t more = zip_fread(file, &extra, 1);
        if (more != 0)
            isWhole = nr_fail(failure, "entry %s of the archive is damaged: %s", name ? name : "?",
                              more > 0 ? "it is longer than the archive says" : zip_file_strerror(file));
    }
    zip_fclose(file);
    return isWhole;
}
