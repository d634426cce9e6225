// One editor per open map: the document with undo, autosave, and what is being looked at.
import { createStore, type StoreApi } from 'zustand';
import { MapConflict, type MapRecord, type MapSummary, saveMap } from '../../api/maps';
import { amend, type History, record, redo, startHistory, undo } from '../../lib/history';
import { ApiError } from '../../lib/problem';
import { setView } from '../../map/document/edit';
import { contentOf, documentFrom } from '../../map/document/repair';
import type { MapDocument, MapState } from '../../map/document/types';

export type SaveState =
  | { kind: 'saved'; at: number }
  | { kind: 'waiting' }
  | { kind: 'saving' }
  | { kind: 'offline'; changes: number }
  | { kind: 'conflict'; newer: MapRecord }
  | { kind: 'failed'; error: Error };

export type Editor = {
  id: string;
  version: number;
  /** Privacy, publication: what the server knows beside the document. */
  summary: MapSummary;
  history: History<MapDocument>;
  save: SaveState;
  selectedLayer: string | null;
  /** The dataset whose SQL is open, or "new". */
  sqlFor: string | null;
  apply: (label: string, change: (document: MapDocument) => MapDocument, mergeKey?: string) => void;
  look: (view: Partial<MapState>) => void;
  undo: () => void;
  redo: () => void;
  select: (layerId: string | null) => void;
  openSql: (datasetId: string | null) => void;
  saveNow: () => Promise<boolean>;
  /** Takes the server's version; undo brings ours back. */
  takeNewer: () => void;
  /** Saves ours over the server's version. */
  keepMine: () => void;
  know: (map: MapRecord) => void;
};

const SAVE_AFTER_MS = 700;
const RETRY_AFTER_MS = 4000;

export type EditorStore = StoreApi<Editor>;

export function createEditor(map: MapRecord, now: () => number = Date.now): EditorStore {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let saved: MapDocument;
  let running: Promise<boolean> | null = null;
  let changes = 0;

  const store = createStore<Editor>((set, get) => {
    const later = (delay: number) => {
      clearTimeout(timer);
      timer = setTimeout(() => void save(), delay);
    };
    const changed = () => {
      changes += 1;
      const { save: state } = get();
      if (state.kind === 'conflict') return;
      set({ save: state.kind === 'offline' ? { kind: 'offline', changes } : { kind: 'waiting' } });
      later(state.kind === 'offline' ? RETRY_AFTER_MS : SAVE_AFTER_MS);
    };

    const saveOnce = async (): Promise<boolean> => {
      const { id, version, history } = get();
      const sent = history.present;
      if (sent === saved) {
        set({ save: { kind: 'saved', at: now() } });
        return true;
      }
      set({ save: { kind: 'saving' } });
      try {
        const answer = await saveMap(id, version, contentOf(sent));
        saved = sent;
        changes = 0;
        const isCurrent = get().history.present === sent;
        set({
          version: answer.version,
          summary: answer,
          save: isCurrent ? { kind: 'saved', at: now() } : { kind: 'waiting' },
        });
        if (!isCurrent) later(SAVE_AFTER_MS);
        return isCurrent;
      } catch (error) {
        if (error instanceof MapConflict) {
          if (onlyViewDiffers(get().history.present, saved)) {
            // Nothing of ours would be lost: follow the newer version quietly.
            saved = documentFrom(error.newer);
            set((state) => ({
              history: amend(state.history, saved),
              version: error.newer.version,
              summary: error.newer,
              save: { kind: 'saved', at: now() },
            }));
            return true;
          }
          set({ save: { kind: 'conflict', newer: error.newer } });
        } else if (error instanceof ApiError && (error.status === 0 || error.status >= 500)) {
          set({ save: { kind: 'offline', changes } });
          later(RETRY_AFTER_MS);
        } else {
          set({ save: { kind: 'failed', error: error as Error } });
        }
        return false;
      }
    };

    const save = (): Promise<boolean> => {
      clearTimeout(timer);
      running ??= saveOnce().finally(() => {
        running = null;
      });
      return running;
    };

    saved = documentFrom(map);
    return {
      id: map.id,
      version: map.version,
      summary: map,
      history: startHistory(saved),
      save: { kind: 'saved', at: new Date(map.updated_at).getTime() || now() },
      selectedLayer: null,
      sqlFor: null,
      apply: (label, change, mergeKey) => {
        const { history } = get();
        const next = record(history, label, change(history.present), now(), mergeKey);
        if (next === history) return;
        set({ history: next });
        changed();
      },
      look: (view) => {
        const { history } = get();
        set({ history: amend(history, setView(history.present, view)) });
        changed();
      },
      undo: () => {
        const next = undo(get().history);
        if (next === get().history) return;
        set({ history: next });
        changed();
      },
      redo: () => {
        const next = redo(get().history);
        if (next === get().history) return;
        set({ history: next });
        changed();
      },
      select: (selectedLayer) => set({ selectedLayer }),
      openSql: (sqlFor) => set({ sqlFor }),
      saveNow: async () => {
        if (running) await running;
        return get().history.present === saved ? true : save();
      },
      takeNewer: () => {
        const { save: state, history } = get();
        if (state.kind !== 'conflict') return;
        saved = documentFrom(state.newer);
        set({
          history: record(history, 'newer', saved, now()),
          version: state.newer.version,
          summary: state.newer,
          save: { kind: 'saved', at: now() },
          selectedLayer: null,
        });
      },
      keepMine: () => {
        const { save: state } = get();
        if (state.kind !== 'conflict') return;
        set({ version: state.newer.version, save: { kind: 'waiting' } });
        void save();
      },
      know: (newer) => set({ summary: newer, version: newer.version }),
    };
  });
  return store;
}

function onlyViewDiffers(a: MapDocument, b: MapDocument): boolean {
  const bare = (document: MapDocument) =>
    JSON.stringify({ ...document, config: { ...document.config, mapState: null } });
  return bare(a) === bare(b);
}
