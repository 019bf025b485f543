// Plain loops that the compiler vectorises for the instruction set of the including file, and that file's gemm driver.
// Included after the tiles, with PANEL (columns of a whole panel), NUMBER (float or uint16_t for bfloat16), widen, narrow
// and the functions tiles_panel, tiles_16 and tiles_8, which run the tiles of rows first…last over one panel.

// The block of rows that stays in the second-level cache while every panel passes over it.
enum { BLOCK_BYTES = 512 << 10 };

// The tiles of one panel over each line.
typedef void tiles(const nr_gemm *, const float *w, int first, int last, int column);
static void lines(tiles *run, const nr_gemm *g, const float *w, int first, int last, int column) {
    run(g, w, first, last, column);
    if (g->lines <= 1) return;
    nr_gemm line = *g;
    const ptrdiff_t element = g->c_element == NR_BF16 ? 2 : 4;
    for (int n = 1; n < g->lines; n++) {
        line.a = (const float *)line.a + g->a_line;
        line.c = (char *)line.c + g->c_line * element;
        if (line.residual) line.residual = (const char *)line.residual + g->residual_line * element;
        run(&line, w, first, last, column);
    }
}

static void panels(const nr_gemm *g, int first, int last) {
    const float *w = g->weights;
    int column = 0;
    for (; column + PANEL <= g->columns; column += PANEL, w += (size_t)PANEL * g->depth)
        lines(tiles_panel, g, w, first, last, column);
    if (PANEL > 16 && column + 16 <= g->columns) {
        lines(tiles_16, g, w, first, last, column);
        column += 16;
        w += (size_t)16 * g->depth;
    }
    if (PANEL > 8 && column + 8 <= g->columns) lines(tiles_8, g, w, first, last, column);
}

static void gemm(const nr_gemm *g) {
    // Lines are few and near already: whoever asks for several has chosen them so.
    if (g->lines > 1) return panels(g, 0, g->rows);
    const int depth = g->depth > 0 ? g->depth : 1;
    int block = BLOCK_BYTES / 4 / depth / TILE_ROWS * TILE_ROWS;
    if (block < 2 * TILE_ROWS) block = 2 * TILE_ROWS;
    for (int first = 0; first < g->rows; first += block)
        panels(g, first, first + block < g->rows ? first + block : g->rows);
}

static inline __attribute__((always_inline)) void row_panel(const nr_gemm *g, const NUMBER *w, int column, const int width) {
    const float *restrict a = g->a;
    // Four sums a column, so that none waits for itself.
    float sums[4][PANEL] = {{0}};
    int k = 0;
    for (; k + 4 <= g->depth; k += 4, w += 4 * width)
        for (int p = 0; p < 4; p++)
            for (int n = 0; n < width; n++) sums[p][n] += a[k + p] * widen(w[p * width + n]);
    for (; k < g->depth; k++, w += width)
        for (int n = 0; n < width; n++) sums[0][n] += a[k] * widen(w[n]);
    for (int n = 0; n < width; n++)
        ((float *)g->c)[column + n] = g->bias[column + n] + ((sums[0][n] + sums[1][n]) + (sums[2][n] + sums[3][n]));
}

static void row(const nr_gemm *g) {
    const NUMBER *w = g->weights;
    int column = 0;
    for (; column + PANEL <= g->columns; column += PANEL, w += (size_t)PANEL * g->depth) row_panel(g, w, column, PANEL);
    if (PANEL > 16 && column + 16 <= g->columns) {
        row_panel(g, w, column, 16);
        column += 16;
        w += (size_t)16 * g->depth;
    }
    if (PANEL > 8 && column + 8 <= g->columns) row_panel(g, w, column, 8);
    if (g->activation == NR_LINEAR) return;
    // The activation alone: a product of no depth, whose bias are the sums.
    nr_gemm activation = *g;
    activation.depth = 0;
    activation.bias = g->c;
    activation.a_row = 0;
    activation.c_element = NR_F32;
    gemm(&activation);
}

static void scale_columns(void *target, const float *restrict scale, size_t rows, size_t columns) {
    NUMBER *restrict values = target;
    for (size_t r = 0; r < rows; r++, values += columns)
        for (size_t c = 0; c < columns; c++) values[c] = narrow(widen(values[c]) * scale[c]);
}

static inline __attribute__((always_inline)) void scale_panel(const nr_scaling *s, size_t column, const size_t width) {
    const size_t depth = s->depth;
    NUMBER *restrict target = (NUMBER *)s->target + column * depth * PAIR;
    const float *restrict weights = s->weights + column * depth * PAIR;
    const float *restrict scale = s->scale;
    if (!s->averages) {
        for (size_t k = 0; k < depth; k++, target += width * PAIR, weights += width * PAIR)
            for (size_t n = 0; n < width; n++)
                for (size_t i = 0; i < PAIR; i++)
                    target[n * PAIR + i] = narrow(weights[n * PAIR + i] * scale[k * PAIR + i]);
        return;
    }
    float lost[PANEL] = {0}, sum[PANEL] = {0};
    for (size_t k = 0; k < depth; k++, target += width * PAIR, weights += width * PAIR)
        for (size_t n = 0; n < width; n++)
            for (size_t i = 0; i < PAIR; i++) {
                const float value = weights[n * PAIR + i] * scale[k * PAIR + i];
                const NUMBER stored = narrow(value);
                target[n * PAIR + i] = stored;
                lost[n] += (value - widen(stored)) * s->averages[k * PAIR + i];
                sum[n] += value * s->averages[k * PAIR + i];
            }
    for (size_t n = 0; n < width; n++) {
        const float bias = s->bias[column + n];
        s->corrected[column + n] = bias + lost[n];
        if (s->product_averages)
            s->product_averages[column + n] =
                bias + sum[n] + (s->residual_averages ? s->residual_averages[column + n] : 0);
    }
}

static void scale_inputs(const nr_scaling *s) {
    size_t n = 0;
    for (; n + PANEL <= s->columns; n += PANEL) scale_panel(s, n, PANEL);
    if (PANEL > 16 && n + 16 <= s->columns) {
        scale_panel(s, n, 16);
        n += 16;
    }
    if (PANEL > 8 && n + 8 <= s->columns) scale_panel(s, n, 8);
}

static void average(float *restrict average, const float *restrict values, size_t rows, size_t columns) {
    for (size_t c = 0; c < columns; c++) average[c] = 0;
    for (size_t r = 0; r < rows; r++, values += columns)
        for (size_t c = 0; c < columns; c++) average[c] += values[c];
    for (size_t c = 0; c < columns; c++) average[c] /= (float)rows;
}

static void widen_all(float *restrict target, const void *elements, size_t count) {
    const NUMBER *restrict source = elements;
    for (size_t i = 0; i < count; i++) target[i] = widen(source[i]);
}
