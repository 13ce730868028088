// What the contract promises, how each of it stands, and what is broken now.
import { html } from "../parts/html.js";
import { duration, moment, number, percent, t } from "../parts/strings.js";
import { interval, stateOf } from "./quality.js";

const SHOWN = {
  alpha: number, label_error_rate: (value) => percent(value, 2), audit_pass_rate: (value) => percent(value, 0), turnaround_p95_seconds: duration,
};
const AT_LEAST = new Set(["alpha", "audit_pass_rate"]);

export const shownOf = (target) => SHOWN[target] ?? number;
export const limitOf = (one) => t(AT_LEAST.has(one.target) ? "promise.least" : "promise.most", { value: shownOf(one.target)(one.limit) });

// A miss that has held for a minute: metrics says so once, and takes it back when it is met again.
export function Alerts({ targets }) {
  const broken = targets.filter((one) => one.breached);
  return html`<div role="alert" class="alerts">${broken.map((one) => html`<p key=${one.target} class="notice bad"><b>${t(`target.${one.target}`)}</b>${" "}
    ${t("promise.broken", { value: one.found.value === null ? "–" : shownOf(one.target)(one.found.value), limit: limitOf(one) })}
    ${one.since && html`${" "}<time datetime=${one.since}>${t("promise.since", { at: moment(one.since) })}</time>`}</p>`)}</div>`;
}

export function Promises({ targets }) {
  return html`<section class="card"><h2>${t("promise.title")}</h2><ul class="promises">${targets.map((one) => {
    const shown = shownOf(one.target);
    const state = stateOf(one);
    return html`<li key=${one.target} class=${state}><span class="name">${t(`target.${one.target}`)}</span>
      <span class="state">${t(state ? `state.${state}` : "promise.few")}</span>
      <span class="value">${one.found.value === null ? "–" : shown(one.found.value)} <span class="quiet whole">${interval(one.found, shown)}</span></span>
      <span class="quiet">${limitOf(one)}</span></li>`;
  })}</ul></section>`;
}
