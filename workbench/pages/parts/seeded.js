// What is shown in an order of its own: drawn from a seed, such as the assignment's id. The same after a reload, and
// nothing that a reader of the page could lean on.

// FNV-1a.
function hashed(seed) {
  let hash = 0x811c9dc5;
  for (const character of seed) hash = Math.imul(hash ^ character.codePointAt(0), 0x01000193) >>> 0;
  return hash;
}

// Whether the second of two stands first.
export function isSwapped(seed) {
  return ((hashed(seed) >>> 16) & 1) === 1;
}

// Several things in an order of their own (Fisher and Yates), by numbers that follow from the seed (mulberry32: those of
// FNV-1a itself go together where seeds differ in a letter).
export function shuffled(things, seed) {
  const order = [...things];
  let state = hashed(seed);
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  for (let last = order.length - 1; last > 0; last -= 1) {
    const drawn = Math.floor(next() * (last + 1));
    [order[last], order[drawn]] = [order[drawn], order[last]];
  }
  return order;
}
