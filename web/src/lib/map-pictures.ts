// Small pictures of the maps that were open in this browser, for lists of maps; the newest stay.
const PREFIX = 'groma.picture.';
const KEPT = 40;

type Kept = { at: number; url: string };

function read(key: string): Kept | null {
  try {
    const kept = JSON.parse(localStorage.getItem(key) ?? 'null') as Kept | null;
    return typeof kept?.url === 'string' && kept.url.startsWith('data:image/') ? kept : null;
  } catch {
    return null;
  }
}

function keys(): string[] {
  return Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
}

/** Remembers a picture (a data URL) of the map; a full or closed store is no reason to fail. */
export function keepPicture(mapId: string, url: string, now: number): void {
  try {
    localStorage.setItem(PREFIX + mapId, JSON.stringify({ at: now, url }));
    const newestFirst = keys()
      .map((key) => ({ key, at: read(key)?.at ?? 0 }))
      .sort((one, other) => other.at - one.at);
    for (const { key } of newestFirst.slice(KEPT)) localStorage.removeItem(key);
  } catch {
    // Private windows and full stores: lists show a drawn ground instead.
  }
}

/** The picture of a map as it was when it was last open here; null when there is none. */
export function pictureOf(mapId: string): string | null {
  try {
    return read(PREFIX + mapId)?.url ?? null;
  } catch {
    return null;
  }
}

/** Nothing of what was seen stays for whoever sits here next. */
export function forgetPictures(): void {
  try {
    for (const key of keys()) localStorage.removeItem(key);
  } catch {
    // A closed store holds nothing.
  }
}
