// Maps and matrices of floats: what the templates ask of an element.
#define NUMBER float
#define PAIR 1
#define widen(x) (x)
#define narrow(x) (x)
#define dw_element float
#define dw_store(target, y) (*(vec_u *)(target) = (y))
#define dw_stream(target, y) __builtin_nontemporal_store((y), (vec *)(target))
