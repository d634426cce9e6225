// Numbers, sizes and times in the reader's own language.

export function formatNumber(value: number, locale: string, options?: Intl.NumberFormatOptions): string {
  return new Intl.NumberFormat(locale, { maximumFractionDigits: 6, ...options }).format(value);
}

/** 1,204,000 → "1.2M": for places where there is no room. */
export function formatCompact(value: number, locale: string): string {
  return formatNumber(value, locale, { notation: 'compact', maximumFractionDigits: 1 });
}

const BYTE_UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

/** Decimal units: 1 kB is 1,000 bytes. */
export function formatBytes(bytes: number, locale: string): string {
  const power = bytes < 1 ? 0 : Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  return formatNumber(bytes / 1000 ** power, locale, {
    style: 'unit',
    unit: BYTE_UNITS[power],
    unitDisplay: power === 0 ? 'long' : 'short',
    maximumFractionDigits: power === 0 ? 0 : 1,
  });
}

export function formatDateTime(value: string | number | Date, locale: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(value));
}

/** The day alone, in UTC as it is stored. */
export function formatDate(value: string | number | Date, locale: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone: 'UTC' }).format(new Date(value));
}

/** With seconds and the time zone: what a tooltip says. */
export function formatExactTime(value: string | number | Date, locale: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'long' }).format(new Date(value));
}

export function formatClock(value: number | Date, locale: string): string {
  return new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' }).format(value);
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
];

/** "3 hours ago"; under a minute "now". `now` in milliseconds. */
export function formatRelative(value: string | number | Date, now: number, locale: string): string {
  const seconds = (new Date(value).getTime() - now) / 1000;
  const format = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  for (const [unit, size] of STEPS) {
    if (Math.abs(seconds) >= size) return format.format(Math.round(seconds / size), unit);
  }
  return format.format(0, 'second');
}

/**
 * Class bounds for a legend: the fewest digits at which neighbours still differ and
 * no bound is off by more than a hundredth of its class, so that rounding never lies.
 */
export function formatBounds(bounds: readonly number[], locale: string): string[] {
  const gaps = bounds
    .slice(1)
    .map((bound, i) => Math.abs(bound - bounds[i]!))
    .filter((gap) => gap > 0);
  const smallest = gaps.length ? Math.min(...gaps) : Math.abs(bounds[0] ?? 1) || 1;
  const digits = Math.max(0, Math.min(10, Math.ceil(1.7 - Math.log10(smallest))));
  const compact = smallest >= 1e5;
  return bounds.map((bound) =>
    compact
      ? formatNumber(bound, locale, { notation: 'compact', maximumFractionDigits: 2 })
      : formatNumber(bound, locale, { maximumFractionDigits: digits }),
  );
}
