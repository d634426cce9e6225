// The chrome's colours for light and dark. Data colours never come from here.

export type Scheme = 'light' | 'dark';

export type Tokens = {
  ground: string;
  surface: string;
  raised: string;
  sunken: string;
  line: string;
  edge: string;
  text: string;
  dim: string;
  accent: string;
  accentHover: string;
  onAccent: string;
  accentSoft: string;
  accentText: string;
  good: string;
  warn: string;
  bad: string;
  badSoft: string;
  warnSoft: string;
  onBad: string;
};

/** Neutrals slightly warm in light, slightly blue in dark; one accent: deep teal, amber. */
export const TOKENS: Record<Scheme, Tokens> = {
  light: {
    ground: '#f7f5f2',
    surface: '#ffffff',
    raised: '#ffffff',
    sunken: '#f1eeea',
    line: '#e3dfd9',
    edge: '#8d867c',
    text: '#1f1c18',
    dim: '#625c53',
    accent: '#0b6863',
    accentHover: '#085551',
    onAccent: '#ffffff',
    accentSoft: '#dcefed',
    accentText: '#0a5f5a',
    good: '#17703f',
    warn: '#8a5300',
    bad: '#b3261e',
    badSoft: '#fbe9e7',
    warnSoft: '#fdf1dc',
    onBad: '#ffffff',
  },
  dark: {
    ground: '#0f1216',
    surface: '#161a20',
    raised: '#1d222a',
    sunken: '#11151a',
    line: '#2a313b',
    edge: '#6d7888',
    text: '#e7ebf1',
    dim: '#a0aab8',
    accent: '#f0b13c',
    accentHover: '#f7c460',
    onAccent: '#1d1403',
    accentSoft: '#33290f',
    accentText: '#f3bc55',
    good: '#5ec98a',
    warn: '#f0b13c',
    bad: '#ff8a80',
    badSoft: '#3a1c1b',
    warnSoft: '#33290f',
    onBad: '#2a0a08',
  },
};

const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

export function cssVariables(tokens: Tokens): Record<string, string> {
  return Object.fromEntries(Object.entries(tokens).map(([name, value]) => [`--g-${kebab(name)}`, value]));
}
