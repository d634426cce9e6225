// Zoom, bottom right; and attribution, always there, short, with the data's own sources.
import { IconMinus, IconPlus } from '@tabler/icons-react';
import { type ReactNode, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { IconButton } from '../ui/IconButton';
import styles from './MapControls.module.css';

type ZoomProps = { onZoom: (steps: number) => void; children?: ReactNode };

export function ZoomControls({ onZoom, children }: ZoomProps) {
  const { t } = useTranslation();
  return (
    <div className={styles.zoom}>
      {children}
      <div className={styles.group}>
        <IconButton
          icon={IconPlus}
          label={t('map.zoomIn')}
          onClick={() => onZoom(1)}
          size={32}
          tooltipSide="left"
        />
        <IconButton
          icon={IconMinus}
          label={t('map.zoomOut')}
          onClick={() => onZoom(-1)}
          size={32}
          tooltipSide="left"
        />
      </div>
    </div>
  );
}

type Part = { text: string; href: string | null };

/** Attributions come as text with links: keep the words and the http(s) links, nothing else. */
export function partsOf(html: string): Part[] {
  const parsed = new DOMParser().parseFromString(html, 'text/html');
  const parts: Part[] = [];
  for (const node of parsed.body.childNodes) {
    const text = node.textContent ?? '';
    if (!text) continue;
    const href = node instanceof HTMLAnchorElement ? node.getAttribute('href') : null;
    parts.push({ text, href: href && /^https?:/.test(href) ? href : null });
  }
  return parts;
}

export function Attribution({ basemap, data }: { basemap: readonly string[]; data: readonly string[] }) {
  const { t } = useTranslation();
  const lines = useMemo(() => [...new Set([...data, ...basemap])].map(partsOf), [basemap, data]);
  if (lines.length === 0) return null;
  return (
    <section className={styles.attribution} aria-label={t('map.attribution')}>
      {lines.map((parts, at) => (
        <span key={at}>
          {at > 0 ? ' · ' : ''}
          {parts.map((part, i) =>
            part.href ? (
              <a key={i} href={part.href} target="_blank" rel="noreferrer">
                {part.text}
              </a>
            ) : (
              <span key={i}>{part.text}</span>
            ),
          )}
        </span>
      ))}
    </section>
  );
}
