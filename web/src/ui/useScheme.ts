// Light, dark or as the system says; and which of the two it is now.
import { useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import type { Scheme } from './palette';

export type SchemeChoice = 'light' | 'dark' | 'auto';

export function useScheme(): Scheme {
  return useComputedColorScheme('light', { getInitialValueInEffect: false });
}

export function useSchemeChoice(): [SchemeChoice, (choice: SchemeChoice) => void] {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return [colorScheme, setColorScheme];
}
