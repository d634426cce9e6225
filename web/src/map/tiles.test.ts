// How much of the data a tile shows, from what the server says.
import { expect, test } from 'vitest';
import { countOf, featuresIn, tileName } from './tiles';

test('a complete tile shows all there is', () => {
  expect(countOf(new Headers(), 12)).toEqual({ shown: 12, total: 12 });
  expect(countOf(new Headers({ 'Groma-Fraction-Shown': '1' }), 12)).toEqual({ shown: 12, total: 12 });
});

test('a thinned tile knows of how many it shows a part', () => {
  expect(countOf(new Headers({ 'Groma-Fraction-Shown': '0.25' }), 100)).toEqual({ shown: 100, total: 400 });
  expect(
    countOf(new Headers({ 'Groma-Features-Total': '399', 'Groma-Fraction-Shown': '0.25' }), 100),
  ).toEqual({
    shown: 100,
    total: 399,
  });
});

test('features of all geometries are counted', () => {
  expect(featuresIn({ points: { properties: [1, 2] }, lines: { properties: [1] } })).toBe(3);
  expect(featuresIn(null)).toBe(0);
});

test('a tile is named by its place', () => {
  expect(tileName('http://h/v3/maps/carto_dw/table/4/8/5?m=abc')).toBe('4/8/5');
});
