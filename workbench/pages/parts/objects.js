// Ruling drawn objects one by one: which stand, who drew each, and a key to take it, to drop it and to go on.
import { html, useEffect, useMemo, useRef, useState } from "./html.js";
import { KeyButton, useKeys } from "./keys.js";
import { letter } from "./letters.js";
import { t, whole } from "./strings.js";
import { kindOf } from "../kinds/index.js";

const DRAWN = new Set(["spans", "boxes", "polygons"]);
const SHOWN_MAX = 200;
const TAKEN = "taken", DROPPED = "dropped", OPEN = "open";

export const fieldsOf = (schema) => (schema.kind === "form" ? schema.fields : [{ name: "", schema }]);
export const isDrawn = (schema) => fieldsOf(schema).some((field) => DRAWN.has(field.schema.kind));

const written = (region) => JSON.stringify(Object.entries(region).sort());
const answersIn = (schema, label) => (schema.kind === "form" ? label.answers : { "": label });
const draftsIn = (schema, draft) => (schema.kind === "form" ? draft : { "": draft });
const wholeOf = (schema, byField) => (schema.kind === "form" ? byField : byField[""]);

// A label's draft in which each region knows the object that it is a drawing of.
function draftOf(schema, label, objects, seed) {
  const byField = draftsIn(schema, kindOf(schema).draft(label, schema, seed));
  const answers = answersIn(schema, label);
  const marked = { ...byField };
  for (const { name, schema: { kind } } of fieldsOf(schema)) {
    if (!DRAWN.has(kind) || !(name in answers)) continue;
    const known = new Map();
    for (const one of objects) {
      if (one.field === name) for (const region of [one.region, ...one.drawn.map((each) => each.region)]) known.set(written(region), one.object_id);
    }
    marked[name] = byField[name].map((one, place) => ({ ...one, object: known.get(written(answers[name][kind][place])) }));
  }
  return wholeOf(schema, marked);
}

// What a ruling begins with: the objects that the quorum is for, and of a form the answers that all agree on.
export function beginning({ label_schema: schema, fields = [], unit_id: seed }, objects) {
  const answers = {};
  for (const { name, schema: { kind } } of fieldsOf(schema)) {
    const mine = objects.filter((one) => one.field === name);
    const agreed = fields.find((one) => one.field === name && one.agreed)?.answers[0]?.answer ?? null;
    if (DRAWN.has(kind) && mine.length) answers[name] = { [kind]: mine.filter((one) => one.stands === TAKEN).map((one) => one.region) };
    else if (agreed !== null) answers[name] = agreed;
  }
  if (schema.kind !== "form" && !answers[""]) return undefined;
  return draftOf(schema, schema.kind === "form" ? { answers } : answers[""], objects, seed);
}

// The objects of a unit, how each stands in the draft, and what can be done with the one that is looked at.
export function useObjects(unit, objects, work) {
  const schema = unit.label_schema;
  const [at, setAt] = useState(() => Math.max(0, objects.findIndex((one) => one.stands === OPEN)));
  const [dropped, setDropped] = useState(new Set());
  const drafts = draftsIn(schema, work.draft);
  const regionOf = (one) => (drafts[one.field] ?? []).find((region) => region.object === one.object_id);
  const standing = (one) => {
    if (regionOf(one)) return TAKEN;
    return one.stands === OPEN && !dropped.has(one.object_id) ? OPEN : DROPPED;
  };
  const current = objects[at];
  const put = (one, regions) => work.change(wholeOf(schema, { ...drafts, [one.field]: regions }));
  const without = (one) => (drafts[one.field] ?? []).filter((region) => region.object !== one.object_id);
  const drawnAs = (one, region) => {
    const field = fieldsOf(schema).find(({ name }) => name === one.field);
    const [fresh] = kindOf(field.schema).draft({ [one.kind]: [region] }, field.schema);
    return { ...fresh, object: one.object_id };
  };
  // After a word on one the next that is open; where none is, the next.
  const onwards = () => {
    const order = [...objects.keys()].map((step) => (at + 1 + step) % objects.length);
    setAt(order.find((place) => place !== at && standing(objects[place]) === OPEN) ?? Math.min(at + 1, objects.length - 1));
  };
  const take = () => {
    if (!current) return false;
    if (!regionOf(current)) put(current, [...without(current), drawnAs(current, current.region)]);
    return onwards();
  };
  const drop = () => {
    if (!current) return false;
    if (regionOf(current)) put(current, without(current));
    setDropped(new Set([...dropped, current.object_id]));
    return onwards();
  };
  // As it is merged, then as each drew it.
  const redraw = () => {
    if (!current) return false;
    const ways = [current.region, ...current.drawn.map((one) => one.region)].filter((one, place, all) =>
      all.findIndex((other) => written(other) === written(one)) === place);
    const now = regionOf(current);
    const next = now?.way === undefined ? (now ? 1 : 0) : now.way + 1;
    return put(current, [...without(current), { ...drawnAs(current, ways[next % ways.length]), way: next % ways.length }]);
  };
  const go = (step) => () => (objects.length ? setAt((at + step + objects.length) % objects.length) : false);
  useKeys(objects.length ? { nextObject: go(1), previousObject: go(-1), takeObject: take, dropObject: drop, redrawObject: redraw } : {});
  const taken = current && regionOf(current);
  return {
    objects, at, setAt, current, standing, take, drop, redraw, go,
    open: objects.filter((one) => standing(one) === OPEN).length,
    pointed: current ? { field: current.field, key: taken?.key ?? null } : null,
    // One side whole: what it does not have was dropped by it.
    side(label) {
      const draft = draftOf(schema, label, objects, unit.unit_id);
      const held = new Set(Object.values(draftsIn(schema, draft)).flatMap((one) => (Array.isArray(one) ? one.map((each) => each?.object) : [])));
      setDropped(new Set(objects.filter((one) => !held.has(one.object_id)).map((one) => one.object_id)));
      work.change(draft);
    },
  };
}

