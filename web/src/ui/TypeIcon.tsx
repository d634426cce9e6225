// The type of a column as a small sign with a name.
import { Tooltip } from '@mantine/core';
import {
  IconBraces,
  IconCalendar,
  IconHash,
  IconLetterCase,
  IconMapPin,
  IconQuestionMark,
  IconToggleLeft,
} from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

const SIGNS = {
  number: IconHash,
  bigint: IconHash,
  string: IconLetterCase,
  geometry: IconMapPin,
  timestamp: IconCalendar,
  object: IconBraces,
  variant: IconBraces,
  boolean: IconToggleLeft,
  unknown: IconQuestionMark,
} as const;

export type KnownType = keyof typeof SIGNS;

/** The words of files and warehouses beside the API's own. */
const SAME: Record<string, KnownType> = {
  double: 'number',
  text: 'string',
  date: 'timestamp',
  timestamptz: 'timestamp',
  json: 'object',
};

export function knownType(type: string): KnownType {
  return type in SIGNS ? (type as KnownType) : (SAME[type] ?? 'unknown');
}

export function TypeIcon({ type, detail }: { type: string; detail?: string | null }) {
  const { t } = useTranslation();
  const known = knownType(type);
  const Shape = SIGNS[known];
  const name = t(`types.${known}`);
  return (
    <Tooltip label={detail ? `${name} (${detail})` : name}>
      <span
        role="img"
        aria-label={name}
        style={{ display: 'inline-flex', color: 'var(--g-dim)', flex: 'none' }}
      >
        <Shape size={16} stroke={1.5} />
      </span>
    </Tooltip>
  );
}
