// A lot's way to its verdict, against the lines at which its plan accepts or rejects.
import { html, useEffect, useState } from "./html.js";
import { planOf } from "./api.js";
import { Plot, stepsOf } from "./plot.js";
import { t, whole } from "./strings.js";

const known = new Map();

export function usePlan(terms) {
  const key = JSON.stringify(terms);
  const [plan, setPlan] = useState(known.get(key) ?? null);
  useEffect(() => {
    let over = false;
    if (!terms) return undefined;
    const { lot_units: units, ...audit } = terms;
    planOf({ fraction: 0.05, ...audit }, units).then((found) => {
      known.set(key, found);
      if (!over) setPlan(found);
    }, () => { /* too fine to be drawn: the numbers stand beside */ });
    return () => { over = true; };
  }, [key]);
  return plan;
}

// A plan that decides once, at its end, has no lines along the way: what it decides from there on stands upright.
function upright(points, x, y, edge, kind) {
  if (points.length !== 1) return null;
  const [[n, at]] = points;
  return html`<path class=${`line end ${kind}`} d=${`M${x(n)} ${y(Math.min(at, 1e6))}V${y(edge)}`} />`;
}

export function PlanPlot({ plan, inspected, errors }) {
  const most = Math.max(2, ...plan.accept_at.filter((one) => one < 1e6), errors) + 2;
  const reject = plan.inspected.map((n, place) => [n, plan.reject_at[place]]).filter(([n, at]) => at <= n);
  const accept = plan.inspected.map((n, place) => [n, plan.accept_at[place]]).filter(([, at]) => at >= 0);
  const label = t("plan.label", { inspected, errors, sample: plan.sample_max });
  const close = (points, x, y, edge) => (points.length
    ? `${stepsOf(points, x, y)}H${x(plan.sample_max).toFixed(1)}V${y(edge).toFixed(1)}H${x(points[0][0]).toFixed(1)}Z` : "");
  return html`<figure><${Plot} label=${label} across=${[0, plan.sample_max]} up=${[0, most]} nameX=${t("plan.inspected")} nameY=${t("plan.errors")}
    shownX=${whole} shownY=${whole} least=${1} width=${400} draw=${(x, y) => html`
      <path class="area bad" d=${close(reject.map(([n, at]) => [n, Math.min(at, most)]), x, y, most)} />
      <path class="area good" d=${close(accept, x, y, 0)} />
      ${upright(reject, x, y, most, "bad")}${upright(accept, x, y, 0, "good")}
      <path class="line bad" d=${stepsOf(reject.map(([n, at]) => [n, Math.min(at, most)]), x, y)} />
      <path class="line good" d=${stepsOf(accept, x, y)} />
      <path class="line way" d=${`M${x(0)} ${y(0)}L${x(inspected)} ${y(errors)}`} />
      <circle class="here" cx=${x(inspected)} cy=${y(errors)} r="5" />`} />
    <figcaption>${reject.length > 0 && html`<span class="key bad">${t("plan.reject")}</span>`}${accept.length > 0 && html`<span class="key good">${t("plan.accept")}</span>`}
      <span class="key way">${t("plan.here", { inspected, errors })}</span></figcaption></figure>`;
}
