// Plain loops that the compiler vectorises for the instruction set of the including file, and that file's gemm driver.
// Included after the tiles, with PANEL (columns of a whole panel) and the functions tiles_panel, tiles_16 and tiles_8,
// which run the tiles of rows first…last over one panel.

// The block of rows that stays in the second-level cache while every panel passes over it.
enum { BLOCK_BYTES = 512 << 10 };

static void gemm(const nr_gemm *g) {
    const int depth = g->depth > 0 ? g->depth : 1;
    int block = (int)(BLOCK_BYTES / sizeof(float)) / depth / TILE_ROWS * TILE_ROWS;
    if (block < 2 * TILE_ROWS) block = 2 * TILE_ROWS;
    for (int first = 0; first < g->rows; first += block) {
        const int last = first + block < g->rows ? first + block : g->rows;
        const float *w = g->weights;
        int column = 0;
        for (; column + PANEL <= g->columns; column += PANEL, w += (size_t)PANEL * g->depth)
            tiles_panel(g, w, first, last, column);
        if (PANEL > 16 && column + 16 <= g->columns) {
            tiles_16(g, w, first, last, column);
            column += 16;
            w += (size_t)16 * g->depth;
        }
        if (PANEL > 8 && column + 8 <= g->columns) tiles_8(g, w, first, last, column);
    }
}

static void scale_columns(float *restrict values, const float *restrict scale, size_t rows, size_t columns) {
    for (size_t r = 0; r < rows; r++, values += columns)
        for (size_t c = 0; c < columns; c++) values[c] *= scale[c];
}

static inline void scale_panel(
    float *restrict target, const float *restrict weights, const float *restrict scale, size_t depth, size_t width) {
    for (size_t k = 0; k < depth; k++, target += width, weights += width)
        for (size_t n = 0; n < width; n++) target[n] = weights[n] * scale[k];
}

static void scale_inputs(float *target, const float *weights, const float *scale, size_t depth, size_t columns) {
    size_t n = 0;
    for (; n + PANEL <= columns; n += PANEL) scale_panel(target + n * depth, weights + n * depth, scale, depth, PANEL);
    if (PANEL > 16 && n + 16 <= columns) {
        scale_panel(target + n * depth, weights + n * depth, scale, depth, 16);
        n += 16;
    }
    if (PANEL > 8 && n + 8 <= columns) scale_panel(target + n * depth, weights + n * depth, scale, depth, 8);
}

static void average(float *restrict average, const float *restrict values, size_t rows, size_t columns) {
    for (size_t c = 0; c < columns; c++) average[c] = 0;
    for (size_t r = 0; r < rows; r++, values += columns)
        for (size_t c = 0; c < columns; c++) average[c] += values[c];
    for (size_t c = 0; c < columns; c++) average[c] /= (float)rows;
}
