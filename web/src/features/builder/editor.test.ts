// Autosave: nothing is lost, nothing of others is overwritten unasked.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import * as maps from '../../api/maps';
import { ApiError } from '../../lib/problem';
import { newDocument } from '../../map/document/create';
import { setTitle } from '../../map/document/edit';
import { contentOf } from '../../map/document/repair';
import { createEditor } from './editor';

const stored = (title: string, version: number): maps.MapRecord => ({
  id: 'm',
  version,
  privacy: 'private',
  created_at: '2026-11-22T10:00:00Z',
  updated_at: '2026-11-22T10:00:00Z',
  ...contentOf(newDocument(title, 'positron')),
});

const save = vi.spyOn(maps, 'saveMap');

beforeEach(() => {
  vi.useFakeTimers();
  save.mockReset();
});
afterEach(() => vi.useRealTimers());

const titleOf = (editor: ReturnType<typeof createEditor>) => editor.getState().history.present.title;

test('an edit is saved by itself with the version it was based on', async () => {
  save.mockResolvedValue(stored('B', 8));
  const editor = createEditor(stored('A', 7));
  editor.getState().apply('Rename', (document) => setTitle(document, 'B'));
  expect(editor.getState().save.kind).toBe('waiting');
  await vi.advanceTimersByTimeAsync(1000);
  expect(save).toHaveBeenCalledWith('m', 7, expect.objectContaining({ title: 'B' }));
  expect(editor.getState()).toMatchObject({ version: 8, save: { kind: 'saved' } });
});

test('several edits in a row are one save', async () => {
  save.mockResolvedValue(stored('D', 8));
  const editor = createEditor(stored('A', 7));
  for (const title of ['B', 'C', 'D'])
    editor.getState().apply('Rename', (document) => setTitle(document, title));
  await vi.advanceTimersByTimeAsync(1000);
  expect(save).toHaveBeenCalledTimes(1);
});

test('an edit made while saving is saved next', async () => {
  save.mockImplementation(async (_id, version, content) => {
    await new Promise((done) => setTimeout(done, 500));
    return stored(content.title!, version + 1);
  });
  const editor = createEditor(stored('A', 1));
  editor.getState().apply('Rename', (document) => setTitle(document, 'B'));
  await vi.advanceTimersByTimeAsync(800);
  editor.getState().apply('Rename', (document) => setTitle(document, 'C'));
  await vi.advanceTimersByTimeAsync(5000);
  expect(save.mock.calls.map(([, version, content]) => [version, content.title])).toEqual([
    [1, 'B'],
    [2, 'C'],
  ]);
  expect(editor.getState().save.kind).toBe('saved');
});

test('without the server, changes wait and are saved when it is back', async () => {
  save.mockRejectedValueOnce(new ApiError('gone', 0)).mockResolvedValueOnce(stored('B', 2));
  const editor = createEditor(stored('A', 1));
  editor.getState().apply('Rename', (document) => setTitle(document, 'B'));
  await vi.advanceTimersByTimeAsync(1000);
  expect(editor.getState().save).toEqual({ kind: 'offline', changes: 1 });
  await vi.advanceTimersByTimeAsync(5000);
  expect(editor.getState().save.kind).toBe('saved');
});

test('a conflict asks; taking the newer version can be undone', async () => {
  save.mockRejectedValueOnce(new maps.MapConflict(stored('Theirs', 9)));
  const editor = createEditor(stored('A', 7));
  editor.getState().apply('Rename', (document) => setTitle(document, 'Mine'));
  await vi.advanceTimersByTimeAsync(1000);
  expect(editor.getState().save.kind).toBe('conflict');
  editor.getState().takeNewer();
  expect(titleOf(editor)).toBe('Theirs');
  editor.getState().undo();
  expect(titleOf(editor)).toBe('Mine');
});

test('keeping mine saves over the newer version', async () => {
  save
    .mockRejectedValueOnce(new maps.MapConflict(stored('Theirs', 9)))
    .mockResolvedValueOnce(stored('Mine', 10));
  const editor = createEditor(stored('A', 7));
  editor.getState().apply('Rename', (document) => setTitle(document, 'Mine'));
  await vi.advanceTimersByTimeAsync(1000);
  editor.getState().keepMine();
  await vi.advanceTimersByTimeAsync(10);
  expect(save).toHaveBeenLastCalledWith('m', 9, expect.objectContaining({ title: 'Mine' }));
});

test('having only looked around is no reason to ask', async () => {
  save.mockRejectedValueOnce(new maps.MapConflict(stored('Theirs', 9)));
  const editor = createEditor(stored('A', 7));
  editor.getState().look({ zoom: 5 });
  await vi.advanceTimersByTimeAsync(1000);
  expect(editor.getState()).toMatchObject({ version: 9, save: { kind: 'saved' } });
  expect(titleOf(editor)).toBe('Theirs');
});
