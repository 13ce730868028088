// Annotators who need help, and why: certainly under the bar on gold, slower or less right than is usual for them.
import { html } from "../parts/html.js";
import { clock, percent, t, whole } from "../parts/strings.js";

const SHOWN_MAX = 20;

// Every reason that there is for one annotator, as sentences; the worst comes first.
export function reasonsOf(one, bar, now = Date.now()) {
  const found = [];
  const { high } = one.accuracy;
  // The whole interval is under the bar: one unlucky gold unit is no reason to send for somebody.
  if (one.gold_units > 0 && high !== null && high < bar) {
    found.push(t("help.gold", { right: whole(one.gold_correct), all: whole(one.gold_units), bar: percent(bar, 0) }));
  }
  if (one.fatigue?.less_accurate) found.push(t("help.lessRight"));
  if (one.fatigue?.slower) found.push(t("help.slower"));
  if (one.fatigue?.break_until && Date.parse(one.fatigue.break_until) > now) {
    found.push(t("help.onBreak", { reason: one.fatigue.break_reason, at: clock(Date.parse(one.fatigue.break_until)) }));
  }
  return found;
}

export function NeedHelp({ people, bar }) {
  const found = people.map((one) => [one, reasonsOf(one, bar)]).filter(([, reasons]) => reasons.length);
  return html`<section class="card help" aria-label=${t("help.title")}><h2>${t("help.title")} <span class="badge">${whole(found.length)}</span></h2>
    ${found.length ? html`<ul>${found.slice(0, SHOWN_MAX).map(([one, reasons]) => html`<li key=${one.annotator_id}><b dir="auto">${one.annotator_id}</b>
      ${reasons.map((reason) => html`<span>${reason}</span>`)}</li>`)}</ul>
      ${found.length > SHOWN_MAX && html`<p class="quiet">${t("help.more", { count: found.length - SHOWN_MAX })}</p>`}`
      : html`<p class="quiet">${t(people.length ? "help.nobody" : "project.noPeople")}</p>`}</section>`;
}
