// What is shown in an order of its own: the one that its offer says, else drawn from a seed, such as a unit's id. The same
// after a reload, and nothing that a reader of the page could lean on.

// A seed with the orders that an offer says, by field; the label of one field has the empty name.
export const ordered = (seed, orders = {}) => ({ seed, orders, field: "" });

// The seed of one field of a form.
export function seedOf(seed, field) {
  return typeof seed === "string" ? `${seed}/${field}` : { ...seed, seed: `${seed.seed}/${field}`, field };
}

const said = (seed) => (typeof seed === "string" ? undefined : seed.orders[seed.field]);

// FNV-1a.
function hashed(seed) {
  let hash = 0x811c9dc5;
  for (const character of seed) hash = Math.imul(hash ^ character.codePointAt(0), 0x01000193) >>> 0;
  return hash;
}

const drawn = (seed) => hashed(typeof seed === "string" ? seed : seed.seed);

// Whether the second of two stands first.
export function isSwapped(seed) {
  const order = said(seed);
  return order ? order[0] === "b" : ((drawn(seed) >>> 16) & 1) === 1;
}

// Several things in an order of their own (Fisher and Yates), by numbers that follow from the seed (mulberry32: those of
// FNV-1a itself go together where seeds differ in a letter).
export function shuffled(things, seed) {
  const told = said(seed);
  if (told && told.length === things.length && things.every((thing) => told.includes(thing))) return [...told];
  const order = [...things];
  let state = drawn(seed);
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  for (let last = order.length - 1; last > 0; last -= 1) {
    const place = Math.floor(next() * (last + 1));
    [order[last], order[place]] = [order[place], order[last]];
  }
  return order;
}
