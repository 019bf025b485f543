// Which way a volume lies in the patient, as libnifti has it from sform or qform.
#include "orientation.h"

// Whether `matrix` says where three independent directions point.
static bool orient(nifti_dmat44 matrix, nr_nifti_axis axes[3]) {
    // libnifti squares these: what it cannot take the length of, it would pass over in silence.
    for (int row = 0; row < 3; row++)
        for (int column = 0; column < 3; column++)
            if (!isfinite(matrix.m[row][column]) || fabs(matrix.m[row][column]) > 1e15) return false;
    int codes[3];
    nifti_dmat44_to_orientation(matrix, &codes[0], &codes[1], &codes[2]);
    unsigned found = 0;
    for (uint32_t storage = 0; storage < 3; storage++) {
        int code = codes[storage];
        if (code < NIFTI_L2R || code > NIFTI_S2I) return false;
        // Left to right, right to left, posterior to anterior, and so on: two codes for each anatomical axis.
        axes[(code - 1) / 2] = (nr_nifti_axis){storage, (code - 1) % 2 == 1};
        found |= 1u << (code - 1) / 2;
    }
    return found == 7;
}

int nr_nifti_orient(const nifti_image *image, nr_nifti_axis axes[3], nr_failure *failure) {
    bool has_sform = image->sform_code > 0, has_qform = image->qform_code > 0;
    if (has_sform && orient(image->sto_xyz, axes)) return NR_OK;
    if (has_qform && orient(image->qto_xyz, axes)) return NR_OK;
    // A picture of unknown sides is worse than none; but a file that claims nothing is taken as the standard's axes are named.
    if (has_sform || has_qform)
        return nr_fail(failure, NR_CORRUPT, "NIfTI: expected %s that points in three directions, found one that does not",
                       has_sform ? "an sform" : "a qform");
    for (uint32_t axis = 0; axis < 3; axis++) axes[axis] = (nr_nifti_axis){axis, false};
    return NR_OK;
}
