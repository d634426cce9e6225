// What a clicked feature says: the chosen columns, as words and numbers of the reader's language.
import { IconX } from '@tabler/icons-react';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { IconButton } from '../ui/IconButton';
import { useFormat } from '../ui/useFormat';
import type { PopupField } from './document/types';
import type { Picked } from './MapCanvas';
import styles from './Popup.module.css';

type Props = { picked: Picked; title: string; fields: readonly PopupField[]; onClose: () => void };

const isLink = (value: unknown): value is string =>
  typeof value === 'string' && /^https?:\/\/\S+$/.test(value);

/** The title is the first text column with "name" in it, if any is shown. */
export function Popup({ picked, title, fields, onClose }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const box = useRef<HTMLElement>(null);

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => event.key === 'Escape' && onClose();
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [onClose]);

  const show = (value: unknown) => {
    if (value === null || value === undefined || value === '')
      return <span className="dim">{t('popup.noValue')}</span>;
    if (typeof value === 'number') return format.number(value);
    if (isLink(value)) {
      return (
        <a href={value} target="_blank" rel="noreferrer">
          {value}
        </a>
      );
    }
    return typeof value === 'object' ? JSON.stringify(value) : String(value);
  };

  const above = picked.y > 260;
  return (
    <article
      ref={box}
      className={styles.popup}
      data-side={above ? 'above' : 'below'}
      style={{ left: `clamp(140px, ${picked.x}px, calc(100% - 140px))`, top: picked.y }}
      aria-label={t('popup.label', { layer: title })}
    >
      <header className={styles.head}>
        <span className="truncate">{title}</span>
        <IconButton icon={IconX} label={t('actions.close')} onClick={onClose} size={24} />
      </header>
      <dl className={styles.fields}>
        {fields.map((field) => (
          <div key={field.name}>
            <dt title={field.name}>{field.customName || field.name}</dt>
            <dd className="numbers">{show(picked.properties[field.name])}</dd>
          </div>
        ))}
      </dl>
    </article>
  );
}
