// How an import ended: rows read, written, repaired and refused, each refusal with its reason.
import { Button, Group } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Job } from '../../api/imports';
import { ErrorState } from '../../ui/States';
import { useFormat } from '../../ui/useFormat';
import styles from './ImportDialog.module.css';

type Props = { job: Job; table: string; onOpen: () => void; onClose: () => void };

export function ImportReportView({ job, table, onOpen, onClose }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  if (job.state === 'cancelled') {
    return (
      <div className={styles.report}>
        <p>{t('imports.cancelled')}</p>
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t('actions.close')}
          </Button>
        </Group>
      </div>
    );
  }
  if (job.state === 'failed' || !job.result) {
    return (
      <ErrorState
        error={new Error(job.error ?? t('imports.noReport'))}
        title={t('imports.failed')}
        isCompact
      />
    );
  }
  const { read, written, repaired = 0, refused = [] } = job.result;
  const refusedCount = job.result.refused_count ?? refused.length;
  const numbers: [string, number][] = [
    [t('imports.read'), read],
    [t('imports.written'), written],
    ...(job.result.without_geometry
      ? ([[t('imports.withoutGeometry'), job.result.without_geometry]] as [string, number][])
      : []),
    ...(repaired ? ([[t('imports.repaired'), repaired]] as [string, number][]) : []),
    ...(refusedCount ? ([[t('imports.refused'), refusedCount]] as [string, number][]) : []),
  ];
  return (
    <div className={styles.report}>
      <p>{t('imports.done', { table })}</p>
      <div className={styles.numbers}>
        {numbers.map(([label, value]) => (
          <div key={label}>
            <strong>{format.number(value)}</strong>
            <span className="dim">{label}</span>
          </div>
        ))}
      </div>
      {refused.length ? (
        <ul className={styles.refused} aria-label={t('imports.refused')}>
          {refused.slice(0, 200).map((one, at) => (
            <li key={at}>
              <span>{t('imports.row', { number: format.number(one.row) })}</span>
              <span>{one.reason}</span>
            </li>
          ))}
          {refusedCount > Math.min(200, refused.length) ? (
            <li className="dim">
              {t('legend.more', { count: refusedCount - Math.min(200, refused.length) })}
            </li>
          ) : null}
        </ul>
      ) : null}
      <Group justify="flex-end" gap={8}>
        <Button variant="default" size="md" onClick={onClose}>
          {t('actions.close')}
        </Button>
        <Button size="md" onClick={onOpen} data-autofocus>
          {t('imports.open')}
        </Button>
      </Group>
    </div>
  );
}
