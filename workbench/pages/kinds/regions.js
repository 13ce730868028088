// Drawing in a picture, alike for boxes and polygons: choose, move, change class, remove, by mouse and by keys.
import { html, useLayoutEffect, useRef, useState } from "../parts/html.js";
import { KeyButton, useKeys } from "../parts/keys.js";
import { imageOf, Value } from "../parts/content.js";
import { Picture } from "../parts/picture.js";
import { t, whole } from "../parts/strings.js";
import { Picker, colourOf, useInView } from "./pick.js";

const NUDGE = 1;
const FAR = 10;
let drawn = 0;

export const freshKey = () => `drawn-${drawn += 1}`;
// A hundredth of a pixel is finer than any hand, and keeps labels short.
export const rounded = (value) => Math.round(value * 100) / 100;
export const inside = ([x, y], { width, height }) => [
  rounded(Math.min(width, Math.max(0, x))), rounded(Math.min(height, Math.max(0, y)))];

// `shape` is what boxes and polygons differ in:
//   fresh(size, count)                a region drawn by key, in the middle
//   moved(region, dx, dy, size)       the region elsewhere, as far as the picture goes
//   resized(region, dx, dy, size)     its far corner elsewhere; null where that is not how it changes
//   pointer(tools)                    what the mouse does
//   Drawn                             one region as SVG
export function RegionEditor({ schema, content, mediaType, draft, change, shape, listed, pointed }) {
  const source = imageOf(mediaType, content);
  const [chosen, choose] = useState(null);
  const [current, setCurrent] = useState(schema.classes[0]);
  const [live, setLive] = useState(null);
  const [size, setSize] = useState(null);
  const gesture = useRef(null);
  const list = useInView(chosen);
  useLayoutEffect(() => {
    if (pointed) choose(pointed.key);
  }, [pointed?.key]);
  const region = draft.find((one) => one.key === chosen) ?? null;
  const put = (next) => change(draft.map((one) => (one.key === next.key ? next : one)));
  const add = (next) => {
    if (draft.length >= shape.most) return;
    change([...draft, next]);
    choose(next.key);
  };
  const remove = (key) => {
    change(draft.filter((one) => one.key !== key));
    choose(null);
  };
  const pick = (name) => {
    setCurrent(name);
    if (region) put({ ...region, class: name });
  };
  const tools = { draft, chosen, choose, region, put, add, live, setLive, size, gesture, current };
  const pointer = shape.usePointer(tools);
  const nudge = (x, y) => () => (region && size ? put((pointer.moved ?? shape.moved)(region, x, y, size)) : false);
  const grow = (x, y) => () => {
    const next = region && size && shape.resized(region, x, y, size);
    return next ? put(next) : false;
  };
  const go = (step) => () => {
    if (!draft.length) return false;
    const at = draft.findIndex((one) => one.key === chosen);
    return choose(draft[at < 0 ? (step > 0 ? 0 : draft.length - 1) : (at + step + draft.length) % draft.length].key);
  };
  useKeys({
    add: () => (size ? add({ ...shape.fresh(size, draft.length), class: current, key: freshKey() }) : false),
    next: go(1), previous: go(-1),
    remove: () => (region ? remove(chosen) : false),
    cancel: () => (live ? pointer.cancel() : choose(null)),
    left: nudge(-NUDGE, 0), right: nudge(NUDGE, 0), up: nudge(0, -NUDGE), down: nudge(0, NUDGE),
    farLeft: nudge(-FAR, 0), farRight: nudge(FAR, 0), farUp: nudge(0, -FAR), farDown: nudge(0, FAR),
    narrower: grow(-NUDGE, 0), wider: grow(NUDGE, 0), shorter: grow(0, -NUDGE), taller: grow(0, NUDGE),
    ...pointer.keys,
  });
  if (!source) return html`<p role="alert">${t("regions.noPicture")}</p><${Value} value=${content} />`;
  const shown = live && !draft.some((one) => one.key === live.key) ? [...draft, live] : draft;
  const draw = (pixel) => shown.map((one) => html`<${shape.Drawn} key=${one.key} region=${live?.key === one.key ? live : one}
    pixel=${pixel} chosen=${one.key === chosen} open=${live?.key === one.key && live.open} point=${pointer.point}
    colour=${colourOf(one.class, schema.classes)} />`);
  return html`<div class="drawing">
    <${Picture} source=${source} size=${size} onSize=${setSize} draw=${draw} pointer=${pointer} label=${t(`${shape.name}.picture`)}>
      <${KeyButton} kind="small" of="add" onClick=${() => size && add({ ...shape.fresh(size, draft.length), class: current, key: freshKey() })} />
      ${pointer.tools}<//>
    <div class="beside">
      <p class="quiet">${t(`${shape.name}.how`)}</p>
      <${Picker} names=${schema.classes} picked=${new Set([region?.class ?? current])} pick=${pick} coloured label=${t("regions.class")} />
      <ul class="regions" ref=${list} aria-label=${t("regions.list", { count: whole(draft.length) })}>
        ${draft.map((one, place) => html`<li key=${one.key}>
          <button type="button" class=${`region ${colourOf(one.class, schema.classes)}`} aria-current=${String(one.key === chosen)}
            onClick=${() => choose(one.key)}><b dir="auto">${whole(place + 1)} ${one.class}</b><span>${listed(one)}</span></button>
          ${one.key === chosen && html`<${KeyButton} of="remove" onClick=${() => remove(one.key)} />`}</li>`)}</ul>
    </div></div>`;
}

export function RegionsShown({ schema, content, mediaType, regions, shape }) {
  const [size, setSize] = useState(null);
  const source = imageOf(mediaType, content);
  const draw = (pixel) => regions.map((one, place) => html`<${shape.Drawn} key=${place} region=${one} pixel=${pixel}
    chosen=${false} colour=${colourOf(one.class, schema.classes)} />`);
  if (!source) return html`<p class="quiet">${t("regions.noPicture")}</p>`;
  return html`<${StillPicture} source=${source} size=${size} onSize=${setSize} draw=${draw} />`;
}

function StillPicture({ source, size, onSize, draw }) {
  return html`<div class="still"><img src=${source} alt=${t("unit.picture")}
    onLoad=${({ target }) => onSize({ width: target.naturalWidth, height: target.naturalHeight })} />
    ${size && html`<svg viewBox=${`0 0 ${size.width} ${size.height}`} aria-hidden="true">${draw(size.width / 400)}</svg>`}</div>`;
}
