/* Keys, values and attention of lists of rows on an OpenCL device (tensor/attend_list.h).  Keys
 * stand in panels of 16, (K, 16) each, values in panels of 16 channels of all rows
 * (tensor/kernels.h).  A stream is STREAM numbers: */
enum { AT_KEYS, KEYS, AT_VALUES, VALUES, PARENT, FIRST, COUNT, ROOM, KEY_STEP, VALUE_STEP, STREAM };

/* attend_block: rows [first, first + R) of a stream, which see keys before [end] */
typedef struct block {
  long first;
  int stream, R, end;
} block;

#define JOBS                                                                                       \
  global const long *streams, global const block *blocks, long block_count, long job0,              \
      global float *S, long ld, int group, int K
#define BUFFER(which, x) (which == 0 ? x##0 : which == 1 ? x##1 : x##2)

/* Row puts[3 i] of k and v becomes position puts[3 i + 2] of the storage of stream puts[3 i + 1]. */
GROUPED void pack(global const float *k, long k_off, global const float *v, long v_off,
                  global float *keys0, global float *keys1, global float *keys2,
                  global float *values0, global float *values1, global float *values2,
                  global const long *streams, global const int *puts, int heads, int K) {
  global const int *put = puts + (long)get_group_id(0) * 3;
  global const long *s = streams + (long)put[1] * STREAM;
  long at = put[2], from = (long)put[0] * heads * K;
  global float *keys = BUFFER(s[KEYS], keys), *values = BUFFER(s[VALUES], values);
  EACH(i, heads * K) {
    int g = i / K, c = i % K;
    keys[s[AT_KEYS] + g * s[KEY_STEP] + at / 16 * 16 * K + c * 16 + at % 16] = k[k_off + from + i];
    values[s[AT_VALUES] + g * s[VALUE_STEP] + c / 16 * s[ROOM] * 16 + at * 16 + c % 16] =
        v[v_off + from + i];
  }
}

/* The weights of a job: scores of its rows, from the nearest stretch of keys to the farthest; then
 * masks; then a softmax of each whole row.  A view is a row_view. */
GROUPED void weigh(global const float *q, long q_off, int heads, global const float *keys0,
                   global const float *keys1, global const float *keys2, JOBS,
                   global const int *views, global const int *masks, float scale, float cap,
                   local float *Q) {
  local float line[GROUP];
  long job = job0 + get_group_id(0);
  int head = (int)(job / block_count), g = head / group;
  global const block *b = blocks + job % block_count;
  long first_row = b->first, end = b->end;
  int R = b->R, all = 0;
  global float *s_at = S + (long)get_group_id(0) * ROWS * ld;
  EACH(i, ROWS * K) {
    int r = i / K, c = i % K;
    Q[i] = r < R ? q[q_off + ((first_row + r) * heads + head) * K + c] : 0;
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  for (long s = b->stream; s >= 0 && end > 0; s = streams[s * STREAM + PARENT]) {
    global const long *t = streams + s * STREAM;
    if (t[COUNT] == 0 || t[FIRST] >= end) continue;
    global const float *keys = BUFFER(t[KEYS], keys) + t[AT_KEYS] + g * t[KEY_STEP];
    if (end > all) all = (int)end;
    int first = (int)t[FIRST], count = (int)end - first;
    for (int p = 4 * get_local_id(0); p < count; p += 4 * GROUP) { /* four keys of a panel */
      global const float *key = keys + (long)(p / 16) * 16 * K + p % 16;
      float4 sum[ROWS];
      for (int r = 0; r < ROWS; r++) sum[r] = 0;
      for (int c = 0; c < K; c++) {
        float4 x = vload4(0, key + c * 16);
        for (int r = 0; r < ROWS; r++) sum[r] += x * Q[r * K + c];
      }
      for (int r = 0; r < R; r++) {
        float4 x = sum[r] * scale;
        if (cap > 0) x = cap * tanh(x / cap);
        global float *to = s_at + r * ld + first + p;
        to[0] = x.x;
        if (p + 1 < count) to[1] = x.y;
        if (p + 2 < count) to[2] = x.z;
        if (p + 3 < count) to[3] = x.w;
      }
    }
    end = t[FIRST];
  }
  barrier(CLK_GLOBAL_MEM_FENCE);
  for (int r = 0; r < R; r++) {
    global float *S_r = s_at + r * ld;
    global const int *view = views + (first_row + r) * 4;
    int first = view[0], seen = view[1];
    for (long m = view[2]; m < view[3]; m++) {
      int from = max(masks[2 * m], 0);
      long to = min((long)masks[2 * m] + masks[2 * m + 1], (long)seen);
      for (long j = from + get_local_id(0); j < to; j += GROUP) S_r[j] = -INFINITY;
      barrier(CLK_GLOBAL_MEM_FENCE);
    }
    float most = -INFINITY, sum = 0;
    for (int j = first + get_local_id(0); j < seen; j += GROUP) most = fmax(most, S_r[j]);
    most = fold_max(most, line);
    if (most == -INFINITY) most = 0;
    for (int j = first + get_local_id(0); j < seen; j += GROUP) {
      float x = exp(S_r[j] - most);
      S_r[j] = x;
      sum += x;
    }
    sum = fold_sum(sum, line);
    EACH(j, all) {
      S_r[j] = j < first || j >= seen || sum == 0 ? 0 : S_r[j] / sum;
    }
    barrier(CLK_GLOBAL_MEM_FENCE);
  }
}

/* z := weights times values.  An item has four channels and every n-th key; where there are
 * items for several such slices of the keys, the first adds up what all have, in their order. */
GROUPED void mix_values(global float *z, long z_off, int heads, global const float *values0,
                        global const float *values1, global const float *values2, JOBS) {
  local float4 parts[ROWS * GROUP];
  long job = job0 + get_group_id(0);
  int head = (int)(job / block_count), g = head / group, item = get_local_id(0);
  global const block *b = blocks + job % block_count;
  global const float *s_at = S + (long)get_group_id(0) * ROWS * ld;
  int R = b->R, fours = (K + 3) / 4, slices = max(GROUP / fours, 1), slice = item / fours;
  for (int from = 0; from < fours; from += GROUP) {
    int c = 4 * (from + item % fours);
    long end = slice < slices && c < K ? b->end : 0;
    float4 sum[ROWS];
    for (int r = 0; r < ROWS; r++) sum[r] = 0;
    for (long s = b->stream; s >= 0 && end > 0; s = streams[s * STREAM + PARENT]) {
      global const long *t = streams + s * STREAM;
      if (t[COUNT] == 0 || t[FIRST] >= end) continue;
      int first = (int)t[FIRST];
      global const float *v = BUFFER(t[VALUES], values) + t[AT_VALUES] + g * t[VALUE_STEP] +
                              c / 16 * t[ROOM] * 16 + c % 16;
      for (int j = first + slice; j < end; j += slices) {
        float4 x = vload4(0, v + (long)(j - first) * 16);
        for (int r = 0; r < ROWS; r++) sum[r] += s_at[r * ld + j] * x;
      }
      end = first;
    }
    for (int r = 0; r < ROWS; r++) parts[r * GROUP + item] = sum[r];
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int r = 0; r < R && slice == 0 && c < K; r++) {
      for (int k = 1; k < slices; k++) sum[r] += parts[r * GROUP + item + k * fours];
      global float *to = z + z_off + ((b->first + r) * heads + head) * K + c;
      to[0] = sum[r].x;
      if (c + 1 < K) to[1] = sum[r].y;
      if (c + 2 < K) to[2] = sum[r].z;
      if (c + 3 < K) to[3] = sum[r].w;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
}
