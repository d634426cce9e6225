// Undo and redo over immutable values, without knowing what they are.

export type Step<T> = { label: string; before: T };

export type History<T> = {
  present: T;
  past: readonly Step<T>[];
  future: readonly { label: string; after: T }[];
  /** Key and time of the last change: changes of one key in quick succession are one step. */
  merging: { key: string; at: number } | null;
};

const LIMIT = 100;
const MERGE_WINDOW_MS = 1000;

export function startHistory<T>(present: T): History<T> {
  return { present, past: [], future: [], merging: null };
}

/** `mergeKey` joins the small steps of one gesture (a slider drag) into one undo step. */
export function record<T>(
  history: History<T>,
  label: string,
  next: T,
  now: number,
  mergeKey?: string,
): History<T> {
  if (next === history.present) return history;
  const merging = mergeKey ? { key: mergeKey, at: now } : null;
  const isSameGesture =
    mergeKey !== undefined &&
    history.merging?.key === mergeKey &&
    now - history.merging.at < MERGE_WINDOW_MS &&
    history.past.length > 0;
  if (isSameGesture) return { ...history, present: next, future: [], merging };
  return {
    present: next,
    past: [...history.past.slice(1 - LIMIT), { label, before: history.present }],
    future: [],
    merging,
  };
}

/** A change that nobody would want to undo by itself (where the map looks). */
export function amend<T>(history: History<T>, next: T): History<T> {
  return { ...history, present: next };
}

export function undo<T>(history: History<T>): History<T> {
  const step = history.past.at(-1);
  if (!step) return history;
  return {
    present: step.before,
    past: history.past.slice(0, -1),
    future: [{ label: step.label, after: history.present }, ...history.future],
    merging: null,
  };
}

export function redo<T>(history: History<T>): History<T> {
  const [step, ...rest] = history.future;
  if (!step) return history;
  return {
    present: step.after,
    past: [...history.past, { label: step.label, before: history.present }],
    future: rest,
    merging: null,
  };
}
