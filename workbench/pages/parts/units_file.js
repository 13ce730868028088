// Units out of what somebody has: a CSV with a header, lines of JSON, or plain lines of text. Nothing is guessed silently:
// what will be sent is shown before it is.

// RFC 4180: quotes, doubled quotes, and line ends within them.
export function csvRows(text) {
  const rows = [];
  let row = [];
  let cell = "";
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at];
    if (quoted) {
      if (sign !== '"') cell += sign;
      else if (text[at + 1] === '"') {
        cell += '"';
        at += 1;
      } else quoted = false;
    } else if (sign === '"' && cell === "") quoted = true;
    else if (sign === ",") {
      row.push(cell);
      cell = "";
    } else if (sign === "\n" || sign === "\r") {
      if (sign === "\r" && text[at + 1] === "\n") at += 1;
      rows.push([...row, cell]);
      row = [];
      cell = "";
    } else cell += sign;
  }
  if (cell || row.length) rows.push([...row, cell]);
  return rows.filter((one) => one.length > 1 || one[0] !== "");
}

const IDS = ["id", "source_id"];
const CONTENTS = ["content", "text"];

function fromCsv(text) {
  const [header = [], ...rows] = csvRows(text);
  const names = header.map((one) => one.trim());
  const idAt = names.findIndex((name) => IDS.includes(name.toLowerCase()));
  const contentAt = names.findIndex((name) => CONTENTS.includes(name.toLowerCase()));
  const own = new Set([idAt, contentAt, names.indexOf("gold")]);
  return rows.map((row, place) => {
    const rest = Object.fromEntries(names.map((name, at) => [name, row[at] ?? ""]).filter((_, at) => !own.has(at)));
    const gold = row[names.indexOf("gold")];
    const content = contentAt >= 0 ? row[contentAt] ?? "" : rest;
    return { id: idAt >= 0 ? row[idAt] : String(place + 1), content, ...(gold ? { gold: parsed(gold) } : {}) };
  });
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

// A plain text of one word is no JSON and means itself; numbers and objects are what they are.
export function unitsOf(text, name = "") {
  const plain = text.replace(/^\ufeff/, "");
  if (/\.csv$/i.test(name)) return fromCsv(plain);
  const lines = plain.split(/\r?\n/).filter((line) => line.trim());
  if (lines.length && lines[0].trim().startsWith("{")) return lines.map((line) => JSON.parse(line));
  if (plain.trim().startsWith("[")) return JSON.parse(plain);
  return lines.map((line, place) => ({ id: `line-${place + 1}`, content: line }));
}
