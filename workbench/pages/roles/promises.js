// What the contract promises, how each of it stands, and what is broken now.
import { html } from "../parts/html.js";
import { digitsApart, duration, moment, number, percent, t } from "../parts/strings.js";
import { interval, stateOf } from "./quality.js";

// How the figures of a target are written, and with how many digits at least.
const WRITTEN = { alpha: [number, 3], label_error_rate: [percent, 2], audit_pass_rate: [percent, 0], turnaround_p95_seconds: [duration, 1] };
const AT_LEAST = new Set(["alpha", "audit_pass_rate"]);

// Writes the figures of a target and its limit alike: none reads as the limit that is not it, so that what is shown never says otherwise than the verdict.
export const shownOf = ({ target, limit, found }) => {
  const [written, least] = WRITTEN[target] ?? [number, 3];
  const figures = found ? [found.low, found.value, found.high] : [];
  const digits = limit === null || limit === undefined ? least : digitsApart(written, figures, limit, least);
  return (value) => written(value, digits);
};
export const limitOf = (one) => t(AT_LEAST.has(one.target) ? "promise.least" : "promise.most", { value: shownOf(one)(one.limit) });

// A miss that has held for a minute: metrics says so once, and takes it back when it is met again.
export function Alerts({ targets }) {
  const broken = targets.filter((one) => one.breached);
  return html`<div role="alert" class="alerts">${broken.map((one) => html`<p key=${one.target} class="notice bad"><b>${t(`target.${one.target}`)}</b>${" "}
    ${t("promise.broken", { value: one.found.value === null ? "–" : shownOf(one)(one.found.value), limit: limitOf(one) })}
    ${one.since && html`${" "}<time datetime=${one.since}>${t("promise.since", { at: moment(one.since) })}</time>`}</p>`)}</div>`;
}

export function Promises({ targets }) {
  return html`<section class="card"><h2>${t("promise.title")}</h2><ul class="promises">${targets.map((one) => {
    const shown = shownOf(one);
    const state = stateOf(one);
    return html`<li key=${one.target} class=${state}><span class="name">${t(`target.${one.target}`)}</span>
      <span class="state">${t(state ? `state.${state}` : "promise.few")}</span>
      <span class="value">${one.found.value === null ? "–" : shown(one.found.value)} <span class="quiet whole">${interval(one.found, shown)}</span></span>
      <span class="quiet">${limitOf(one)}</span></li>`;
  })}</ul></section>`;
}
