// Walks from the whole world down to tiles that show everything; together these cover the source without overlap.

import { decode } from './decode.mjs';

const DEEPEST = 20;
const AT_ONCE = 6;

/**
 * Fetches tile 0/0/0 and, below every tile that says that it leaves features out, its four children.
 * Gives the leaves and the thinned tiles, each as `{ tile, features, shown, total }`.
 */
export async function walk(template, accessToken) {
  const leaves = [];
  const thinned = [];
  let level = [{ z: 0, x: 0, y: 0 }];
  while (level.length > 0) {
    const next = [];
    for (let start = 0; start < level.length; start += AT_ONCE) {
      const fetched = await Promise.all(level.slice(start, start + AT_ONCE).map((tile) => fetchTile(template, tile, accessToken)));
      for (const found of fetched.filter((tile) => tile !== null)) {
        if (found.fraction === 1) leaves.push(found);
        else {
          thinned.push(found);
          if (found.tile.z === DEEPEST) throw new Error(`still thinned at ${name(found.tile)}`);
          next.push(...children(found.tile));
        }
      }
    }
    level = next;
  }
  return { leaves, thinned };
}

/** One tile, decoded; null when nothing lies there. What is too small to be drawn is a 204 that says how much it is. */
export async function fetchTile(template, tile, accessToken) {
  const address = template.replace('{z}', tile.z).replace('{x}', tile.x).replace('{y}', tile.y);
  const response = await fetch(address, { headers: { Authorization: `Bearer ${accessToken}` } });
  if (![200, 204].includes(response.status)) throw new Error(`${name(tile)}: ${response.status} ${await response.text()}`);
  const isEmpty = response.status === 204;
  if (isEmpty && (await response.arrayBuffer()).byteLength > 0) throw new Error(`${name(tile)}: a 204 with a body`);
  if (isEmpty && !response.headers.has('groma-features-total')) return null;
  const header = (suffix) => {
    const text = response.headers.get(`groma-${suffix}`);
    if (text === null) throw new Error(`${name(tile)}: no header groma-${suffix}`);
    return Number(text);
  };
  const [fraction, shown, total] = [header('fraction-shown'), header('features-shown'), header('features-total')];
  return { tile, fraction, shown, total, features: isEmpty ? [] : await decode(response, tile) };
}

function children({ z, x, y }) {
  return [0, 1].flatMap((dy) => [0, 1].map((dx) => ({ z: z + 1, x: 2 * x + dx, y: 2 * y + dy })));
}

/** True when `inner` lies in `outer` or is the same tile. */
export function contains(outer, inner) {
  const up = inner.z - outer.z;
  return up >= 0 && inner.x >> up === outer.x && inner.y >> up === outer.y;
}

export function name({ z, x, y }) {
  return `tile ${z}/${x}/${y}`;
}
