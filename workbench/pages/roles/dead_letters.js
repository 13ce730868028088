// Dead letters: what a service could not take, why, and sending it again when the cause is mended.
import { html, useEffect, useState } from "../parts/html.js";
import { Away, ask } from "../parts/api.js";
import { moment, t, whole } from "../parts/strings.js";
import { Table } from "../parts/table.js";

const SERVICES = ["ingest", "assign", "adjudicate", "audit", "metrics"];
// Each hands over the letters of the topics that it writes, and is who sends them again.
const PAGE = 100;
const LETTERS_MAX = 2_000;

// The next page of each service that has more, put behind what is there.
async function more(known) {
  const found = await Promise.all(SERVICES.map(async (service) => {
    const before = known[service] ?? { letters: [], next: "", left_out: 0 };
    if (before.next === null) return [service, before];
    const told = await ask(service, "GET", `/dead-letters?limit=${PAGE}${before.next && `&cursor=${encodeURIComponent(before.next)}`}`);
    return [service, { ...told, letters: [...before.letters, ...told.letters.map((one) => ({ ...one, at: service }))] }];
  }));
  return Object.fromEntries(found);
}

export default function DeadLetters() {
  const [known, setKnown] = useState(null);
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState("");
  const run = async (name, act) => {
    setBusy(name);
    setProblem("");
    try {
      await act();
    } catch (fault) {
      setProblem(fault instanceof Away ? t("letters.away") : fault.message);
    }
    setBusy("");
  };
  const load = (from) => run("load", async () => setKnown(await more(from)));
  useEffect(() => {
    load({});
  }, []);
  const send = ({ at, letter_id: id }) => run(id, async () => {
    const sent = await ask(at, "POST", `/dead-letters/${encodeURIComponent(id)}/replay`);
    setKnown((now) => ({ ...now, [at]: { ...now[at], letters: now[at].letters.map((one) => (one.letter_id === id ? { ...sent, at } : one)) } }));
  });
  const all = Object.values(known ?? {});
  const letters = all.flatMap((one) => one.letters).sort((one, other) => (one.set_aside_at < other.set_aside_at ? 1 : -1));
  const leftOut = all.reduce((sum, one) => sum + one.left_out, 0);
  const columns = [
    ["at", t("letters.at"), (one) => html`<time datetime=${one.set_aside_at}>${moment(one.set_aside_at)}</time>`, (one) => one.set_aside_at],
    ["service", t("letters.service"), (one) => one.service, (one) => one.service],
    ["place", t("letters.place"), (one) => html`<code dir="ltr">${one.topic} ${one.partition}@${one.offset}</code>`, (one) => `${one.topic} ${one.partition}@${one.offset} ${one.key}`],
    ["reason", t("letters.reason"), (one) => html`<p class="reason" dir="auto"><b>${one.error}</b> ${one.reason}</p>`, (one) => `${one.error} ${one.reason}`],
    ["attempts", t("letters.attempts"), (one) => whole(one.attempts), (one) => one.attempts],
    ["sent", t("letters.sent"), (one) => html`${one.replayed_at && html`<p class="quiet">${t("letters.sentBy", { at: moment(one.replayed_at), by: one.replayed_by })}</p>`}
      ${one.is_whole ? html`<button type="button" class="button small" disabled=${Boolean(busy)} aria-label=${t("letters.sendOne", { place: `${one.topic} ${one.partition}@${one.offset}`, service: one.service })}
        onClick=${() => send(one)}>${t(one.replayed_at ? "letters.sendOnceMore" : "letters.send")}</button>` : html`<p class="quiet">${t("letters.inPart")}</p>`}`, (one) => one.replayed_at],
  ];
  return html`<main class="wide" id="main" tabindex="-1"><div class="bar"><h1>${t("letters.title")}</h1>
      <button type="button" class="button" disabled=${Boolean(busy)} onClick=${() => load({})}>${t("letters.again")}</button></div>
    <p class="lead">${t("letters.lead")}</p>
    <p class="problem" role="alert">${problem}</p>
    ${known ? html`<${Table} name="letters" caption=${t("letters.title")} columns=${columns} rows=${letters} empty=${t("letters.none")} />` : !problem && html`<p class="quiet" aria-busy="true">${t("loading")}</p>`}
    ${all.some((one) => one.next !== null) && letters.length < LETTERS_MAX && html`<p><button type="button" class="button" disabled=${Boolean(busy)} onClick=${() => load(known)}>${t("letters.older")}</button></p>`}
    ${leftOut > 0 && html`<p class="quiet">${t("letters.leftOut", { count: leftOut })}</p>`}</main>`;
}
