// What the page shows, in the fragment of its address: a copied link shows the same.  The token comes
// by the fragment once, is kept for this origin, and leaves the address at once.
const KEY = 'loci-token';

export function token() {
  return localStorage.getItem(KEY) || '';
}

function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1));
  if (!given.has('token')) return;
  localStorage.setItem(KEY, given.get('token'));
  given.delete('token');
  history.replaceState(null, '', '#' + given);
}

takeToken();
addEventListener('hashchange', takeToken); // a link opened in this very tab

// i picture, q question, c constraints (from-to in tokens of the question, perhaps .kind, joined by commas), k corruption, w window,
// v view, y number shown, cell pinned cell, lay layer of the flow, f filters of the store, ex run.result of its example
export const read = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

// Constraints that an address has as words, on=..., of a page that was opened at a question; told once.
export function pieces() {
  const all = new URLSearchParams(location.hash.slice(1)), list = all.getAll('on');
  all.delete('on');
  if (list.length) history.replaceState(null, '', '#' + all);
  return list;
}

function put(changes, how) {
  const all = new URLSearchParams(location.hash.slice(1));
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined || value === null || value === '') all.delete(name);
    else all.set(name, value);
  }
  const hash = '#' + all;
  if (hash !== location.hash) history[how](null, '', hash);
}

export const step = changes => put(changes, 'pushState');       // a question asked, a view opened
export const adjust = changes => put(changes, 'replaceState');  // a slider, a pinned cell
