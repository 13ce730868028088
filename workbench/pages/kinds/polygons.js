// Outlines in a picture, in its pixels: each point once, in the order in which they were drawn.
import { html, useState } from "../parts/html.js";
import { KeyButton } from "../parts/keys.js";
import { t } from "../parts/strings.js";
import { RegionEditor, RegionsShown, freshKey, inside, rounded } from "./regions.js";

const MOST = 200;
const POINTS_MAX = 500;
const HANDLE = 9;
const DRAG_SCREEN_PIXELS = 3;

const near = ([x, y], [u, v], reach) => Math.hypot(x - u, y - v) <= reach;

function holds(points, [x, y]) {
  let is = false;
  points.forEach(([x1, y1], place) => {
    const [x0, y0] = points.at(place - 1);
    if ((y1 > y) !== (y0 > y) && x < (x0 - x1) * (y - y1) / (y0 - y1) + x1) is = !is;
  });
  return is;
}

const area = (points) => Math.abs(points.reduce((sum, [x, y], place) => {
  const [u, v] = points.at(place - 1);
  return sum + u * y - x * v;
}, 0)) / 2;

const turn = ([ax, ay], [bx, by], [cx, cy]) => Math.sign((bx - ax) * (cy - ay) - (by - ay) * (cx - ax));

// Whether two sides that are no neighbours meet: such an outline has no inside.
export function crosses(points) {
  const sides = points.map((point, place) => [point, points[(place + 1) % points.length]]);
  for (let one = 0; one < sides.length; one += 1) {
    for (let other = one + 2; other < sides.length; other += 1) {
      if (one === 0 && other === sides.length - 1) continue;
      const [a, b] = sides[one];
      const [c, d] = sides[other];
      if (turn(a, b, c) !== turn(a, b, d) && turn(c, d, a) !== turn(c, d, b)) return true;
    }
  }
  return false;
}

function shifted(points, x, y, { width, height }) {
  const xs = points.map(([one]) => one);
  const ys = points.map(([, one]) => one);
  const dx = Math.min(width - Math.max(...xs), Math.max(-Math.min(...xs), x));
  const dy = Math.min(height - Math.max(...ys), Math.max(-Math.min(...ys), y));
  return points.map(([u, v]) => [rounded(u + dx), rounded(v + dy)]);
}

const withPoint = (one, place, point) => ({ ...one, points: one.points.map((old, at) => (at === place ? point : old)) });

function fresh({ width, height }, count) {
  const shift = (count % 10) * 8;
  const at = (x, y) => inside([width * x + shift, height * y + shift], { width, height });
  return { points: [at(0.5, 0.38), at(0.62, 0.6), at(0.38, 0.6)] };
}

