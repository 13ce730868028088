// Closing escalations together: how many each bar would settle and how many errors that leaves, then one word with its reason.
import { html, useEffect, useState } from "../parts/html.js";
import { Away, ask } from "../parts/api.js";
import { Dialog } from "../parts/dialog.js";
import { KeyButton, useKeys } from "../parts/keys.js";
import { number, percent, t, whole } from "../parts/strings.js";

const REASON_CHARACTERS_MAX = 2_000;
const FIRST_BAR = 0.9;
const LOOK_MS = 15_000;

const barShown = (above) => percent(above, above * 100 % 1 ? 1 : 0);

export default function Closing({ one }) {
  const id = encodeURIComponent(one);
  const [told, tell] = useState(null);
  const [above, setAbove] = useState(FIRST_BAR);
  const [reason, setReason] = useState("");
  const [asked, ask_] = useState(false);
  const [closing, setClosing] = useState(null);
  const [done, setDone] = useState(null);
  const [problem, setProblem] = useState("");
  const load = async () => {
    try {
      tell(await ask("adjudicate", "GET", `/projects/${id}/escalations/bars`));
      setProblem("");
    } catch (fault) {
      if (!(fault instanceof Away)) setProblem(fault.message);
    }
  };
  useEffect(() => {
    load();
    const timer = setInterval(load, LOOK_MS);
    return () => clearInterval(timer);
  }, []);
  const bars = told?.bars ?? [];
  const at = bars.findIndex((bar) => bar.above === above);
  const bar = bars[at];
  const go = (step) => () => (asked || at < 0 ? false : setAbove(bars[Math.max(0, Math.min(bars.length - 1, at + step))].above));
  const begin = () => {
    if (!bar?.units || !reason.trim() || closing) return false;
    return ask_(true);
  };
  useKeys({ down: go(1), up: go(-1), submit: begin });
  // A call settles so many and no more: again, until none is left that is so sure, or nothing more is settled.
  const close = async () => {
    ask_(false);
    let [units, errors, left] = [0, 0, bar.units];
    try {
      while (left) {
        setClosing({ units, of: bar.units });
        const found = await ask("adjudicate", "POST", `/projects/${id}/escalations/close`, { above, reason: reason.trim() });
        units += found.units;
        errors += found.expected_errors ?? 0;
        if (!found.units) break;
        ({ left } = found);
      }
      setDone({ units, left, above, errors: bar.expected_errors === null ? null : errors });
      setReason("");
    } catch (fault) {
      setProblem(`${t("closing.stopped", { count: units })} ${fault.message}`);
    }
    setClosing(null);
    await load();
  };
  return html`<main class="narrow closing" id="main" tabindex="-1"><h1>${t("closing.title")}</h1>
    <p><a href=${`/projects/${id}`}>${t("closing.project")}</a></p><p class="lead">${t("closing.lead")}</p>
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    <p role="status">${done && html`<span class="notice good">${t("closing.done", { count: done.units, bar: barShown(done.above) })}
      ${done.errors !== null && ` ${t("closing.wrong", { errors: number(done.errors) })}`} ${done.left > 0 && t("closing.left", { count: done.left })}</span>`}
      ${closing && t("closing.going", { count: closing.units, of: whole(closing.of) })}</p>
    ${!told ? !problem && html`<p class="quiet" aria-busy="true">${t("loading")}</p>` : html`<${Bars} told=${told} above=${above} choose=${setAbove} />
      <label class="writing">${t("closing.reason")}<textarea rows="2" dir="auto" maxlength=${REASON_CHARACTERS_MAX} value=${reason} disabled=${Boolean(closing)}
        onInput=${(event) => setReason(event.target.value)} /></label>
      <div class="picks reasons">${["closing.reasonSure", "closing.reasonCost"].map((name) => html`
        <button type="button" class="pick small" onClick=${() => setReason(t(name))}>${t(name)}</button>`)}</div>
      <div class="tools"><p class="quiet">${t("closing.flagged")}</p>
        <${KeyButton} kind="primary" of="submit" disabled=${!bar?.units || !reason.trim() || Boolean(closing)} onClick=${begin}>${t("closing.close", { count: bar?.units ?? 0 })}<//></div>`}
    ${asked && bar && html`<${Sure} bar=${bar} close=${close} leave=${() => ask_(false)} />`}</main>`;
}

function Bars({ told, above, choose }) {
  const most = Math.max(1, ...told.bars.map((bar) => bar.units));
  return html`<fieldset class="bars"><legend>${t("closing.waiting", { count: told.waiting })} <span class="quiet">${t("closing.keys")}</span></legend>
    <div class="scroll"><table><thead><tr><th class="plain" scope="col">${t("closing.bar")}</th><th class="plain" scope="col">${t("closing.units")}</th>
      <th class="plain" scope="col">${t("closing.errors")}</th><th class="plain" scope="col">${t("closing.least")}</th></tr></thead>
    <tbody>${told.bars.map((bar) => html`<tr key=${bar.above} class=${bar.above === above ? "chosen" : ""} onClick=${() => choose(bar.above)}>
      <td><label class="check"><input type="radio" name="bar" checked=${bar.above === above} onChange=${() => choose(bar.above)} /> ${barShown(bar.above)}</label></td>
      <td><span class="amount">${whole(bar.units)}</span><meter min="0" max=${most} value=${bar.units} aria-hidden="true"></meter></td>
      <td>${bar.expected_errors === null ? t("closing.noChance") : number(bar.expected_errors)}</td>
      <td>${bar.least_sure_unit_id && html`<a href=${`/units/${encodeURIComponent(bar.least_sure_unit_id)}`}>${t("closing.look")}</a>`}</td></tr>`)}</tbody></table></div></fieldset>`;
}

function Sure({ bar, close, leave }) {
  return html`<${Dialog} title=${t("closing.sure", { count: bar.units })} close=${leave}>
    <p>${t("closing.binding", { bar: barShown(bar.above) })} ${bar.expected_errors !== null && t("closing.wrong", { errors: number(bar.expected_errors) })}</p>
    <div class="tools"><button type="button" class="button" autofocus onClick=${leave}>${t("closing.leave")}</button>
      <button type="button" class="button primary" onClick=${close}>${t("closing.yes", { count: bar.units })}</button></div><//>`;
}
