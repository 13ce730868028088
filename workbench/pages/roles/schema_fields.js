// The fields of each kind's schema, as a form; what is written becomes the schema that ingest is sent.
import { html } from "../parts/html.js";
import { t } from "../parts/strings.js";

const lines = (text) => text.split("\n").map((one) => one.trim()).filter(Boolean);
const TWO = "yes\nno";
const classed = (kind, least, more = () => ({})) => ({
  parts: { classes: kind === "choices" ? "insult\nthreat\nspam" : kind === "choice" ? TWO : kind === "spans" ? "person\nplace" : "car\nsign" },
  schema(parts) {
    const classes = lines(parts.classes);
    return { spec: { kind, classes, ...more(parts) }, problem: classes.length < least ? "schema.fewClasses" : new Set(classes).size < classes.length ? "schema.twice" : "" };
  },
});

function written(parts) {
  try {
    return { spec: JSON.parse(parts.json), problem: "" };
  } catch {
    return { spec: null, problem: "schema.noJson" };
  }
}

const TREE = { kind: "taxonomy", nodes: [{ id: "animal" }, { id: "dog", parent: "animal" }, { id: "cat", parent: "animal" }, { id: "vehicle" }, { id: "car", parent: "vehicle" }] };
const QUESTIONS = {
  kind: "form",
  fields: [
    { name: "toxic", title: "Is it toxic?", schema: { kind: "choice", classes: ["yes", "no"] } },
    { name: "how", title: "How much?", schema: { kind: "rating", lowest: 1, highest: 5 }, when: { field: "toxic", is: ["yes"] } },
    { name: "note", title: "A note", schema: { kind: "text" }, required: false },
  ],
};

export const SCHEMAS = {
  choice: classed("choice", 2),
  choices: classed("choices", 1),
  rating: {
    parts: { lowest: 1, highest: 5 },
    schema: ({ lowest, highest }) => ({ spec: { kind: "rating", lowest, highest }, problem: lowest < highest ? "" : "schema.order" }),
  },
  number: {
    parts: { low: 0, high: 100 },
    schema: ({ low, high }) => ({ spec: { kind: "number", low, high }, problem: low < high ? "" : "schema.order" }),
  },
  preference: {
    parts: { strengths: 1, ties: true },
    schema: ({ strengths, ties }) => ({ spec: { kind: "preference", strengths, ties }, problem: strengths >= 1 && strengths <= 10 ? "" : "schema.strengths" }),
  },
  ranking: {
    parts: { items: "first\nsecond\nthird" },
    schema(parts) {
      const items = lines(parts.items);
      return { spec: { kind: "ranking", items }, problem: items.length < 2 ? "schema.fewClasses" : new Set(items).size < items.length ? "schema.twice" : "" };
    },
  },
  spans: classed("spans", 1),
  boxes: classed("boxes", 1),
  polygons: classed("polygons", 1),
  text: { parts: { characters_max: 2000 }, schema: ({ characters_max: most }) => ({ spec: { kind: "text", characters_max: most }, problem: most >= 1 && most <= 20_000 ? "" : "schema.characters" }) },
  taxonomy: { parts: { json: JSON.stringify(TREE, null, 1) }, schema: written },
  form: { parts: { json: JSON.stringify(QUESTIONS, null, 1) }, schema: written },
};

export function SchemaFields({ kind, parts, change }) {
  const set = (name) => ({ target }) => change({
    ...parts, [name]: target.type === "checkbox" ? target.checked : target.type === "number" ? target.valueAsNumber : target.value });
  return Object.entries(parts).map(([name, value]) => {
    if (typeof value === "boolean") return html`<label class="check" key=${`${kind} ${name}`}><input type="checkbox" checked=${value} onChange=${set(name)} /> ${t(`schema.${name}`)}</label>`;
    if (typeof value === "number") return html`<label key=${`${kind} ${name}`}>${t(`schema.${name}`)} <input type="number" required value=${value} onInput=${set(name)} /></label>`;
    return html`<label class="writing" key=${`${kind} ${name}`}>${t(`schema.${name}`)}<textarea rows=${name === "json" ? 10 : 4} dir=${name === "json" ? "ltr" : "auto"} class=${name === "json" ? "code" : ""} value=${value} onInput=${set(name)} /></label>`;
  });
}
