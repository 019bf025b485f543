// One tile of a matrix product: ROWS × VECTORS vectors held in registers, written once for every shape.
// Included with TILE (its name), ROWS, VECTORS and the vector type's vec, vec_u, vec_swish, vec_sigmoid, vec_relu,
// vec_madd_row1, vec_madd_row2 (accumulators += scalar in memory · vectors), LANES.

static inline __attribute__((always_inline)) vec TILE_NAME(activate, TILE)(vec x, int activation) {
    switch (activation) {
    case NR_SWISH: return vec_swish(x);
    case NR_RELU: return vec_relu(x);
    case NR_SIGMOID: return vec_sigmoid(x);
    default: return x;
    }
}

static inline __attribute__((always_inline)) void TILE_NAME(store, TILE)(
    const nr_gemm *g, vec acc[ROWS][VECTORS], int row, int column, int activation) {
#pragma clang loop unroll(full)
    for (int m = 0; m < ROWS; m++) {
        const ptrdiff_t offset = (g->c_offsets ? g->c_offsets[row + m] : (row + m) * g->c_row) + column;
#pragma clang loop unroll(full)
        for (int v = 0; v < VECTORS; v++) {
            vec y = TILE_NAME(activate, TILE)(acc[m][v], activation);
            if (g->residual) y += *(const vec_u *)(g->residual + offset + v * LANES);
            *(vec_u *)(g->c + offset + v * LANES) = y;
        }
    }
}

// acc += one column of a times one row of the panel. A multiplication is one piece to the compiler (vec_madd_row): given the
// choice it loads many values of a ahead and spills the accumulators.
static inline __attribute__((always_inline)) void TILE_NAME(step, TILE)(
    vec acc[ROWS][VECTORS], const float *const rows[(ROWS + 2) / 3], ptrdiff_t step, ptrdiff_t lda, const float *w) {
    vec b[VECTORS];
#pragma clang loop unroll(full)
    for (int v = 0; v < VECTORS; v++) b[v] = *(const vec_u *)(w + v * LANES);
#pragma clang loop unroll(full)
    for (int m = 0; m < ROWS; m++) {
        const float *value = rows[m / 3] + step + m % 3 * lda;
#if VECTORS == 2
        vec_madd_row2(acc[m][0], acc[m][1], *value, b[0], b[1]);
#else
        vec_madd_row1(acc[m][0], *value, b[0]);
#endif
    }
}

static void TILE(const nr_gemm *g, const float *w, int row, int column) {
    vec acc[ROWS][VECTORS];
#pragma clang loop unroll(full)
    for (int m = 0; m < ROWS; m++)
#pragma clang loop unroll(full)
        for (int v = 0; v < VECTORS; v++) acc[m][v] = *(const vec_u *)(g->bias + column + v * LANES);

    const ptrdiff_t lda = g->a_row;
    const float *a = g->a + row * lda;
    const int depth = g->depth;
    // Three rows share a pointer: x86 addresses base, base + lda and base + 2 · lda without further registers.
    const float *rows[(ROWS + 2) / 3];
#pragma clang loop unroll(full)
    for (int i = 0; i < (ROWS + 2) / 3; i++) rows[i] = a + 3 * i * lda;

    if (ROWS == 1 && !g->a_steps) {
        // A single row would wait for its own sums; four partial sums keep the multipliers busy.
        vec part[3][VECTORS];
        for (int p = 0; p < 3; p++)
            for (int v = 0; v < VECTORS; v++) part[p][v] = (vec){0};
        int k = 0;
        for (; k + 4 <= depth; k += 4, w += 4 * VECTORS * LANES) {
#pragma clang loop unroll(full)
            for (int v = 0; v < VECTORS; v++) {
                acc[0][v] += a[k] * *(const vec_u *)(w + v * LANES);
                part[0][v] += a[k + 1] * *(const vec_u *)(w + (VECTORS + v) * LANES);
                part[1][v] += a[k + 2] * *(const vec_u *)(w + (2 * VECTORS + v) * LANES);
                part[2][v] += a[k + 3] * *(const vec_u *)(w + (3 * VECTORS + v) * LANES);
            }
        }
        for (; k < depth; k++, w += VECTORS * LANES)
            for (int v = 0; v < VECTORS; v++) acc[0][v] += a[k] * *(const vec_u *)(w + v * LANES);
        for (int v = 0; v < VECTORS; v++) acc[0][v] += part[0][v] + (part[1][v] + part[2][v]);
    } else if (g->a_steps) {
        for (int k = 0; k < depth; k++, w += VECTORS * LANES) {
            const ptrdiff_t step = g->a_steps[k];
            TILE_NAME(step, TILE)(acc, rows, step, lda, w);
        }
    } else {
        for (int k = 0; k < depth; k++, w += VECTORS * LANES) {
            TILE_NAME(step, TILE)(acc, rows, 0, lda, w);
#pragma clang loop unroll(full)
            for (int i = 0; i < (ROWS + 2) / 3; i++) {
                rows[i]++;
                // Left to itself the compiler derives the pointers from one another and runs out of registers.
                __asm__("" : "+r"(rows[i]));
            }
        }
    }
    switch (g->activation) {
    case NR_SWISH: TILE_NAME(store, TILE)(g, acc, row, column, NR_SWISH); break;
    case NR_LINEAR: TILE_NAME(store, TILE)(g, acc, row, column, NR_LINEAR); break;
    default: TILE_NAME(store, TILE)(g, acc, row, column, g->activation); break;
    }
}

#undef TILE
#undef ROWS
#undef VECTORS
