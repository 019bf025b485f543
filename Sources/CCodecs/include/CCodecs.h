#ifndef CCODECS_H
#define CCODECS_H
#include "codec.h"
#endif
