// Which storage axis is which anatomical one. Apart from nifti.h, since libnifti's headers define much that others do not want.
#ifndef NR_NIFTI_ORIENTATION_H
#define NR_NIFTI_ORIENTATION_H
#include <nifti2_io.h>

#include "nifti.h"

// From the sform where there is one, else the qform, else storage order taken as left to right, back to front, feet to head.
int nr_nifti_orient(const nifti_image *image, nr_nifti_axis axes[3], nr_failure *failure);

#endif
