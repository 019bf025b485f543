// The compute kernels of the inference engine, of training and of preparation, in C, one table of functions per instruction set.
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "nr_convert.h"
#include "nr_kernels.h"
#include "nr_training.h"
#include "resize.h"
#include "tone_curve.h"

#endif
