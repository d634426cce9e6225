// CARTOColors palettes (CC BY 4.0, CARTO): which there are and their colours for n classes.
import * as cartocolor from 'cartocolor';
import type { ColorRange } from './types';

export type PaletteType = 'sequential' | 'diverging' | 'qualitative';

export const PALETTES: Record<PaletteType, readonly string[]> = {
  sequential: [
    'Teal',
    'SunsetDark',
    'Sunset',
    'Mint',
    'DarkMint',
    'BluGrn',
    'Emrld',
    'BluYl',
    'TealGrn',
    'Burg',
    'BurgYl',
    'RedOr',
    'OrYel',
    'Peach',
    'PinkYl',
    'Purp',
    'PurpOr',
    'Magenta',
    'BrwnYl',
  ],
  diverging: ['Temps', 'Geyser', 'TealRose', 'Tropic', 'Earth', 'Fall', 'ArmyRose'],
  qualitative: ['Bold', 'Vivid', 'Prism', 'Safe', 'Antique', 'Pastel'],
};

/** Shown for null, for what stands in no class, and by CARTO's client too. */
export const UNKNOWN_COLOR = '#868d91';

export const MAX_CLASSES: Record<PaletteType, number> = { sequential: 7, diverging: 7, qualitative: 10 };

type Ramps = Record<string, Record<string, readonly string[]>>;

export function paletteColors(name: string, type: PaletteType, classes: number, reversed = false): string[] {
  const ramps = (cartocolor as unknown as Ramps)[name] ?? (cartocolor as unknown as Ramps).Teal!;
  const count = Math.max(2, Math.min(MAX_CLASSES[type], classes));
  // The last colour of a qualitative palette is its own "other": ours is the client's unknown colour.
  const colors =
    type === 'qualitative'
      ? ramps[String(Math.min(11, Math.max(3, count + 1)))]!.slice(0, count)
      : ramps[String(count)]!;
  return reversed ? [...colors].reverse() : [...colors];
}

export function paletteRange(name: string, type: PaletteType, classes: number, reversed = false): ColorRange {
  return {
    name,
    type,
    category: 'CARTOColors',
    colors: paletteColors(name, type, classes, reversed),
    ...(reversed ? { reversed } : {}),
  };
}

/** Sequential palettes start light: on a dark ground the light end stands out as "much", so turn them round. */
export function defaultRange(type: PaletteType, isDarkGround: boolean, classes?: number): ColorRange {
  switch (type) {
    case 'sequential':
      return isDarkGround
        ? paletteRange('SunsetDark', type, classes ?? 6, true)
        : paletteRange('Teal', type, classes ?? 6);
    case 'diverging':
      return paletteRange('Temps', type, classes ?? 7);
    case 'qualitative':
      return paletteRange('Bold', type, classes ?? 10);
  }
}

/** First colours of new layers, one after the other. */
export const LAYER_COLORS = [
  '#11a579',
  '#7f3c8d',
  '#3969ac',
  '#e73f74',
  '#f2b701',
  '#e68310',
  '#008695',
  '#80ba5a',
];
