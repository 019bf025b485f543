// One tile of a matrix product: ROWS × VECTORS vectors held in registers, written once for every shape and precision.
// Included with TILE (its name), ROWS, VECTORS and the vector type's vec, vec_u, vec_swish, vec_sigmoid, vec_relu, vec_relu6,
// vec_madd_row1, vec_madd_row2 (accumulators += word in memory · vectors of words), LANES; and, where the file defines
// STORES_BF16, vec_load_bf16, vec_store_bf16 and vec_store2_bf16 (two vectors side by side).

static inline __attribute__((always_inline)) vec TILE_NAME(activate, TILE)(vec x, int activation) {
    switch (activation) {
    case NR_SWISH: return vec_swish(x);
    case NR_RELU: return vec_relu(x);
    case NR_RELU6: return vec_relu6(x);
    case NR_SIGMOID: return vec_sigmoid(x);
    default: return x;
    }
}

static inline __attribute__((always_inline)) void TILE_NAME(store, TILE)(
    const nr_gemm *g, vec acc[ROWS][VECTORS], int row, int column, int activation, int element) {
#pragma clang loop unroll(full)
    for (int m = 0; m < ROWS; m++) {
        const ptrdiff_t offset = (g->c_offsets ? g->c_offsets[row + m] : (row + m) * g->c_row) + column;
        vec y[VECTORS];
#pragma clang loop unroll(full)
        for (int v = 0; v < VECTORS; v++) {
            y[v] = TILE_NAME(activate, TILE)(acc[m][v], activation);
            if (g->residual) {
#ifdef STORES_BF16
                if (element == NR_BF16) y[v] += vec_load_bf16((const uint16_t *)g->residual + offset + v * LANES);
                else
#endif
                    y[v] += *(const vec_u *)((const float *)g->residual + offset + v * LANES);
            }
        }
#ifdef STORES_BF16
        if (element == NR_BF16) {
#if VECTORS == 2
            vec_store2_bf16((uint16_t *)g->c + offset, y[0], y[1]);
#else
            vec_store_bf16((uint16_t *)g->c + offset, y[0]);
#endif
            continue;
        }
#endif
        (void)element;
#pragma clang loop unroll(full)
        for (int v = 0; v < VECTORS; v++) *(vec_u *)((float *)g->c + offset + v * LANES) = y[v];
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
    const float *a = (const float *)g->a + row * lda;
    const int depth = g->depth, run = g->a_run ? g->a_run : depth;
    // Three rows share a pointer: x86 addresses base, base + lda and base + 2 · lda without further registers.
    const float *rows[(ROWS + 2) / 3];
#pragma clang loop unroll(full)
    for (int i = 0; i < (ROWS + 2) / 3; i++) rows[i] = a + 3 * i * lda;

    if (g->a_steps) {
        for (int k = 0; k < depth; k++, w += VECTORS * LANES) {
            const ptrdiff_t step = g->a_steps[k];
            TILE_NAME(step, TILE)(acc, rows, step, lda, w);
        }
    } else if (ROWS == 1) {
        // A single row would wait for its own sums; four partial sums keep the multipliers busy.
        vec part[4][ROWS][VECTORS];
        for (int v = 0; v < VECTORS; v++) {
            part[0][0][v] = acc[0][v];
            for (int p = 1; p < 4; p++) part[p][0][v] = (vec){0};
        }
        for (int left = depth; left > 0; left -= run, rows[0] += run + g->a_skip) {
            int k = 0;
            for (; k + 4 <= run; k += 4, w += 4 * VECTORS * LANES)
#pragma clang loop unroll(full)
                for (int p = 0; p < 4; p++) TILE_NAME(step, TILE)(part[p], rows, k + p, 0, w + p * VECTORS * LANES);
            for (; k < run; k++, w += VECTORS * LANES) TILE_NAME(step, TILE)(part[0], rows, k, 0, w);
        }
        for (int v = 0; v < VECTORS; v++) acc[0][v] = (part[0][0][v] + part[1][0][v]) + (part[2][0][v] + part[3][0][v]);
    } else {
        for (int left = depth; left > 0; left -= run) {
            for (int k = 0; k < run; k++, w += VECTORS * LANES) {
                TILE_NAME(step, TILE)(acc, rows, 0, lda, w);
#pragma clang loop unroll(full)
                for (int i = 0; i < (ROWS + 2) / 3; i++) {
                    rows[i]++;
                    // Left to itself the compiler derives the pointers from one another and runs out of registers.
                    __asm__("" : "+r"(rows[i]));
                }
            }
#pragma clang loop unroll(full)
            for (int i = 0; i < (ROWS + 2) / 3; i++) rows[i] += g->a_skip;
        }
    }
#ifdef STORES_BF16
    if (g->c_element == NR_BF16) {
        switch (g->activation) {
        case NR_SWISH: TILE_NAME(store, TILE)(g, acc, row, column, NR_SWISH, NR_BF16); break;
        case NR_RELU6: TILE_NAME(store, TILE)(g, acc, row, column, NR_RELU6, NR_BF16); break;
        default: TILE_NAME(store, TILE)(g, acc, row, column, NR_LINEAR, NR_BF16); break;
        }
        return;
    }
#endif
    switch (g->activation) {
    case NR_SWISH: TILE_NAME(store, TILE)(g, acc, row, column, NR_SWISH, NR_F32); break;
    case NR_LINEAR: TILE_NAME(store, TILE)(g, acc, row, column, NR_LINEAR, NR_F32); break;
    case NR_RELU6: TILE_NAME(store, TILE)(g, acc, row, column, NR_RELU6, NR_F32); break;
    default: TILE_NAME(store, TILE)(g, acc, row, column, g->activation, NR_F32); break;
    }
}

#undef TILE
#undef ROWS
#undef VECTORS
