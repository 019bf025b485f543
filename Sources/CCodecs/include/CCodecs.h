#ifndef CCODECS_H
#define CCODECS_H
#include "codec.h"
#include "decoder_loop.h"
#include "encode.h"
#include "versions.h"
#endif