export function Objects({ unit, content, mediaType, ruling }) {
  const { objects, at, setAt, current, standing, take, drop, redraw, go, open } = ruling;
  const list = useRef(null);
  useEffect(() => {
    list.current?.querySelector("[aria-current=true]")?.scrollIntoView({ block: "nearest" });
  }, [at]);
  if (!objects.length) return null;
  const from = Math.max(0, Math.min(at - SHOWN_MAX / 2, objects.length - SHOWN_MAX));
  return html`<section class="objects" aria-label=${t("objects.title")}>
    <h2>${t("objects.title")} <span class=${`badge ${open ? "paused" : "accepted"}`} aria-live="polite">${open ? t("objects.left", { count: open }) : t("objects.allRuled")}</span></h2>
    <p class="quiet">${t("objects.how")}</p>
    <div class="tools"><${KeyButton} kind="small" of="takeObject" onClick=${take} /><${KeyButton} kind="small" of="dropObject" onClick=${drop} />
      <${KeyButton} kind="small" of="redrawObject" onClick=${redraw} /><${KeyButton} kind="small" of="previousObject" onClick=${go(-1)} />
      <${KeyButton} kind="small" of="nextObject" onClick=${go(1)} /></div>
    <div class="object-and-list"><ol class="regions" ref=${list} start=${from + 1}>${objects.slice(from, from + SHOWN_MAX).map((one, step) => html`
      <li key=${one.object_id}><button type="button" class="region" aria-current=${String(from + step === at)} onClick=${() => setAt(from + step)}>
        <b dir="auto">${whole(from + step + 1)} ${one.region.class}</b>
        ${one.field && html`<span dir="auto">${titleOf(unit.label_schema, one.field)}</span>`}
        <span>${t("objects.support", { count: one.annotations, of: whole(one.of) })} · ${t("objects.sides", { letters: sidesOf(one).map(letter).join(", ") })}</span>
        <span class=${`badge ${{ [TAKEN]: "accepted", [OPEN]: "paused" }[standing(one)] ?? ""}`}>${t(`objects.${standing(one)}`)}</span></button></li>`)}
      ${objects.length > SHOWN_MAX && html`<li class="quiet">${t("objects.many", { count: whole(objects.length) })}</li>`}</ol>
    ${current && html`<${Drawings} key=${current.object_id} unit=${unit} content=${content} mediaType=${mediaType} one=${current} />`}</div></section>`;
}

const sidesOf = (one) => [...new Set(one.drawn.flatMap((each) => each.sides))].sort((left, right) => left - right);
const titleOf = (schema, name) => {
  const field = fieldsOf(schema).find((one) => one.name === name);
  return field.title || field.name;
};

// Every way in which the object was drawn, alone.
function Drawings({ unit, content, mediaType, one }) {
  const field = fieldsOf(unit.label_schema).find(({ name }) => name === one.field);
  const kind = kindOf(field.schema);
  const label = useMemo(() => ({ [one.kind]: one.drawn.map((each) => each.region) }), [one.object_id]);
  return html`<figure class="object-drawn"><${kind.Shown} schema=${field.schema} content=${content} mediaType=${mediaType} label=${label} />
    <figcaption><ul class="pieces">${one.drawn.map((each) => html`<li dir="auto">${t("objects.drawnBy", { letters: each.sides.map(letter).join(", ") })}
      ${` `}${each.region.class}</li>`)}</ul></figcaption></figure>`;
}
