// Upright rectangles in a picture, in its pixels. Nothing turns them, for a label has no turn.
import { html } from "../parts/html.js";
import { whole } from "../parts/strings.js";
import { RegionEditor, RegionsShown, freshKey, inside, rounded } from "./regions.js";

const MOST = 500;
const DRAG_SCREEN_PIXELS = 3;
// Less is a click that slipped.
const SIDE_MIN = 1;
const HANDLE = 9;

const edges = (one) => [[one.left, one.top], [one.right, one.top], [one.right, one.bottom], [one.left, one.bottom]];
const holds = (one, [x, y]) => one.left <= x && x <= one.right && one.top <= y && y <= one.bottom;
const area = (one) => (one.right - one.left) * (one.bottom - one.top);
const near = ([x, y], [u, v], reach) => Math.abs(x - u) <= reach && Math.abs(y - v) <= reach;

function spanned([x, y], [u, v]) {
  return { left: Math.min(x, u), top: Math.min(y, v), right: Math.max(x, u), bottom: Math.max(y, v) };
}

function moved(one, x, y, { width, height }) {
  const dx = Math.min(width - one.right, Math.max(-one.left, x));
  const dy = Math.min(height - one.bottom, Math.max(-one.top, y));
  const by = { left: rounded(one.left + dx), right: rounded(one.right + dx) };
  return { ...one, ...by, top: rounded(one.top + dy), bottom: rounded(one.bottom + dy) };
}

function resized(one, x, y, { width, height }) {
  const right = Math.min(width, Math.max(one.left + SIDE_MIN, one.right + x));
  const bottom = Math.min(height, Math.max(one.top + SIDE_MIN, one.bottom + y));
  return { ...one, right: rounded(right), bottom: rounded(bottom) };
}

function fresh({ width, height }, count) {
  // Each a little further, so that two never lie upon one another unseen.
  const shift = (count % 10) * 8;
  const [left, top] = inside([width * 0.4 + shift, height * 0.4 + shift], { width, height });
  return { left, top, right: rounded(Math.min(width, left + width * 0.2)), bottom: rounded(Math.min(height, top + height * 0.2)) };
}

function usePointer({ draft, chosen, choose, region, put, add, live, setLive, size, gesture, current }) {
  const cancel = () => {
    gesture.current = null;
    setLive(null);
  };
  const down = (at, event, scale) => {
    const reach = HANDLE / scale;
    const corner = region ? edges(region).findIndex((edge) => near(at, edge, reach)) : -1;
    if (corner >= 0) {
      gesture.current = { from: edges(region)[(corner + 2) % 4], one: region, resize: true };
      return;
    }
    // The smallest that lies there; the chosen one keeps hold where it lies there, too.
    const here = draft.filter((one) => holds(one, at)).sort((one, other) => area(one) - area(other));
    const taken = here.find((one) => one.key === chosen) ?? here[0];
    if (taken && !event.shiftKey) {
      choose(taken.key);
      gesture.current = { from: at, one: taken };
    } else {
      choose(null);
      gesture.current = { from: inside(at, size), one: null, key: freshKey() };
    }
  };
  const move = (at, _event, scale) => {
    const now = gesture.current;
    if (!now) return;
    if (now.resize || !now.one) {
      const box = spanned(now.from, inside(at, size));
      if (now.one || Math.max(box.right - box.left, box.bottom - box.top) * scale >= DRAG_SCREEN_PIXELS) {
        setLive({ class: current, key: now.key, ...now.one, ...box });
      }
    } else if (Math.max(Math.abs(at[0] - now.from[0]), Math.abs(at[1] - now.from[1])) * scale >= DRAG_SCREEN_PIXELS || live) {
      setLive(moved(now.one, at[0] - now.from[0], at[1] - now.from[1], size));
    }
  };
  const up = () => {
    const now = gesture.current;
    if (now && live && live.right - live.left >= SIDE_MIN && live.bottom - live.top >= SIDE_MIN) {
      if (now.one) put(live);
      else add(live);
    }
    cancel();
  };
  return { down, move, up, cancel, keys: {} };
}

function Drawn({ region, pixel, chosen, colour }) {
  const { left, top, right, bottom } = region;
  const half = 4 * pixel;
  return html`<g class=${`drawn ${colour} ${chosen ? "chosen" : ""}`}>
    <rect x=${left} y=${top} width=${Math.max(0, right - left)} height=${Math.max(0, bottom - top)} />
    <text x=${left} y=${top - 4 * pixel} font-size=${12 * pixel}>${region.class}</text>
    ${chosen && edges(region).map(([x, y]) => html`<rect class="handle" x=${x - half} y=${y - half} width=${2 * half} height=${2 * half} />`)}</g>`;
}

const shape = { name: "boxes", most: MOST, fresh, moved, resized, usePointer, Drawn };
const place = ({ left, top, right, bottom }) => `${whole(left)}, ${whole(top)} – ${whole(right)}, ${whole(bottom)}`;

export default {
  showsContent: true,
  begin: () => [],
  problem: () => null,
  label: (draft) => ({ boxes: draft.map(({ left, top, right, bottom, class: name }) => ({ left, top, right, bottom, class: name })) }),
  draft: (label) => label.boxes.map((one) => ({ ...one, key: freshKey() })),
  pieces: (label) => label.boxes.map((one) => `${one.class}: ${place(one)}`),
  Editor: (all) => html`<${RegionEditor} ...${all} shape=${shape} listed=${place} />`,
  Shown: ({ label, ...all }) => html`<${RegionsShown} ...${all} regions=${label.boxes} shape=${shape} />`,
};
