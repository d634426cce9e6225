// Undo and redo: what a person expects of Ctrl-Z.
import { expect, test } from 'vitest';
import { record, redo, startHistory, undo } from './history';

test('undo gives back what was there and redo brings the change again', () => {
  const first = startHistory('a');
  const second = record(first, 'Type b', 'b', 0);
  expect(undo(second).present).toBe('a');
  expect(redo(undo(second)).present).toBe('b');
});

test('a new change forgets what was undone', () => {
  const history = record(undo(record(startHistory('a'), '', 'b', 0)), '', 'c', 1);
  expect(redo(history).present).toBe('c');
  expect(undo(history).present).toBe('a');
});

test('the small steps of one drag are one undo step', () => {
  let history = startHistory(0);
  for (let step = 1; step <= 20; step += 1) history = record(history, 'Opacity', step, step * 16, 'opacity');
  expect(history.past).toHaveLength(1);
  expect(undo(history).present).toBe(0);
});

test('two drags of the same slider with a pause between them are two steps', () => {
  const once = record(startHistory(0), 'Opacity', 1, 0, 'opacity');
  const twice = record(once, 'Opacity', 2, 5000, 'opacity');
  expect(undo(twice).present).toBe(1);
});

test('nothing to undo leaves everything as it is', () => {
  const history = startHistory('a');
  expect(undo(history)).toBe(history);
  expect(redo(history)).toBe(history);
  expect(record(history, '', 'a', 0)).toBe(history);
});

test('at most a hundred steps are kept', () => {
  let history = startHistory(0);
  for (let step = 1; step <= 250; step += 1) history = record(history, '', step, step * 10_000);
  expect(history.past).toHaveLength(100);
});
