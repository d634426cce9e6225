// Action records: one description of a command for toolbar, palette, shortcut and shortcut sheet.
import { useEffect } from 'react';
import { create } from 'zustand';
import type { Icon } from './IconButton';

export type Action = {
  id: string;
  label: string;
  group: string;
  icon: Icon;
  /** "Mod+S", "Shift+?", "L". */
  shortcut?: string;
  /** Why it cannot be done now. */
  disabledReason?: string | null;
  perform: () => void;
};

type Registry = {
  sets: ReadonlyMap<string, readonly Action[]>;
  register: (owner: string, actions: readonly Action[]) => void;
  forget: (owner: string) => void;
};

export const useRegistry = create<Registry>((set) => ({
  sets: new Map(),
  register: (owner, actions) => set((state) => ({ sets: new Map(state.sets).set(owner, actions) })),
  forget: (owner) =>
    set((state) => {
      const sets = new Map(state.sets);
      sets.delete(owner);
      return { sets };
    }),
}));

/** The page's actions, for as long as it is open. Give a stable list (`useMemo`). */
export function useActions(owner: string, actions: readonly Action[]) {
  const { register, forget } = useRegistry.getState();
  useEffect(() => register(owner, actions), [owner, actions, register]);
  useEffect(() => () => forget(owner), [owner, forget]);
}

export function allActions(sets: Registry['sets']): Action[] {
  return [...sets.values()].flat();
}

const isTyping = (target: EventTarget | null) =>
  target instanceof HTMLElement &&
  (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/** Does the pressed key mean this shortcut? Letters and a text field's own undo do not count while typing. */
export function matches(shortcut: string, event: KeyboardEvent): boolean {
  const parts = shortcut.split('+');
  const key = parts.at(-1)!;
  const needs = (name: string) => parts.slice(0, -1).includes(name);
  const mod = event.ctrlKey || event.metaKey;
  if (needs('Mod') !== mod || needs('Alt') !== event.altKey) return false;
  if (key.length > 1 || /[a-z]/i.test(key)) if (needs('Shift') !== event.shiftKey) return false;
  if (isTyping(event.target) && (!mod || /^[zyxcva]$/i.test(key))) return false;
  return event.key.toLowerCase() === key.toLowerCase();
}

/** Listens once for the whole application. */
export function useShortcuts() {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.repeat) return;
      const action = allActions(useRegistry.getState().sets).find(
        (one) => one.shortcut && !one.disabledReason && matches(one.shortcut, event),
      );
      if (!action) return;
      event.preventDefault();
      action.perform();
    };
    window.addEventListener('keydown', onKeyDown);
    return () => window.removeEventListener('keydown', onKeyDown);
  }, []);
}
