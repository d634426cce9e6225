// Everything the pages stand on: theme, toasts, styles and fonts, all served by us.
import './layers.css';

import '@fontsource-variable/inter';
import '@fontsource-variable/jetbrains-mono';
import '@mantine/core/styles.layer.css';
import '@mantine/notifications/styles.layer.css';
import '@mantine/spotlight/styles.layer.css';
import './base.css';
import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import type { ReactNode } from 'react';
import { resolveVariables, theme } from './theme';

const schemeManager = localStorageColorSchemeManager();

export function Provider({ children }: { children: ReactNode }) {
  return (
    <MantineProvider
      theme={theme}
      cssVariablesResolver={resolveVariables}
      defaultColorScheme="auto"
      colorSchemeManager={schemeManager}
    >
      <Notifications position="bottom-right" limit={4} autoClose={6000} zIndex={400} />
      {children}
    </MantineProvider>
  );
}
