// An annotator's desk: the unit in hand, the next ones ready beside it, what was done on its way.
import { Away, ask, partings, payload } from "./api.js";
import { store } from "./html.js";
import { Drafts } from "./drafts.js";
import { forgetOlder } from "./memory.js";
import { decoded, imageOf } from "./content.js";

const HELD_FIRST = 4;
const HELD_LEAST = 2;
const HELD_MOST = 8;
const COVERED_MS = 15_000;
// Units in hand, the present one among them: what is done in so long a time, so that the next one is there when a key is
// pressed, also while the network is away for a moment. No more: what somebody holds, nobody else is offered.
const ASK_AGAIN_MS = 2_500;
const ASK_AGAIN_MOST_MS = 10_000;
// Between one time and the next that there was nothing, or not enough: doubled each time.
const WAIT_SECONDS = 20;
// Whoever has nothing asks once, and is answered when there is something: as long as the service lets anybody wait.
const WAITED_MS = 5_000;
// An answer that comes sooner, with nothing, is of a service that lets nobody wait now.
const RENEW_LOOK_MS = 15_000;
const RENEW_BEFORE_MS = 60_000;
const DRAFT_DAYS = 7;

export class Desk {
  constructor(project, outbox) {
    this.project = project;
    this.outbox = outbox;
    this.done = new Set();
    this.drafts = new Drafts();
    this.pace = 0;
    this.pause = ASK_AGAIN_MS;
    this.left = performance.now();
    this.state = store({ current: null, ahead: [], reason: "", why: null, problem: "", count: 0, over: false });
    this.renewing = setInterval(() => this.renew(), RENEW_LOOK_MS);
    forgetOlder("draft:", Date.now() - DRAFT_DAYS * 86_400_000);
    this.parting = () => this.giveBack();
    partings.add(this.parting);
    this.seen = () => this.look();
    document.addEventListener("visibilitychange", this.seen);
    this.fill();
  }

  close() {
    partings.delete(this.parting);
    document.removeEventListener("visibilitychange", this.seen);
    clearTimeout(this.timer);
    clearInterval(this.renewing);
    this.drafts.close();
    this.closed = true;
    this.waiting?.abort();
  }

  // A page that nobody looks at does not wait for work: a unit that came would lie there, and a browser has six
  // connections to one place.
  look() {
    if (document.hidden) this.waiting?.abort();
    else this.now();
  }

  // Ask now, whatever is being waited for: something has changed that the service must hear of anew.
  now() {
    this.pause = ASK_AGAIN_MS;
    this.told = false;
    this.waiting?.abort();
    this.fill();
  }

  get wanted() {
    if (!this.pace) return HELD_FIRST;
    return Math.min(HELD_MOST, Math.max(HELD_LEAST, 1 + Math.round(COVERED_MS / this.pace)));
  }

  get held() {
    const { current, ahead } = this.state.value;
    return current ? [current, ...ahead] : ahead;
  }

  // Ask for units until enough are ready; where nothing waits, be answered when something does.
  async fill() {
    clearTimeout(this.timer);
    if (this.filling || this.closed || (document.hidden && !this.held.length)) return;
    this.filling = true;
    const before = this.held.length;
    const waits = this.told && !before && !this.outbox.items.length;
    const began = performance.now();
    let cut = false;
    try {
      if (before < this.wanted) await this.claim(waits ? WAIT_SECONDS : 0);
      // Why there is nothing is told at once; only then is it waited for.
      this.told = true;
    } catch (fault) {
      cut = fault.name === "AbortError";
      if (!cut) this.state.set({ problem: fault instanceof Away ? "" : fault.message });
      // Refused, or nobody there: that takes a while, and is not asked by waiting.
      this.told = false;
    }
    this.filling = false;
    if (this.closed || this.held.length >= 2) return;
    if (cut || this.held.length > before) this.pause = ASK_AGAIN_MS;
    // What was told is waited for at once; whoever waited in vain waits on.
    const on = cut || (this.told && !this.held.length && !this.outbox.items.length
      && (!waits || performance.now() - began > WAITED_MS));
    this.timer = setTimeout(() => this.fill(), on ? 0 : this.pause);
    if (!on && !this.outbox.items.length) this.pause = Math.min(2 * this.pause, ASK_AGAIN_MOST_MS);
  }

