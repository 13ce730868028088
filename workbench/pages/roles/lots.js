// A project's lots: where each stands, and the way of one to its verdict.
import { html, useEffect, useState } from "../parts/html.js";
import { useAddress } from "../parts/address.js";
import { ask, isLater } from "../parts/api.js";
import { percent, t, whole } from "../parts/strings.js";
import { Table } from "../parts/table.js";
import { Dialog } from "../parts/dialog.js";
import { Progress } from "./audit.js";

const LOOK_MS = 8_000;
// With every news of lots, and now and then without any: a lot that waits tells why.
const PAGE = 200;
const LOTS_MAX = 2_000;
// More than this are not drawn; the list is by id, and the newest may be among those left out.
const STATES = ["sealed", "auditing", "inspecting_all", "relabelling", "accepted"];
const HELD = "held";
// Is no state of its own: a held lot is inspected, and not accepted before units of who is at fault for another were.

async function all(id) {
  const lots = [];
  let after = "";
  while (lots.length < LOTS_MAX) {
    const told = await ask("audit", "GET", `/projects/${id}/lots?limit=${PAGE}&after=${encodeURIComponent(after)}`);
    lots.push(...told.lots);
    if (told.next === null) break;
    after = told.next;
  }
  return lots;
}

// `news` is whatever is known of the lots: when it changes they are looked at anew.
export function Lots({ id, news }) {
  const [lots, setLots] = useState(null);
  const [{ only }, keep] = useAddress({ only: "" }, "lots.");
  const [opened, open] = useState(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    let timer = 0;
    let over = false;
    const look = async () => {
      try {
        if (!document.hidden) {
          const found = await all(id);
          if (over) return;
          setLots(found);
          setProblem("");
        }
      } catch (fault) {
        if (!over && !isLater(fault)) setProblem(fault.message);
      }
      if (!over) timer = setTimeout(look, LOOK_MS);
    };
    look();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [news]);
  const rows = (lots ?? []).filter((one) => !only || one.status === only || (only === HELD && one.held));
  const columns = [
    ["lot", t("lots.lot"), (one) => html`<button type="button" class="link" onClick=${() => open(one.lot_id)}><code>${one.lot_id}</code></button>`, (one) => one.lot_id],
    ["status", t("lots.status"), (one) => html`<span class=${`badge ${one.status}`}>${stateOf(one.status)}</span>${one.held && html` <span class="badge held">${t("lots.held")}</span>`}${one.waits_for && html`<p class="quiet">${t(`lots.waits.${one.waits_for}`)}</p>`}`, (one) => one.status],
    ["units", t("lots.units"), (one) => whole(one.units), (one) => one.units],
    ["inspected", t("lots.inspected"), (one) => t("lots.of", { count: one.inspected, sample: one.sample_size }), (one) => one.inspected],
    ["errors", t("lots.errors"), (one) => whole(one.errors), (one) => one.errors],
    ["rate", t("lots.rate"), (one) => rateOf(one.label_error_rate), (one) => one.label_error_rate?.value ?? null],
  ];
  const filter = html`<label class="filter">${t("lots.only")} <select value=${only} onChange=${(event) => keep({ only: event.target.value })}>
    <option value="">${t("lots.any")}</option>${STATES.map((one) => html`<option value=${one}>${stateOf(one)}</option>`)}<option value=${HELD}>${t("lots.held")}</option></select></label>`;
  const shown = lots?.find((one) => one.lot_id === opened);
  return html`${problem && html`<p class="problem" role="alert">${problem}</p>`}
    <${Table} name="lots" caption=${t("lots.title")} columns=${columns} rows=${rows} empty=${t(lots?.length ? "lots.noneSuch" : "lots.none")} filters=${lots?.length ? filter : null} />
    ${shown && html`<${Dialog} title=${shown.lot_id} close=${() => open(null)}><p><span class=${`badge ${shown.status}`}>${stateOf(shown.status)}</span>${shown.held && html` <span class="badge held">${t("lots.held")}</span>`}</p>
      ${shown.held_for?.length > 0 && html`<p>${t("lots.heldFor")} ${shown.held_for.map((lot) => html`<code dir="ltr">${lot}</code> `)}</p>`}
      ${shown.re_review && html`<p>${t("lots.reReview", { ...shown.re_review })}</p>`}
      ${shown.corrected_since > 0 && html`<p>${t("lots.correctedSince", { count: shown.corrected_since })}</p>`}
      ${shown.waits && html`<p dir="auto">${shown.waits}</p>`}
      <p class="quiet"><code dir="ltr">${shown.plan}</code></p><${Progress} lot=${shown} /><//>`}`;
}

const stateOf = (status) => (t(`lot.${status}`) === `lot.${status}` ? status : t(`lot.${status}`));

function rateOf(rate) {
  if (!rate || rate.value === null) return "–";
  const shown = (value) => (value === null ? "–" : percent(value, 2));
  return `${shown(rate.value)} ${t("project.interval", { low: shown(rate.low), high: shown(rate.high) })}`;
}
