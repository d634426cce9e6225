// Every text pair has 4.5:1 and every control edge 3:1, in light and in dark.
import { describe, expect, test } from 'vitest';
import { contrast } from '../lib/color';
import { TOKENS } from './palette';

describe.each(['light', 'dark'] as const)('%s', (scheme) => {
  const t = TOKENS[scheme];
  const grounds = { ground: t.ground, surface: t.surface, raised: t.raised, sunken: t.sunken };
  const texts = {
    text: t.text,
    dim: t.dim,
    accentText: t.accentText,
    good: t.good,
    warn: t.warn,
    bad: t.bad,
  };

  for (const [groundName, ground] of Object.entries(grounds)) {
    for (const [textName, text] of Object.entries(texts)) {
      test(`${textName} can be read on ${groundName}`, () => {
        expect(contrast(text, ground)).toBeGreaterThanOrEqual(4.5);
      });
    }
    test(`control edges and focus stand out on ${groundName}`, () => {
      expect(contrast(t.edge, ground)).toBeGreaterThanOrEqual(3);
      expect(contrast(t.accent, ground)).toBeGreaterThanOrEqual(3);
    });
  }

  test.each([
    ['primary buttons', t.onAccent, t.accent],
    ['primary buttons under the pointer', t.onAccent, t.accentHover],
    ['selected rows', t.text, t.accentSoft],
    ['dimmed words in selected rows', t.dim, t.accentSoft],
    ['chosen navigation', t.accentText, t.accentSoft],
    ['error boxes', t.bad, t.badSoft],
    ['text in error boxes', t.text, t.badSoft],
    ['warnings', t.warn, t.warnSoft],
    ['text in warnings', t.text, t.warnSoft],
    ['delete buttons', t.onBad, t.bad],
  ])('%s can be read', (_what, text, ground) => {
    expect(contrast(text, ground)).toBeGreaterThanOrEqual(4.5);
  });
});
