// Drafts: kept in this browser with every change, and at the service a moment later, so that another browser has them,
// too. The service keeps one a lease, under a number: who saves says on which they built.
import { Away, ask } from "./api.js";
import { store } from "./html.js";
import { recall, remember } from "./memory.js";

const SAVE_MS = 1_500;
const AGAIN_MS = 10_000;

const nameOf = (assignment) => `draft:${assignment}`;
const pathOf = (assignment) => `/assignments/${encodeURIComponent(assignment)}/draft`;
const wordsOf = ({ draft, flag }) => JSON.stringify([draft, flag ?? ""]);

export class Drafts {
  constructor() {
    // Of which assignment another window has saved since, and what.
    this.state = store({ elsewhere: null });
    this.timers = new Map();
    this.going = new Set();
    this.over = new Set();
    this.wake = () => [...this.timers.keys()].forEach((assignment) => this.plan(assignment, 0));
    addEventListener("online", this.wake);
  }

  // What has not been saved is saved now; nothing more is after that.
  close() {
    removeEventListener("online", this.wake);
    for (const assignment of [...this.timers.keys()]) this.save(assignment);
    this.closed = true;
  }

  of(assignment) {
    return recall(nameOf(assignment), null);
  }

  keep(assignment, kept) {
    const before = this.of(assignment);
    const dirty = !before || before.dirty || wordsOf(before) !== wordsOf(kept);
    remember(nameOf(assignment), { ...kept, at: Date.now(), revision: before?.revision ?? 0, dirty });
    if (dirty && !this.over.has(assignment)) this.plan(assignment, SAVE_MS);
  }

  // Its label is on its way, or it is passed over: the service lets go of the draft by itself.
  leave(assignment) {
    clearTimeout(this.timers.get(assignment));
    this.timers.delete(assignment);
    if (this.state.value.elsewhere?.assignment === assignment) this.state.set({ elsewhere: null });
  }

  plan(assignment, after) {
    clearTimeout(this.timers.get(assignment));
    if (!this.closed) this.timers.set(assignment, setTimeout(() => this.save(assignment), after));
  }

  async save(assignment) {
    this.leaveTimer(assignment);
    const kept = this.of(assignment);
    if (!kept?.dirty) return;
    if (this.going.has(assignment)) return this.plan(assignment, SAVE_MS);
    this.going.add(assignment);
    const { draft, flag = "", active_ms: activeMs = 0, revision = 0 } = kept;
    try {
      const told = await ask("assign", "PUT", pathOf(assignment), { draft, flag, active_ms: Math.round(activeMs), revision });
      this.known(assignment, told.revision, wordsOf(kept));
    } catch (fault) {
      await this.refused(assignment, fault);
    } finally {
      this.going.delete(assignment);
    }
  }

  async refused(assignment, fault) {
    if (fault instanceof Away) return this.plan(assignment, AGAIN_MS);
    // Too long, or held no more: it stays in this browser alone.
    if (fault.errors?.[0]?.field !== "revision") return fault.status !== 401 && this.over.add(assignment);
    try {
      const found = await ask("assign", "GET", pathOf(assignment));
      this.known(assignment, found.revision, "");
      this.state.set({ elsewhere: { assignment, ...found } });
    } catch (other) {
      // Deleted since: the next change is saved as the first.
      if (other.status === 404) this.known(assignment, 0, "");
    }
  }

  // The service has this number; what was changed meanwhile is saved with the next change, or with this one's timer.
  known(assignment, revision, words) {
    const kept = this.of(assignment);
    if (kept) remember(nameOf(assignment), { ...kept, revision, dirty: wordsOf(kept) !== words });
  }

  leaveTimer(assignment) {
    clearTimeout(this.timers.get(assignment));
    this.timers.delete(assignment);
  }

  // Before a unit is shown: what another browser has saved of it, unless this one has something later.
  async restore({ assignment_id: assignment, draft_revision: revision = 0, order = {} }) {
    const here = this.of(assignment);
    if (here?.revision === revision) return;
    if (!revision) {
      if (here) remember(nameOf(assignment), { ...here, revision: 0, dirty: true });
      return;
    }
    try {
      const { draft, flag, active_ms: activeMs, ...found } = await ask("assign", "GET", pathOf(assignment));
      const at = Date.parse(found.saved_at);
      const mine = here?.dirty && here.at > at;
      const newer = mine ? here : { draft, flag, active_ms: activeMs, at, order };
      remember(nameOf(assignment), { ...newer, revision: found.revision, dirty: Boolean(mine) });
    } catch { /* what this browser has is shown; the unit is not kept waiting for it */ }
  }
}