function usePointer(tools) {
  const { draft, chosen, choose, region, put, add, live, setLive, size, gesture, current } = tools;
  const [point, setPoint] = useState(null);
  const at = region && point !== null && point < region.points.length ? point : null;
  const cancel = () => {
    gesture.current = null;
    setLive(null);
  };
  const close = () => {
    if (!live?.open || live.points.length < 3) return false;
    const { open, ...whole_ } = live;
    cancel();
    add(whole_);
    return true;
  };
  const down = (place, event, scale) => {
    const reach = HANDLE / scale;
    if (live?.open) {
      if (near(place, live.points[0], reach) && live.points.length > 2) close();
      else if (!near(place, live.points.at(-1), 1 / scale) && live.points.length < POINTS_MAX) {
        setLive({ ...live, points: [...live.points, inside(place, size)] });
      }
      return;
    }
    const corner = region ? region.points.findIndex((one) => near(place, one, reach)) : -1;
    if (corner >= 0) {
      setPoint(corner);
      gesture.current = { one: region, corner, from: place };
      return;
    }
    const here = draft.filter((one) => holds(one.points, place)).sort((one, other) => area(one.points) - area(other.points));
    const taken = here.find((one) => one.key === chosen) ?? here[0];
    setPoint(null);
    if (taken && !event.shiftKey) {
      choose(taken.key);
      gesture.current = { one: taken, from: place };
    } else {
      choose(null);
      setLive({ open: true, class: current, key: freshKey(), points: [inside(place, size)] });
    }
  };
  const move = (place, _event, scale) => {
    const now = gesture.current;
    if (!now) return;
    if (!live && !((Math.hypot(place[0] - now.from[0], place[1] - now.from[1])) * scale >= DRAG_SCREEN_PIXELS)) return;
    setLive(now.corner === undefined
      ? { ...now.one, points: shifted(now.one.points, place[0] - now.from[0], place[1] - now.from[1], size) }
      : withPoint(now.one, now.corner, inside(place, size)));
  };
  const up = () => {
    if (live?.open) return;
    if (gesture.current && live) put(live);
    cancel();
  };
  const insert = () => {
    if (!region) return false;
    const from = at ?? 0;
    const to = (from + 1) % region.points.length;
    const middle = region.points[from].map((value, axis) => rounded((value + region.points[to][axis]) / 2));
    put({ ...region, points: [...region.points.slice(0, from + 1), middle, ...region.points.slice(from + 1)] });
    return setPoint(from + 1);
  };
  const keys = {
    point: () => (region ? setPoint(at === null ? 0 : (at + 1) % region.points.length) : false),
    insert,
    ...(live?.open ? { submit: () => { close(); }, undo: () => setLive(live.points.length > 1
      ? { ...live, points: live.points.slice(0, -1) } : null) } : {}),
    ...(at !== null ? {
      remove: () => {
        if (region.points.length <= 3) return false;
        put({ ...region, points: region.points.filter((_, place) => place !== at) });
        return setPoint(null);
      },
      cancel: () => setPoint(null),
    } : {}),
  };
  const buttons = live?.open && html`<${KeyButton} kind="small" of="submit" onClick=${close} disabled=${live.points.length < 3}>${t("polygons.close")}<//>`;
  // An arrow moves the chosen point, or the whole outline where none is.
  const movedBy = (one, x, y) => (at === null ? moved(one, x, y, size)
    : withPoint(one, at, inside([one.points[at][0] + x, one.points[at][1] + y], size)));
  return { down, move, up, cancel, keys, point: at, moved: movedBy, tools: buttons };
}

function moved(one, x, y, size) {
  return { ...one, points: shifted(one.points, x, y, size) };
}

function Drawn({ region, pixel, chosen, open, point, colour }) {
  const { points } = region;
  const text = points.map((one) => one.join(",")).join(" ");
  const half = 4 * pixel;
  return html`<g class=${`drawn ${colour} ${chosen ? "chosen" : ""}`}>
    ${open ? html`<polyline points=${text} />` : html`<polygon points=${text} />`}
    <text x=${points[0][0]} y=${points[0][1] - 6 * pixel} font-size=${12 * pixel}>${region.class}</text>
    ${(chosen || open) && points.map(([x, y], place) => html`<circle class=${`handle ${chosen && place === point ? "held" : ""}`}
      cx=${x} cy=${y} r=${half} />`)}</g>`;
}

const shape = { name: "polygons", most: MOST, fresh, moved, resized: () => null, usePointer, Drawn };

export default {
  showsContent: true,
  begin: () => [],
  problem(draft) {
    const at = draft.findIndex(({ points }) => crosses(points));
    return at < 0 ? null : ["polygons.crosses", { place: at + 1 }];
  },
  label: (draft) => ({ polygons: draft.map(({ points, class: name }) => ({ points, class: name })) }),
  draft: (label) => label.polygons.map((one) => ({ ...one, key: freshKey() })),
  pieces: (label) => label.polygons.map((one) => `${one.class}: ${one.points.map(([x, y]) => `${x},${y}`).join(" ")}`),
  Editor: (all) => html`<${RegionEditor} ...${all} shape=${shape}
    listed=${(one) => t("polygons.points", { count: one.points.length })} />`,
  Shown: ({ label, ...all }) => html`<${RegionsShown} ...${all} regions=${label.polygons} shape=${shape} />`,
};
