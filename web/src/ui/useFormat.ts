// Formatting bound to the language that is on now.
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import * as format from '../lib/format';

export function useFormat() {
  const { i18n } = useTranslation();
  const locale = i18n.language;
  return useMemo(
    () => ({
      locale,
      number: (value: number, options?: Intl.NumberFormatOptions) =>
        format.formatNumber(value, locale, options),
      compact: (value: number) => format.formatCompact(value, locale),
      bytes: (value: number) => format.formatBytes(value, locale),
      date: (value: string | number | Date) => format.formatDate(value, locale),
      dateTime: (value: string | number | Date) => format.formatDateTime(value, locale),
      exactTime: (value: string | number | Date) => format.formatExactTime(value, locale),
      clock: (value: number | Date) => format.formatClock(value, locale),
      relative: (value: string | number | Date) => format.formatRelative(value, Date.now(), locale),
    }),
    [locale],
  );
}
