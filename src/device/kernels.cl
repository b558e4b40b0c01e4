/* Operations over lists of rows on an OpenCL device (tensor/engine.h says what each is): a group of
 * GROUP items takes a row, its sums are folded in one order.  Row i of list x is x_row(i) of its
 * matrix, by numbers that stand in the ring. */
#ifndef __ENDIAN_LITTLE__
#error weights are read as they are stored: low bytes first
#endif
#define LIST(x) global float *x, long x##_off, long x##_stride, long x##_index
#define ROW(x, i)                                                                                  \
  (x + x##_off + (x##_index < 0 ? (long)(i) : (long)ring[x##_index + (i)]) * x##_stride)
#define RING global const int *ring
#define EACH(c, n) for (int c = get_local_id(0); c < (n); c += GROUP)
#define GROUPED kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))

/* The sum, or the greatest, of what all items have, for all of them; what they wrote before is seen
 * by all, too. */
#define FOLD(name, fold)                                                                           \
  static float name(float x, local float *line) {                                                  \
    int l = get_local_id(0);                                                                       \
    barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);                                           \
    line[l] = x;                                                                                   \
    for (int reach = GROUP / 2; reach > 0; reach /= 2) {                                           \
      barrier(CLK_LOCAL_MEM_FENCE);                                                                \
      if (l < reach) line[l] = fold(line[l], line[l + reach]);                                     \
    }                                                                                              \
    barrier(CLK_LOCAL_MEM_FENCE);                                                                  \
    return line[0];                                                                                \
  }
#define PLUS(a, b) ((a) + (b))
FOLD(fold_sum, PLUS)
FOLD(fold_max, fmax)

GROUPED void copy(LIST(to), LIST(from), RING, int width) {
  long i = get_group_id(0);
  global float *y = ROW(to, i);
  global const float *x = ROW(from, i);
  EACH(c, width) y[c] = x[c];
}

GROUPED void add(LIST(to), LIST(from), RING, int width) {
  long i = get_group_id(0);
  global float *y = ROW(to, i);
  global const float *x = ROW(from, i);
  EACH(c, width) y[c] += x[c];
}

GROUPED void zero(LIST(to), RING, int width) {
  global float *y = ROW(to, get_group_id(0));
  EACH(c, width) y[c] = 0;
}

/* w x / sqrt(mean(x^2) + eps), or, [centred], w (x - mean) / sqrt(var + eps) + b */
GROUPED void norm(LIST(to), LIST(from), RING, int width, global const float *weights, long w_off,
                  long b_off, float eps, int centred) {
  local float line[GROUP];
  long i = get_group_id(0);
  global float *y = ROW(to, i);
  global const float *x = ROW(from, i), *w = weights + w_off, *b = weights + b_off;
  float mean = 0, sum = 0;
  if (centred) {
    EACH(c, width) sum += x[c];
    mean = fold_sum(sum, line) / width;
    sum = 0;
  }
  EACH(c, width) sum += (x[c] - mean) * (x[c] - mean);
  float r = 1 / sqrt(fold_sum(sum, line) / width + eps);
  EACH(c, width) {
    float v = w[c] * ((x[c] - mean) * r);
    y[c] = centred ? v + b[c] : v;
  }
}

/* Channels (c, c + pairs) of each head turn by the row's angle. */
GROUPED void turn(LIST(x), RING, int width, global const float *tables, long cosine, long sine,
                  long angles, int pairs, int K) {
  long i = get_group_id(0), row = (long)ring[angles + i] * pairs;
  global float *at = ROW(x, i);
  EACH(n, width / K * pairs) {
    global float *head = at + n / pairs * K;
    int c = n % pairs;
    float cos_ = tables[cosine + row + c], sin_ = tables[sine + row + c];
    float a = head[c], b = head[c + pairs];
    head[c] = a * cos_ - b * sin_;
    head[c + pairs] = b * cos_ + a * sin_;
  }
}

/* act_kind of tensor/kernels.h */
static float act(float x, int kind) {
  switch (kind) {
    case ACT_SILU: return x / (1 + exp(-x));
    case ACT_GELU_TANH: return 0.5f * x * (1 + tanh(0.7978845608028654f * (x + 0.044715f * x * x * x)));
    case ACT_GELU_ERF: return 0.5f * x * (1 + erf(x * 0.7071067811865476f));
    case ACT_QUICK_GELU: return x / (1 + exp(-1.702f * x));
    default: return fmax(x, 0.0f);
  }
}

GROUPED void gate(LIST(to), LIST(g), LIST(u), RING, int width, int kind, int gated) {
  long i = get_group_id(0);
  global float *y = ROW(to, i);
  global const float *x = ROW(g, i), *by = ROW(u, i);
  EACH(c, width) {
    float a = act(x[c], kind);
    y[c] = gated ? a * by[c] : a;
  }
}

GROUPED void cap(LIST(x), RING, int width, float bound) {
  global float *y = ROW(x, get_group_id(0));
  EACH(c, width) y[c] = bound * tanh(y[c] / bound);
}

GROUPED void scale(LIST(x), RING, int width, global const float *factors, long by) {
  long i = get_group_id(0);
  global float *y = ROW(x, i);
  EACH(c, width) y[c] *= factors[by + i];
}

/* A head's channel pairs that stand side by side, to half a head apart. */
GROUPED void unpermute(LIST(x), RING, int width, local float *line) {
  global float *head = ROW(x, get_group_id(0));
  EACH(c, width) line[c] = head[c];
  barrier(CLK_LOCAL_MEM_FENCE);
  EACH(c, width) head[c] = line[c < width / 2 ? 2 * c : 2 * (c - width / 2) + 1];
}

static float stored(global const ushort *w, long i, int is_half) {
  return is_half ? vload_half(i, (global const half *)w) : as_float((uint)w[i] << 16);
}

/* n numbers of 16 bits, from number [from] on, as f32. */
GROUPED void widen(global float *to, global const ushort *w, long from, long n, int is_half) {
  long end = min(n, (long)(get_group_id(0) + 1) * GROUP * 16);
  for (long i = (long)get_group_id(0) * GROUP * 16 + get_local_id(0); i < end; i += GROUP) {
    to[i] = stored(w, from + i, is_half);
  }
}

/* Few rows through a weight as it is stored: a group takes a row of the weight for all rows of x.
 * [bits] 16: bf16, 17: f16, 32: f32. */
GROUPED void dots(global float *y, long y_off, long ldy, global const float *x, long x_off,
                  long ldx, int n, global const ushort *w, long w_off, long ldw, int K, int bits) {
  local float line[GROUP];
  long r = get_group_id(0), row = w_off + r * ldw;
  float sum[ROWS];
  for (int i = 0; i < ROWS; i++) sum[i] = 0;
  EACH(c, K) {
    float by = bits == 32 ? ((global const float *)w)[row + c] : stored(w, row + c, bits == 17);
    for (int i = 0; i < n; i++) sum[i] += by * x[x_off + i * ldx + c];
  }
  for (int i = 0; i < n; i++) {
    float all = fold_sum(sum[i], line);
    if (get_local_id(0) == 0) y[y_off + i * ldy + r] = all;
  }
}
