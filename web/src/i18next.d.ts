// Makes a misspelt text key a type error.
import 'i18next';
import type { en } from './i18n/en';

declare module 'i18next' {
  interface CustomTypeOptions {
    resources: { translation: typeof en };
  }
}
