// Numbers and times as English and Spanish readers expect them.
import { expect, test } from 'vitest';
import { formatBounds, formatBytes, formatCompact, formatDate, formatNumber, formatRelative } from './format';

test('thousands are grouped by the reader’s habit', () => {
  expect(formatNumber(1204567.5, 'en')).toBe('1,204,567.5');
  expect(formatNumber(1204567.5, 'es')).toBe('1.204.567,5');
});

test('bytes carry the unit that keeps the number short', () => {
  expect(formatBytes(0, 'en')).toBe('0 bytes');
  expect(formatBytes(1500, 'en')).toBe('1.5 kB');
  expect(formatBytes(2_340_000_000, 'en')).toBe('2.3 GB');
});

test('compact numbers keep one digit', () => {
  expect(formatCompact(1_204_000, 'en')).toBe('1.2M');
});

test('times are said as a person would say them', () => {
  const now = Date.UTC(2026, 10, 22, 12);
  expect(formatRelative(now - 10_000, now, 'en')).toBe('now');
  expect(formatRelative(now - 3 * 3_600_000, now, 'en')).toBe('3 hours ago');
  expect(formatRelative(now - 86_400_000, now, 'es')).toBe('ayer');
});

test('class bounds are rounded only as far as neighbours stay apart', () => {
  expect(formatBounds([0, 12.3456, 24.6912], 'en')).toEqual(['0', '12.3', '24.7']);
  expect(formatBounds([0.001, 0.002, 0.003], 'en')).toEqual(['0.001', '0.002', '0.003']);
  expect(formatBounds([0, 1_500_000, 22_000_000], 'en')).toEqual(['0', '1.5M', '22M']);
  expect(formatBounds([5], 'en')).toEqual(['5']);
});

test('a day is the day in UTC, whatever the clock of the machine', () => {
  expect(formatDate('2018-01-31T23:59:59.650Z', 'en')).toBe('Jan 31, 2018');
  expect(formatDate('2018-01-31', 'es')).toBe('31 ene 2018');
});
