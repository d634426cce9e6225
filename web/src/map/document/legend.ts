// What the legend says of a layer: swatches, classes with their bounds, categories, sizes.
import { _getLog10ScaleSteps as log10Steps } from '@carto/api-client';
import type { AttributeStats } from '../../api/sql';
import { hexFromRgb } from '../../lib/color';
import { formatBounds, formatNumber } from '../../lib/format';
import { UNKNOWN_COLOR } from './palettes';
import type { ColorRange, ColorScale, Geometry, Layer } from './types';

export type LegendEntry = { color: string; text: string; kind: 'class' | 'category' | 'null' };
export type LegendColors = { by: string; entries: LegendEntry[]; more: number };
export type LegendSizes = { by: string; entries: { size: number; text: string }[] };

export type LayerLegend = {
  layerId: string;
  label: string;
  isVisible: boolean;
  geometry: Geometry;
  color: string;
  stroke: string | null;
  /** As the map draws it, 0–1. */
  opacity: number;
  colors: LegendColors | null;
  sizes: LegendSizes | null;
};

const MAX_ENTRIES = 20;

/** Class bounds from min to max: n classes have n + 1 of them. */
export function boundsOf(scale: ColorScale, range: ColorRange, stats: AttributeStats): number[] | null {
  const { min, max, quantiles } = stats;
  if (typeof min !== 'number' || typeof max !== 'number') return null;
  const classes = range.colors.length;
  switch (scale) {
    case 'ordinal':
      return null;
    case 'quantize':
      return Array.from({ length: classes + 1 }, (_, at) => min + ((max - min) * at) / classes);
    case 'quantile': {
      const found = quantiles?.[String(classes)];
      if (found?.length === classes + 1) return found;
      const quarters = quantiles?.['4'];
      if (classes === 2 && quarters?.length === 5) return [quarters[0]!, quarters[2]!, quarters[4]!];
      return Array.from({ length: classes + 1 }, (_, at) => min + ((max - min) * at) / classes);
    }
    case 'custom':
      if (range.colorMap) {
        const inner = range.colorMap
          .map(([bound]) => bound)
          .filter((bound): bound is number => typeof bound === 'number');
        return [min, ...inner, max];
      }
      return [min, ...log10Steps({ min, max, steps: classes }), max];
  }
}

/** The categories that get a colour of their own: the most frequent, as CARTO's client takes them. */
export function categoriesOf(range: ColorRange, stats: AttributeStats): string[] {
  if (range.colorMap)
    return range.colorMap.map(([value]) => String(value)).filter((value) => value !== 'null');
  return (stats.categories ?? [])
    .map((one) => one.category)
    .filter((category): category is string => category !== null && category !== undefined)
    .map(String)
    .slice(0, range.colors.length);
}

export type LegendWords = { noValue: string; other: string; locale: string };

function classEntries(bounds: number[], colors: string[], locale: string): LegendEntry[] {
  const text = formatBounds(bounds, locale);
  const entries: LegendEntry[] = [];
  for (let at = 0; at < bounds.length - 1; at += 1) {
    const color = colors[Math.min(at, colors.length - 1)]!;
    // Equal quantiles make classes that hold nothing: leave them out.
    const isEmpty = bounds[at] === bounds[at + 1] && at < bounds.length - 2;
    if (!isEmpty) entries.push({ color, text: `${text[at]} – ${text[at + 1]}`, kind: 'class' });
  }
  return entries;
}

export function legendColors(
  field: string,
  scale: ColorScale,
  range: ColorRange,
  stats: AttributeStats | undefined,
  words: LegendWords,
): LegendColors | null {
  if (!stats) return null;
  if (scale === 'ordinal') {
    const categories = categoriesOf(range, stats);
    const entries: LegendEntry[] = categories.map((category, at) => ({
      color: range.colorMap ? range.colorMap[at]![1] : range.colors[at % range.colors.length]!,
      text: category,
      kind: 'category',
    }));
    const total = (stats.categories ?? []).filter((one) => one.category !== null).length;
    if (total > categories.length)
      entries.push({ color: UNKNOWN_COLOR, text: words.other, kind: 'category' });
    return withLimit(field, entries);
  }
  const bounds = boundsOf(scale, range, stats);
  if (!bounds) return null;
  const colors = range.colorMap ? range.colorMap.map(([, color]) => color) : range.colors;
  return withLimit(field, classEntries(bounds, colors, words.locale));
}

function withLimit(by: string, entries: LegendEntry[]): LegendColors {
  return { by, entries: entries.slice(0, MAX_ENTRIES), more: Math.max(0, entries.length - MAX_ENTRIES) };
}

export function legendSizes(
  field: string,
  range: readonly [number, number],
  stats: AttributeStats | undefined,
  locale: string,
): LegendSizes | null {
  if (!stats || typeof stats.min !== 'number' || typeof stats.max !== 'number') return null;
  return {
    by: field,
    entries: [
      {
        size: range[0],
        text: formatNumber(stats.min, locale, { maximumFractionDigits: 2, notation: 'compact' }),
      },
      {
        size: range[1],
        text: formatNumber(stats.max, locale, { maximumFractionDigits: 2, notation: 'compact' }),
      },
    ],
  };
}

export function layerLegend(
  layer: Layer,
  geometry: Geometry,
  stats: Readonly<Record<string, AttributeStats>>,
  words: LegendWords,
): LayerLegend {
  const { config, visualChannels: channels } = layer;
  const { visConfig } = config;
  const colorField = geometry === 'line' ? channels.strokeColorField : channels.colorField;
  const colorScale = geometry === 'line' ? channels.strokeColorScale : channels.colorScale;
  const range = geometry === 'line' ? visConfig.strokeColorRange : visConfig.colorRange;
  const sizeField =
    geometry === 'point' ? channels.radiusField : geometry === 'line' ? channels.sizeField : null;
  const sizeRange = geometry === 'point' ? visConfig.radiusRange : visConfig.sizeRange;
  return {
    layerId: layer.id,
    label: config.label,
    isVisible: config.isVisible,
    geometry,
    color: hexFromRgb(geometry === 'line' ? visConfig.strokeColor : config.color),
    stroke: geometry !== 'line' && visConfig.stroked ? hexFromRgb(visConfig.strokeColor) : null,
    opacity: (geometry === 'line' ? visConfig.strokeOpacity : visConfig.opacity) ** (1 / 2.2),
    colors: colorField
      ? legendColors(colorField.name, colorScale, range, stats[colorField.name], words)
      : null,
    sizes: sizeField ? legendSizes(sizeField.name, sizeRange, stats[sizeField.name], words.locale) : null,
  };
}
