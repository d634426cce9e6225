// The designed states of a list or panel: nothing here yet, and what went wrong.
import { Button, CopyButton } from '@mantine/core';
import { IconAlertTriangle, IconCheck, IconCopy, IconRefresh } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiError, errorDetail } from '../lib/problem';
import type { Icon } from './IconButton';
import styles from './States.module.css';

type EmptyProps = { icon: Icon; title: string; text?: string; children?: ReactNode; isCompact?: boolean };

/** Says what would be here, and offers the way. */
export function EmptyState({ icon: Shape, title, text, children, isCompact }: EmptyProps) {
  return (
    <div className={isCompact ? styles.compact : styles.empty}>
      <span className={styles.icon}>
        <Shape size={isCompact ? 20 : 28} stroke={1.25} />
      </span>
      <div className={styles.title}>{title}</div>
      {text ? <p className={styles.text}>{text}</p> : null}
      {children ? <div className={styles.actions}>{children}</div> : null}
    </div>
  );
}

type ErrorProps = { error: unknown; title: string; onRetry?: (() => void) | undefined; isCompact?: boolean };

/** What failed, what the server said, a copy of all of it, and another try. */
export function ErrorState({ error, title, onRetry, isCompact }: ErrorProps) {
  const { t } = useTranslation();
  const hint = error instanceof ApiError ? error.hint : null;
  const message =
    error instanceof ApiError && error.status === 0
      ? t('errors.offline')
      : error instanceof Error
        ? error.message
        : String(error);
  return (
    <div className={isCompact ? styles.errorCompact : styles.error} role="alert">
      <div className={styles.errorTitle}>
        <IconAlertTriangle size={16} stroke={1.5} />
        {title}
      </div>
      <p className={styles.message}>{message}</p>
      {hint ? <p className={styles.message}>{hint}</p> : null}
      <div className={styles.errorActions}>
        {onRetry ? (
          <Button variant="default" leftSection={<IconRefresh size={14} stroke={1.5} />} onClick={onRetry}>
            {t('actions.retry')}
          </Button>
        ) : null}
        <CopyButton value={errorDetail(error)}>
          {({ copied, copy }) => (
            <Button
              variant="subtle"
              leftSection={copied ? <IconCheck size={14} /> : <IconCopy size={14} stroke={1.5} />}
              onClick={copy}
            >
              {copied ? t('actions.copied') : t('actions.copyDetail')}
            </Button>
          )}
        </CopyButton>
      </div>
    </div>
  );
}
