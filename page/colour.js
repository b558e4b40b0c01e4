// Colours of numbers.  Effects of both signs: blue, near white, orange, zero always in the middle.
// Probabilities: one ramp, monotone in lightness.  Both are told apart by colour-blind readers.
// Of each there are two tables: on dark paper nothing is dark, and what is strong is light.
export const dark = matchMedia('(prefers-color-scheme: dark)');
const day = {paper: [255, 255, 255],
  signed: [[5, 60, 125], [52, 116, 177], [128, 175, 215], [206, 224, 238], [247, 247, 247], [252, 224, 190], [244, 177, 103], [216, 118, 28], [138, 62, 0]],
  rising: [[247, 250, 253], [206, 222, 238], [143, 184, 217], [73, 137, 190], [21, 88, 150], [5, 40, 82]]};
const night = {paper: [20, 23, 27],
  signed: [[178, 214, 250], [108, 168, 226], [58, 118, 178], [36, 68, 102], [32, 36, 42], [92, 56, 20], [152, 90, 24], [216, 142, 54], [255, 206, 140]],
  rising: [[32, 36, 42], [34, 62, 94], [40, 100, 150], [82, 148, 198], [152, 198, 230], [224, 240, 252]]};
const now = () => dark.matches ? night : day;

function between(table, share) {
  const at = Math.min(Math.max(share, 0), 1) * (table.length - 1), i = Math.min(Math.floor(at), table.length - 2);
  return table[i].map((c, k) => Math.round(c + (table[i + 1][k] - c) * (at - i)));
}

export const paper = () => now().paper;
export const ofEffect = (x, limit) => between(now().signed, limit > 0 ? 0.5 + x / limit / 2 : 0.5);
export const ofShare = (x, limit) => between(now().rising, limit > 0 ? x / limit : 0);
// The same in 512 steps, as the four bytes of a point.
export const bytes = rgb => rgb.reduce((all, c, k) => all + c * 2 ** (8 * k), 255 * 2 ** 24);
const steps = table => Uint32Array.from({length: 512}, (_, i) => bytes(between(table, i / 511)));
export function palette(both) {
  const tables = now().steps ||= [steps(now().rising), steps(now().signed)], table = tables[Number(both)];
  return (x, limit) => table[Math.min(511, Math.max(0, Math.round(511 * (limit > 0 ? both ? 0.5 + x / limit / 2 : x / limit : both ? 0.5 : 0))))];
}

export const css = rgb => `rgb(${rgb.join(' ')})`;

// Black or white, whichever is read more easily on it (WCAG 2, relative luminance).
export function ink(rgb) {
  const [r, g, b] = rgb.map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? '#000' : '#fff';
}
