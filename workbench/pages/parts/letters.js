// The letter of a side, in the order in which sides are shown: people compare what A and B say, and no names.
export const letter = (place) => (place < 26 ? String.fromCodePoint(65 + place) : `${letter(Math.floor(place / 26) - 1)}${letter(place % 26)}`);