  async claim(seconds) {
    // What is on its way is still held as the service sees it, and would be offered again.
    const onWay = this.outbox.items.length;
    const path = `/projects/${encodeURIComponent(this.project)}/claims`;
    this.waiting = seconds ? new AbortController() : null;
    let told;
    try {
      const wish = { units: Math.min(this.wanted + onWay, 50), wait_seconds: seconds };
      told = await ask("assign", "POST", path, wish, { signal: this.waiting?.signal });
    } finally {
      this.waiting = null;
    }
    const known = new Set(this.held.map((one) => one.assignment_id));
    const fresh = told.assignments.filter(({ assignment_id: id }) =>
      !known.has(id) && !this.done.has(id) && !this.outbox.has(id));
    this.state.set({ reason: told.reason ?? "", why: told.why ?? null, problem: "" });
    // All are fetched at once, and stand in the order in which they were offered.
    const coming = fresh.map((offer) => this.ready(offer).then((unit) => ({ unit }), (fault) => ({ fault })));
    const faults = [];
    for (const one of coming) {
      const { unit, fault } = await one;
      if (unit) this.put(unit);
      else faults.push(fault);
    }
    if (faults.length) throw faults[0];
  }

  async ready(offer) {
    // What they had said of a unit that an adjudicator sent back is begun with; without it they begin anew.
    const before = offer.earlier
      ? ask("assign", "GET", `/annotations/${encodeURIComponent(offer.earlier)}`).catch(() => null) : null;
    const [{ content }, given] = await Promise.all([payload(offer.payload_url), before, this.drafts.restore(offer)]);
    const unit = { ...offer, content, given };
    const image = imageOf(unit.media_type, content);
    if (image && this.state.value.current) await decoded(image);
    return unit;
  }

  put(unit) {
    const { current, ahead } = this.state.value;
    if (this.done.has(unit.assignment_id) || this.held.some((one) => one.assignment_id === unit.assignment_id)) return;
    this.state.set(current ? { ahead: [...ahead, unit] } : { current: unit, over: false });
  }

  // Send the label of the unit in hand and go on; the key that did it is answered before anything is sent.
  submit(label, activeMs, flag) {
    const { current } = this.state.value;
    this.leave({ assignment_id: current.assignment_id, unit: current, label, active_ms: Math.round(activeMs), flag });
  }

  skip(reason, code) {
    const { current } = this.state.value;
    this.leave({ assignment_id: current.assignment_id, unit: current, reason, code });
  }

  leave(item) {
    const { ahead, count } = this.state.value;
    const now = performance.now();
    this.pace = this.pace ? 0.7 * this.pace + 0.3 * (now - this.left) : now - this.left;
    this.left = now;
    this.pause = ASK_AGAIN_MS;
    this.done.add(item.assignment_id);
    this.drafts.leave(item.assignment_id);
    this.outbox.add(item);
    this.state.set({ current: ahead[0] ?? null, ahead: ahead.slice(1), count: count + 1, over: false });
    this.fill();
  }

  // Take back what was done last, if it has not left this browser. The draft is as it was.
  back() {
    const item = this.outbox.takeBack();
    if (!item) return false;
    this.done.delete(item.assignment_id);
    this.state.set({ current: item.unit, ahead: this.held, count: Math.max(0, this.state.value.count - 1), over: false });
    return true;
  }

  // Whoever ends their work gives back what they hold, so that it waits for nobody.
  async giveBack() {
    this.close();
    this.outbox.hurry();
    await this.outbox.flush();
    const ended = this.held.map((one) => ask("assign", "POST", `/assignments/${encodeURIComponent(one.assignment_id)}/return`));
    await Promise.allSettled(ended);
  }

  // Left and right mean something in the order in which they were shown: a draft that was made in another is none.
  draft({ assignment_id: assignment, order = {} }) {
    const kept = this.drafts.of(assignment);
    return kept && JSON.stringify(kept.order ?? {}) === JSON.stringify(order) ? kept : null;
  }

  keep({ assignment_id: assignment, order = {} }, kept) {
    this.drafts.keep(assignment, { ...kept, order });
  }

  // Hold on to what is in hand; a lease that is over is told, and the label may still be taken.
  async renew() {
    const soon = this.held.filter((one) => Date.parse(one.lease_until) - Date.now() < RENEW_BEFORE_MS);
    for (const unit of soon) {
      try {
        const told = await ask("assign", "POST", `/assignments/${encodeURIComponent(unit.assignment_id)}/renew`);
        unit.lease_until = told.lease_until;
      } catch (fault) {
        if (fault instanceof Away || fault.status === 401) return;
        this.lose(unit, fault.status);
      }
    }
  }

  lose(unit, status) {
    const { current, ahead } = this.state.value;
    // Renewals are bounded, and a lease that cannot be renewed may still run: only one that ended is lost.
    if (status === 409 && Date.parse(unit.lease_until) > Date.now()) return;
    if (current?.assignment_id === unit.assignment_id) this.state.set({ over: true });
    else this.state.set({ ahead: ahead.filter((one) => one.assignment_id !== unit.assignment_id) });
  }
}
