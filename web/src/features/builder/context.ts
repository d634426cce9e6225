// The open editor, for every part of the builder.
import { createContext, useContext } from 'react';
import { useStore } from 'zustand';
import type { MapDocument } from '../../map/document/types';
import type { Editor, EditorStore } from './editor';

export const EditorContext = createContext<EditorStore | null>(null);

export function useEditorStore(): EditorStore {
  const store = useContext(EditorContext);
  if (!store) throw new Error('This part of the builder stands outside an open map.');
  return store;
}

export function useEditor<T>(choose: (editor: Editor) => T): T {
  return useStore(useEditorStore(), choose);
}

export function useDocument(): MapDocument {
  return useEditor((editor) => editor.history.present);
}
