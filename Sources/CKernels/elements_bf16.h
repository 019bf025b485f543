// Maps and matrices of bfloat16, two to a word: what the templates ask of an element.
#include "bf16.h"

#define NUMBER uint16_t
#define PAIR 2
#define widen(x) bf16_widen(x)
#define narrow(x) bf16_round(x)
#define dw_element uint16_t
#define dw_store(target, y) vec_store_bf16(target, y)
#define STORES_BF16 1
