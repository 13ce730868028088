// Work that was done and is not at the service yet. It outlives a reload, waits for the network, and is sent once: an
// assignment takes one label, so the same submission sent again changes nothing.
import { Away, ask, network } from "./api.js";
import { store } from "./html.js";
import { forget, recall, remember, whoNow } from "./memory.js";

export const HOLD_MS = 4_000;
// How long a submission waits, so that it can be taken back; nothing can be once the service has it.
const BATCH_MAX = 50;
const BATCH_CHARACTERS_MAX = 300_000;
// Of labels sent together, over the first: the service reads a body of 1 MB, and a character may take three bytes.
const REFUSED_MAX = 20;
const PAUSES_MS = [500, 1_000, 2_000, 4_000, 8_000];

export class Outbox {
  constructor() {
    this.whose = whoNow();
    this.state = store({ items: recall("outbox", []), refused: [], sent: 0, unkept: false });
    this.tries = 0;
    this.sending = false;
    this.wake = () => {
      this.tries = 0;
      this.plan(0);
    };
    addEventListener("online", this.wake);
    this.plan(0);
  }

  close() {
    clearTimeout(this.timer);
    removeEventListener("online", this.wake);
    this.closed = true;
  }

  get items() { return this.state.value.items; }

  has(assignment) {
    return this.items.some((one) => one.assignment_id === assignment);
  }

  // An item: assignment_id and unit (as its desk knows it), with a label, or with the reason of a skip.
  add(item) {
    this.keep([...this.items, { ...item, until: Date.now() + HOLD_MS }]);
    this.plan(HOLD_MS);
  }

  // The last one comes back if it has not been sent.
  takeBack() {
    const last = this.items.at(-1);
    if (!last || last.going) return null;
    this.keep(this.items.slice(0, -1));
    return last;
  }

  // Do not wait for the hold: whoever leaves wants it gone.
  hurry() {
    this.keep(this.items.map((one) => ({ ...one, until: 0 })));
    this.plan(0);
  }

  keep(items) {
    // Only the last can be taken back, so only it keeps its unit.
    const kept = remember("outbox", items.map(({ going, unit, ...one }, place) => (
      place === items.length - 1 ? { ...one, unit } : one)), this.whose);
    this.state.set({ items, unkept: !kept && items.length > 0 });
  }

  plan(after) {
    clearTimeout(this.timer);
    if (!this.closed) this.timer = setTimeout(() => this.flush(), after);
  }

  async flush() {
    if (this.sending || this.closed) return;
    const due = this.due();
    if (!due.length) {
      if (this.items.length) this.plan(Math.max(50, Math.min(...this.items.map((one) => one.until)) - Date.now()));
      return;
    }
    this.sending = true;
    this.mark(due, true);
    try {
      await this.sendAll(due);
      this.tries = 0;
    } catch (fault) {
      this.mark(due, false);
      if (!(fault instanceof Away) && fault.status !== 401) this.setAside(due, fault.message);
      else this.tries += 1;
    }
    this.sending = false;
    const pause = this.tries ? PAUSES_MS[Math.min(this.tries - 1, PAUSES_MS.length - 1)] * (0.75 + Math.random() / 2) : 0;
    if (this.items.length) this.plan(pause);
  }

  due() {
    const due = [];
    let characters = 0;
    for (const one of this.items.filter((each) => each.until <= Date.now()).slice(0, BATCH_MAX)) {
      characters += JSON.stringify(one.label ?? one.reason).length;
      if (due.length && characters > BATCH_CHARACTERS_MAX) break;
      due.push(one);
    }
    return due;
  }

  async sendAll(due) {
    const labels = due.filter((one) => "label" in one);
    if (labels.length) {
      const submissions = labels.map(({ assignment_id, label, active_ms, flag, confirmed }) => (
        { assignment_id, label, active_ms, ...(flag ? { flag } : {}), ...(confirmed ? { confirmed } : {}) }));
      const { results } = await ask("assign", "POST", "/submissions", { submissions });
      labels.forEach((one, place) => {
        const { error } = results[place];
        if (error?.status === 429 || error?.status === 503) throw new Away("assign");
        if (error) this.setAside([one], error.field === "confirmed" ? error.problem : `${error.problem} ${error.cure}`, error.field);
        else this.done(one);
      });
    }
    for (const one of due.filter((each) => !("label" in each))) {
      try {
        await ask("assign", "POST", `/assignments/${encodeURIComponent(one.assignment_id)}/skip`, { reason: one.reason, code: one.code ?? "other" });
        this.done(one);
      } catch (fault) {
        if (fault instanceof Away || fault.status === 401) throw fault;
        this.setAside([one], fault.message);
      }
    }
  }

  mark(some, going) {
    const ids = new Set(some.map((one) => one.assignment_id));
    this.keep(this.items.map((one) => (ids.has(one.assignment_id) ? { ...one, going } : one)));
  }

  done(one) {
    this.keep(this.items.filter((each) => each.assignment_id !== one.assignment_id));
    forget(`draft:${one.assignment_id}`, this.whose);
    this.state.set({ sent: this.state.value.sent + 1 });
  }

  // A label that is given so fast takes a second yes: it is sent as it is, and at once.
  confirm(one) {
    const { problem, field, ...item } = one;
    this.state.set({ refused: this.state.value.refused.filter((each) => each !== one) });
    this.keep([...this.items, { ...item, confirmed: true, going: false, until: 0 }]);
    this.plan(0);
  }

  setAside(some, problem, field = "") {
    const ids = new Set(some.map((one) => one.assignment_id));
    this.keep(this.items.filter((each) => !ids.has(each.assignment_id)));
    const told = some.map((one) => ({ ...one, problem, field }));
    this.state.set({ refused: [...this.state.value.refused, ...told].slice(-REFUSED_MAX) });
  }
}

export const isAway = () => network.value.away || !navigator.onLine;
