// Offsets as labels have them: Unicode code points. A browser counts UTF-16 units, in which a cat is two.

export const pointsOf = (text) => [...text];

// Code points before a UTF-16 offset; an offset within a pair counts the pair's first half as before it.
export function pointsBefore(text, units) {
  let points = 0;
  for (let at = 0; at < units && at < text.length; points += 1) at += text.codePointAt(at) > 0xffff ? 2 : 1;
  return points;
}

// Where a reader's characters begin, in code points, and the end: a letter and its accents are one.
export function stops(text) {
  const found = [];
  let points = 0;
  for (const { segment } of new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text)) {
    found.push(points);
    points += pointsOf(segment).length;
  }
  return [...found, points];
}

// Where words begin and end, in code points.
export function wordStops(text) {
  const found = new Set([0]);
  let points = 0;
  for (const { segment, isWordLike } of new Intl.Segmenter(undefined, { granularity: "word" }).segment(text)) {
    const end = points + pointsOf(segment).length;
    if (isWordLike) found.add(points).add(end);
    points = end;
  }
  return [...found.add(points)].sort((one, other) => one - other);
}

// The next place after `at` (or before it, with a step of -1) in an ascending list.
export function nextStop(list, at, step) {
  if (step > 0) return list.find((place) => place > at) ?? list.at(-1);
  return list.findLast((place) => place < at) ?? list[0];
}
