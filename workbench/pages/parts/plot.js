// Small plots as SVG: text that can be read and coloured by the page's own style, in the dark as in the light.
import { html } from "./html.js";

const HEIGHT = 220;
const EDGE = { left: 46, right: 14, top: 22, bottom: 34 };

// What is counted has no ticks between: `least` is the smallest step.
export function ticksOf(low, high, count = 5, least = 0) {
  const span = high - low || 1;
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(least, [1, 2, 5, 10].map((one) => one * power).find((one) => span / one <= count) ?? rough);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, place) => Number(((first + place) * step).toPrecision(12)));
}

// A frame with two axes. `draw(x, y)` gets what turns values into places; `ticks` are places across that are no round numbers.
export function Plot({ label, across, up, nameX, nameY, shownX = String, shownY = String, draw, least = 0, ticks = null, width = 480, height = HEIGHT }) {
  const x = (value) => EDGE.left + (value - across[0]) / (across[1] - across[0] || 1) * (width - EDGE.left - EDGE.right);
  const y = (value) => height - EDGE.bottom - (value - up[0]) / (up[1] - up[0] || 1) * (height - EDGE.top - EDGE.bottom);
  return html`<svg class="plot" viewBox=${`0 0 ${width} ${height}`} role="img" aria-label=${label}>
    ${ticksOf(...up, 4, least).map((value) => html`<g><line class="grid" x1=${EDGE.left} x2=${width - EDGE.right} y1=${y(value)} y2=${y(value)} />
      <text x=${EDGE.left - 6} y=${y(value) + 4} text-anchor="end">${shownY(value)}</text></g>`)}
    ${(ticks ?? ticksOf(...across, 7, least)).map((value) => html`<text x=${x(value)} y=${height - EDGE.bottom + 16} text-anchor="middle">${shownX(value)}</text>`)}
    <text class="name" x=${width - EDGE.right} y=${height - 4} text-anchor="end">${nameX}</text>
    <text class="name" x=${EDGE.left} y=${EDGE.top - 9}>${nameY}</text>
    ${draw(x, y)}</svg>`;
}

export const lineOf = (points, x, y) => points.map(([u, v], place) => `${place ? "L" : "M"}${x(u).toFixed(1)} ${y(v).toFixed(1)}`).join("");

// Steps: each value holds until the next place.
export function stepsOf(points, x, y) {
  return points.map(([u, v], place) => {
    const across = place ? `H${x(u).toFixed(1)}` : "";
    return `${across}${place ? "V" : `M${x(u).toFixed(1)} `}${y(v).toFixed(1)}`;
  }).join("");
}
