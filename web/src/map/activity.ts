// What the tiles of each layer are doing: waiting, failed, and how much of the data is shown.
import { useSyncExternalStore } from 'react';

export type LayerActivity = {
  /** Tile requests under way. */
  pending: number;
  /** Tile requests answered since the last time nothing was under way. */
  done: number;
  error: Error | null;
  /** Features in the visible tiles, and how many there are in all; null until known. */
  shown: number | null;
  total: number | null;
};

const QUIET: LayerActivity = { pending: 0, done: 0, error: null, shown: null, total: null };

export type TileCount = { shown: number; total: number };

export class TileActivity {
  #layers = new Map<string, LayerActivity>();
  #counts = new Map<string, Map<string, TileCount>>();
  #listeners = new Set<() => void>();
  #snapshot: Readonly<Record<string, LayerActivity>> = {};
  #isScheduled = false;

  #change(layerId: string, change: (now: LayerActivity) => LayerActivity) {
    this.#layers.set(layerId, change(this.#layers.get(layerId) ?? QUIET));
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setTimeout(() => {
      this.#isScheduled = false;
      this.#snapshot = Object.fromEntries(this.#layers);
      for (const listener of this.#listeners) listener();
    }, 60);
  }

  started(layerId: string) {
    this.#change(layerId, (now) => ({
      ...now,
      pending: now.pending + 1,
      done: now.pending === 0 ? 0 : now.done,
      error: now.pending === 0 ? null : now.error,
    }));
  }

  finished(layerId: string) {
    this.#change(layerId, (now) => ({ ...now, pending: Math.max(0, now.pending - 1), done: now.done + 1 }));
  }

  failed(layerId: string, error: Error) {
    this.#change(layerId, (now) => ({ ...now, error }));
  }

  counted(layerId: string, tile: string, count: TileCount) {
    const counts = this.#counts.get(layerId) ?? new Map<string, TileCount>();
    counts.set(tile, count);
    this.#counts.set(layerId, counts);
  }

  /** The tiles that are on the screen now, all of them loaded. */
  visible(layerId: string, tiles: readonly string[]) {
    const counts = this.#counts.get(layerId);
    let shown = 0;
    let total = 0;
    for (const tile of tiles) {
      const count = counts?.get(tile);
      shown += count?.shown ?? 0;
      total += count?.total ?? 0;
    }
    this.#change(layerId, (now) => ({ ...now, shown, total }));
  }

  forget(layerId: string) {
    this.#counts.delete(layerId);
    this.#change(layerId, () => QUIET);
  }

  subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  snapshot = () => this.#snapshot;
}

export function useActivity(activity: TileActivity): Readonly<Record<string, LayerActivity>> {
  return useSyncExternalStore(activity.subscribe, activity.snapshot);
}
