// Points, lines, areas or no geometry, as a sign with a name.
import { IconLine, IconMapPins, IconPolygon, IconTable } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

export type GeometrySign = 'point' | 'line' | 'polygon' | null;

export function GeometryIcon({ geometry, size = 16 }: { geometry: GeometrySign; size?: number }) {
  const { t } = useTranslation();
  const Shape =
    geometry === 'point'
      ? IconMapPins
      : geometry === 'line'
        ? IconLine
        : geometry === 'polygon'
          ? IconPolygon
          : IconTable;
  return (
    <span
      role="img"
      aria-label={t(`geometry.${geometry ?? 'none'}`)}
      style={{ display: 'inline-flex', color: 'var(--g-dim)', flex: 'none' }}
    >
      <Shape size={size} stroke={1.5} />
    </span>
  );
}
