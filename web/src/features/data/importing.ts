// How any part of the explorer opens the file chooser.
import { createContext, useContext } from 'react';

export const ImportContext = createContext<() => void>(() => {});

export const useChooseFile = () => useContext(ImportContext);
