// The most multiplications that this file's instruction can do: 12 sums in registers, nothing else. Included with vec, LANES,
// PAIR and vec_madd (accumulator += vector · vector).

static size_t peak(size_t rounds) {
    vec acc[12], x = (vec){0}, y = (vec){0};
    for (int i = 0; i < 12; i++) acc[i] = (vec){0};
    for (size_t n = 0; n < rounds; n++)
#pragma clang loop unroll(full)
        for (int i = 0; i < 12; i++) {
            // The compiler must not see that nothing is added.
            __asm__ volatile("" : VEC_CONSTRAINT(acc[i]), VEC_CONSTRAINT(x), VEC_CONSTRAINT(y));
            vec_madd(acc[i], x, y);
        }
    for (int i = 0; i < 12; i++) __asm__ volatile("" : VEC_CONSTRAINT(acc[i]));
    return rounds * 12 * LANES * PAIR;
}
