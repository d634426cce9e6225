// Colours as people and browsers write them: hex, RGB triples, contrast by WCAG 2.

/** Red, green, blue, each 0–255. */
export type Rgb = [number, number, number];

export function rgbFromHex(hex: string): Rgb {
  const digits = hex.replace('#', '');
  const full = digits.length === 3 ? [...digits].map((d) => d + d).join('') : digits;
  const value = Number.parseInt(full.slice(0, 6), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

export function hexFromRgb(rgb: readonly number[]): string {
  return `#${rgb
    .slice(0, 3)
    .map((channel) =>
      Math.max(0, Math.min(255, Math.round(channel)))
        .toString(16)
        .padStart(2, '0'),
    )
    .join('')}`;
}

/** WCAG 2 relative luminance, 0 (black) to 1 (white). */
export function luminance(hex: string): number {
  const [r, g, b] = rgbFromHex(hex).map((channel) => {
    const part = channel / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

/** WCAG 2 contrast ratio, 1 to 21. */
export function contrast(a: string, b: string): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light! + 0.05) / (dark! + 0.05);
}

/** The same hue, darker (factor < 1) or lighter (factor > 1), channel by channel. */
export function scaled(rgb: readonly number[], factor: number): Rgb {
  return rgb.slice(0, 3).map((c) => Math.max(0, Math.min(255, Math.round(c * factor)))) as Rgb;
}
