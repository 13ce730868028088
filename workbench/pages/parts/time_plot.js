// A measure over the hours with its interval around it, and the line that it is held against.
import { html } from "./html.js";
import { Plot, lineOf } from "./plot.js";
import { clock } from "./strings.js";

const STEPS = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400].map((seconds) => seconds * 1_000);
const TICKS_MAX = 5;

// Places on a clock: full minutes and hours, as whoever reads them has them.
export function clockTicks([from, to]) {
  const step = STEPS.find((one) => (to - from) / one <= TICKS_MAX) ?? to - from;
  const apart = new Date(from).getTimezoneOffset() * 60_000;
  const first = Math.ceil((from - apart) / step) * step + apart;
  return Array.from({ length: Math.max(0, Math.floor((to - first) / step) + 1) }, (_, place) => first + place * step);
}

// Points are { at, value, low, high }; one without a value ends a line, for nobody looked until the next.
export function segmentsOf(points) {
  const segments = [[]];
  for (const one of points) {
    if (one.value === null) segments.push([]);
    else segments.at(-1).push(one);
  }
  return segments.filter((one) => one.length);
}

// The interval around a line, where there is one: of a few units none is known.
export function bandOf(points, x, y) {
  const known = points.filter(({ low, high }) => low !== null && high !== null);
  if (!known.length) return "";
  const back = lineOf(known.map(({ at, low }) => [at, low]).reverse(), x, y).replace("M", "L");
  return `${lineOf(known.map(({ at, high }) => [at, high]), x, y)}${back}Z`;
}

export function TimePlot({ label, points, up, target, nameY, shownY }) {
  const segments = segmentsOf(points);
  const from = segments[0][0].at;
  const across = [from, Math.max(segments.at(-1).at(-1).at, from + 30_000)];
  const fine = across[1] - across[0] < 6 * 60_000;
  return html`<${Plot} label=${label} across=${across} up=${up} ticks=${clockTicks(across)} shownX=${(at) => clock(at, fine)} shownY=${shownY}
    nameX="" nameY=${nameY} draw=${(x, y) => html`
      ${segments.map((one) => html`<path class="area way" d=${bandOf(one, x, y)} />`)}
      <line class="target" x1=${x(across[0])} x2=${x(across[1])} y1=${y(target)} y2=${y(target)} />
      ${segments.map((one) => html`<path class="line way" d=${lineOf(one.map(({ at, value }) => [at, value]), x, y)} />`)}
      <circle class="here" cx=${x(segments.at(-1).at(-1).at)} cy=${y(segments.at(-1).at(-1).value)} r="4" />`} />`;
}
